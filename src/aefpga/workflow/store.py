"""`compress` of many files into a folder: a Dask task a file, on this machine or on a cluster.

The folder's `manifest.jsonl` is the truth of what is done: a line says how everything is
compressed, then one line follows for each finished file. A line is added when a file has its final
name, so whatever dies in between, the next call goes on with what has no line.
"""

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from glob import escape
from pathlib import Path
from typing import Any

from aefpga import __version__
from aefpga.codec.archive import Archive
from aefpga.codec.bounds import to_config
from aefpga.data.reader import find_files
from aefpga.errors import AefpgaError, DataError, RunError, UsageError
from aefpga.files import sha256_of
from aefpga.runs import Run, open_run
from aefpga.workflow import Step
from aefpga.workflow.compress import Settings, compress

SCHEMA_VERSION = 1
MANIFEST = "manifest.jsonl"
# How often workers may die with a file before it is given up.
ALLOWED_DEATHS = 5


@dataclass(frozen=True)
class Entry:
    """A finished file: where it came from, as it then was, and what was made of it.

    `source_bytes` are those of the branches that were read.
    """

    source: str
    source_size: int
    source_modified: int
    source_bytes: int
    output: str
    sha256: str
    compressed_bytes: int
    jets: int
    events: int
    seconds: float
    learned: bool


@dataclass
class Stored:
    """What a call did to a folder of compressed files."""

    folder: str
    files: int = 0
    found_done: int = 0
    jets: int = 0
    source_bytes: int = 0
    compressed_bytes: int = 0
    seconds: float = 0.0
    # Of each file that could not be compressed, why.
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Count a file."""
        self.files += 1
        self.jets += entry.jets
        self.source_bytes += entry.source_bytes
        self.compressed_bytes += entry.compressed_bytes


def compress_store(
    run: Run | None,
    inputs: Sequence[str],
    folder: Path,
    settings: Settings,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    step: Step,
) -> Stored:
    """Compress each ROOT file into a file of its own; go on where an earlier call ended.

    Parameters
    ----------
    run : Run or None
        As of `compress`. Workers on other machines must see its folder under the same path, and
        those of the files.
    inputs : sequence of str
        ROOT files and globs.
    folder : Path
        Where outputs go, under the names of their inputs below the folder common to all.
    settings : Settings
        How; with level ``best`` the largest file is compressed first, and what was learned from it
        is used for all.
    scheduler : str or None
        Address of a Dask scheduler; None starts workers on this machine.
    workers : int or None
        Number of these; None takes one a core.
    step : callable
        Called as ``step(what, done, total)``.

    Raises
    ------
    UsageError
        If the folder was made with other settings, two inputs would get one name, or no scheduler
        answers at the address.
    DataError
        If an input does not exist.
    """
    began = time.perf_counter()
    names = _output_names(find_files(inputs))
    done = _Manifest(folder, _facts(run, settings))
    stored, waiting = Stored(str(folder)), {}
    for source, name in names.items():
        if entry := done.entry(source):
            stored.add(entry)
            stored.found_done += 1
        else:
            waiting[source] = name

    def finish(source: Path, outcome: Entry | str) -> None:
        if isinstance(outcome, Entry):
            done.add(outcome)
            stored.add(outcome)
        else:
            stored.failed[str(source)] = outcome
        step("files", stored.files + len(stored.failed), len(names))

    step("files", stored.files, len(names))
    if waiting:
        with _client(scheduler, workers or min(os.cpu_count() or 1, len(waiting))) as client:
            outcomes = partial(_outcomes, client, run, folder.resolve())
            if settings.level == "best" and settings.learned_from is None:
                learned = done.learned()
                if learned is None:
                    largest = max(waiting, key=lambda path: path.stat().st_size)
                    first = {largest: waiting.pop(largest)}
                    for source, outcome in outcomes(first, settings):
                        finish(source, outcome)
                    learned = done.learned()
                settings = replace(settings, learned_from=learned)
            for source, outcome in outcomes(waiting, settings):
                finish(source, outcome)
        _remove_leftovers(folder, names.values())
    stored.seconds = time.perf_counter() - began
    return stored


def compress_file(
    run: Path | None, source: Path, folder: Path, name: str, settings: Settings
) -> Entry | str:
    """Compress one file, on a worker; return its entry, or why it could not be."""
    began, state, output = time.perf_counter(), source.stat(), folder / name
    try:
        opened = open_run(str(run), run.parent) if run else None
        facts = compress(opened, [str(source)], output, settings, step=_silent)
    except AefpgaError as error:
        return str(error)
    return Entry(
        source=str(source),
        source_size=state.st_size,
        source_modified=state.st_mtime_ns,
        source_bytes=facts.source_bytes,
        output=name,
        sha256=sha256_of(output),
        compressed_bytes=output.stat().st_size,
        jets=facts.jets,
        events=facts.events,
        seconds=time.perf_counter() - began,
        learned=bool(Archive(output).models()),
    )


def _outcomes(
    client: Any, run: Run | None, folder: Path, files: Mapping[Path, str], settings: Settings
) -> Iterator[tuple[Path, Entry | str]]:
    """Yield, as workers end, each file with its entry or with why there is none."""
    from distributed import as_completed

    of_run = run.folder.resolve() if run else None
    futures = {
        client.submit(compress_file, of_run, source, folder, name, settings, pure=False): source
        for source, name in files.items()
    }
    for future in as_completed(futures):
        try:
            yield futures[future], future.result()
        except Exception as error:  # whatever a worker dies of is the file's outcome
            yield futures[future], f"its worker failed: {error or type(error).__name__}"
        future.release()


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    # A worker's death counts against all files that were given to it.
    with dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED_DEATHS}):
        if scheduler is None:
            with (
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address=None,
                    # Memory does not grow with a file: no worker is to be paused for it.
                    memory_limit=0,
                    silence_logs=50,
                ) as cluster,
                Client(cluster) as client,
            ):
                yield client
            return
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"--scheduler {scheduler}: no Dask scheduler answers there ({error}); start one "
                "with `dask scheduler`"
            ) from error
        with client:
            yield client


class _Manifest:
    """What is done in a folder; see the module."""

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self._path, self._entries = folder / MANIFEST, dict[str, Entry]()
        if not self._path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._append({"schema": SCHEMA_VERSION, "aefpga": __version__, "settings": facts})
            return
        lines = list(_whole_lines(self._path))
        header = lines[0] if lines else {}
        if header.get("schema") != SCHEMA_VERSION:
            raise RunError(
                f"{self._path} has schema {header.get('schema')}, expected {SCHEMA_VERSION}: it is "
                "damaged or of another version; choose another folder"
            )
        for name, value in header["settings"].items():
            if value != facts[name]:
                raise UsageError(
                    f"{folder} was made with another {name.replace('_', ' ')}: {value}, now "
                    f"{facts[name]}; choose another folder"
                )
        for line in lines[1:]:
            entry = Entry(**line)
            self._entries[entry.source] = entry

    def entry(self, source: Path) -> Entry | None:
        """Return the entry of a file that is done, and has not changed since."""
        entry, state = self._entries.get(str(source)), source.stat()
        if entry is None:
            return None
        output = self._path.parent / entry.output
        as_then = (entry.source_size, entry.source_modified) == (state.st_size, state.st_mtime_ns)
        is_there = output.exists() and output.stat().st_size == entry.compressed_bytes
        return entry if as_then and is_there else None

    def learned(self) -> Path | None:
        """Return a file whose learned coding the others use."""
        for entry in self._entries.values():
            path = self._path.parent / entry.output
            if entry.learned and path.exists():
                return path
        return None

    def add(self, entry: Entry) -> None:
        """Record a finished file."""
        self._entries[entry.source] = entry
        self._append(asdict(entry))

    def _append(self, content: Mapping[str, Any]) -> None:
        with self._path.open("a") as stream:
            stream.write(json.dumps(content) + "\n")
            stream.flush()
            os.fsync(stream.fileno())


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file, without the one that a crash cut short."""
    for number, line in enumerate(path.read_text().splitlines(keepends=True), 1):
        try:
            yield json.loads(line)
        except ValueError as error:
            if line.endswith("\n"):
                raise DataError(f"{path}: line {number} is damaged; remove it") from error
            # What is added next must begin a line of its own.
            with path.open("r+") as stream:
                stream.truncate(path.stat().st_size - len(line.encode()))


def _output_names(sources: Sequence[Path]) -> dict[Path, str]:
    """Return the name of each file's output: its own below the folder common to all."""
    sources = [source.resolve() for source in sources]
    common = os.path.commonpath([source.parent for source in sources])
    names = {s: str(s.relative_to(common).with_suffix(".aejets")) for s in sources}
    (name, often), *_ = Counter(names.values()).most_common(1)
    if often > 1:
        raise UsageError(f"{often} inputs would become {name}; compress them separately")
    return names


def _facts(run: Run | None, settings: Settings) -> dict[str, Any]:
    """Return what all files of a folder have in common."""
    return {
        "encoder": run.spec.hash if run else None,
        "variables": settings.variables,
        "max_error": to_config(settings.profile),
        "level": settings.level,
        "keep_outliers": settings.keep_outliers,
        "embed_model": settings.with_model,
        "collection": settings.collection,
    }


def _remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove the temporary folders of workers that died."""
    for output in (folder / name for name in names):
        for leftover in output.parent.glob(f".{escape(output.name)}-*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _silent(what: str, done: int, total: int) -> None:
    """Take a worker's progress; files are counted where they were sent from."""
