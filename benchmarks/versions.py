"""Another version of the toolkit beside this one: its source from git, its commands in turn.

What is compared is whole commands, for no version knows another's functions. Run as a program, this
file is the process that `Toolkit` talks to.
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self

ROOT = Path(__file__).parents[1]
NOW = "now"


def argument_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows `--before`."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--before", metavar="COMMIT", help="measure that version, too")
    return parser


def exit_when_terminated() -> None:
    """Let a termination end the process as an error does, so that nothing is left behind."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


@contextmanager
def sources(before: str | None) -> Iterator[dict[str, Path]]:
    """Yield where the Python source of this version is, and, for as long, of a commit."""
    exit_when_terminated()
    found = {NOW: ROOT / "src"}
    if before is None:
        yield found
        return
    with tempfile.TemporaryDirectory() as folder:
        command = ["git", "-C", str(ROOT), "archive", before, "src"]
        packed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield {**found, before: Path(folder) / "src"}


def environment(source: Path) -> dict[str, str]:
    """Return the environment in which Python finds a version of the toolkit."""
    return {**os.environ, "PYTHONPATH": str(source)}


class Whole(NamedTuple):
    """What a command took that was a process of its own."""

    seconds: float
    gigabytes: float


def command(arguments: Sequence[str], source: Path = ROOT / "src") -> Whole:
    """Run ``python -m aefpga`` with arguments; return its time and its peak memory."""
    # A process that waits for one child learns that child's peak memory.
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, sys.executable, "-m", "aefpga", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(source),
        start_new_session=True,
    ) as process:
        try:
            memory, said = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    if process.returncode:
        raise RuntimeError(f"`aefpga {' '.join(arguments)}` failed: {said[-1000:]}")
    return Whole(time.perf_counter() - start, int(memory) / 1e6)


class Cost(NamedTuple):
    """What a command took: seconds by the clock, and of all cores' work."""

    seconds: float
    cpu: float


class Toolkit:
    """A process that runs commands of one version, one after the other, without starts between."""

    def __init__(self, source: Path) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env=environment(source),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def run(self, arguments: Sequence[str]) -> Cost | None:
        """Run a command; if it fails, as an older version may lack it, say why and return None."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        if answer is None:
            self._said.seek(0)
            *_, said = self._said.read().split("error: ")
            print(f"`aefpga {' '.join(arguments)}` failed: {said.strip()}", file=sys.stderr)
        return Cost(*answer) if answer else None


def in_turn(
    told: Mapping[str, tuple[Toolkit, Sequence[str]]], repeats: int
) -> dict[str, Cost | None]:
    """Return what a command takes, medians by version; the first time is left out.

    None of a version in which it fails.
    """
    first = {v: toolkit.run(arguments) for v, (toolkit, arguments) in told.items()}
    taken: dict[str, list[Cost]] = {v: [] for v in told}
    for _ in range(repeats):
        for v, (toolkit, arguments) in told.items():
            if first[v] and (cost := toolkit.run(arguments)):
                taken[v].append(cost)
    return {
        v: Cost(*map(median, zip(*costs, strict=True))) if costs else None
        for v, costs in taken.items()
    }


def serve() -> None:
    """Run the commands that come in, and answer what each took."""
    from aefpga.cli import main

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for line in sys.stdin:
        sys.argv = ["aefpga", *json.loads(line)]
        start, work, failed = time.perf_counter(), time.process_time(), False
        try:
            main()
        except SystemExit as done:
            failed = bool(done.code)
        cost = Cost(time.perf_counter() - start, time.process_time() - work)
        print(json.dumps(None if failed else cost), file=answers, flush=True)


if __name__ == "__main__":
    serve()
