"""All of `make bench`: benchmarks one after the other, their tables in one file, and as JSON.

Inputs and the commit to set beside this version are looked at before anything is measured. What the
benchmarks print goes to the terminal and, as it comes, into ``benchmarks/results/benchmarks.md``;
after each ``benchmarks.json`` has each table's rows, numbers as numbers. One that fails is named,
the others are done, and the exit code is 1.

Usage: ``python benchmarks/bench.py [--before COMMIT] [JETS...]``, else the embedded sample.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

from versions import ROOT, argument_parser, exit_when_terminated

from aefpga.data.reader import read_records
from aefpga.errors import AefpgaError
from aefpga.schema import JETS

RESULTS = ROOT / "benchmarks" / "results"
# In this order; and whether they are told of another version, and of jets.
BENCHMARKS = {
    "emulator": (False, False),
    "training": (False, False),
    "scaling": (False, False),
    "startup": (True, False),
    "codec": (True, False),
    "storage": (True, True),
    "peers": (False, True),
}
# What a benchmark may read of the first events of each input, to see that it can.
LOOK = 10_000


def check(before: str | None, inputs: Sequence[str]) -> None:
    """Raise where a benchmark would fail late.

    Raises
    ------
    AefpgaError
        If an input holds no jets of 24 variables, or there is no such commit.
    """
    for source in inputs:
        try:
            read_records([source], JETS.choose("24"), max_records=LOOK)
        except AefpgaError as error:
            raise AefpgaError(f"JETS: {error}") from None
    if before is not None:
        commit = f"{before}^{{commit}}"
        found = subprocess.run(["git", "-C", ROOT, "cat-file", "-e", commit], capture_output=True)
        if found.returncode:
            raise AefpgaError(
                f"BEFORE: {before} is no commit of this clone: expected one that `git log` shows "
                "(`git fetch --unshallow` gets all); `make bench BEFORE=` measures no other version"
            )


def run(name: str, arguments: Sequence[str], file: TextIO) -> dict[str, Any]:
    """Run a benchmark; what it prints goes into the file, too. Return what it found."""
    command = [sys.executable, ROOT / "benchmarks" / f"{name}.py", *arguments]
    start, text = time.perf_counter(), ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                text += line
                for target in (sys.stdout, file):
                    print(line, end="", file=target, flush=True)
        except BaseException:
            process.terminate()
            raise
    seconds = round(time.perf_counter() - start)
    return {"succeeded": not process.returncode, "seconds": seconds, "tables": tables(text)}


def tables(text: str) -> list[dict[str, Any]]:
    """Return the tables of a Markdown text: the line before each, and its rows by column."""
    found: list[dict[str, Any]] = []
    title, columns = "", list[str]()
    for line in map(str.strip, text.splitlines()):
        if not line.startswith("|"):
            title, columns = line or title, []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not columns:
            columns = cells
            found.append({"title": title.strip("*#: "), "columns": columns, "rows": []})
        elif not set(line) <= set("| -"):
            found[-1]["rows"].append([number(cell) for cell in cells])
    return found


def number(cell: str) -> str | int | float:
    """Return a cell that is a number as one."""
    plain = cell.replace(",", "")
    if re.fullmatch(r"-?\d+", plain):
        return int(plain)
    return float(plain) if re.fullmatch(r"-?\d+\.\d+(e[-+]?\d+)?", plain) else cell


def facts(before: str | None) -> dict[str, Any]:
    """Return what figures depend on."""
    described = ["git", "-C", ROOT, "describe", "--always", "--dirty"]
    commit = subprocess.run(described, capture_output=True, text=True).stdout.strip()
    return {
        "version": commit or "unknown",
        "before": before,
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "cores": len(os.sched_getaffinity(0)),
        "load at start": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
    }


def main() -> None:
    """Run all, and write what they found."""
    parser = argument_parser(__doc__)
    parser.add_argument("inputs", nargs="*", metavar="JETS")
    options = parser.parse_args()
    before = options.before or None
    exit_when_terminated()
    try:
        check(before, options.inputs)
    except AefpgaError as error:
        sys.exit(f"error: {error}")
    RESULTS.mkdir(exist_ok=True)
    found: dict[str, Any] = {}
    content = {**facts(before), "benchmarks": found}
    with (RESULTS / "benchmarks.md").open("w") as file:
        print("; ".join(f"{k} {v}" for k, v in facts(before).items() if v), file=file)
        for i, (name, (knows_before, takes_jets)) in enumerate(BENCHMARKS.items(), 1):
            told = ["--before", before] if knows_before and before else []
            told += options.inputs if takes_jets else []
            print(f"\n[{i}/{len(BENCHMARKS)}] {name}.py", file=sys.stderr, flush=True)
            print(f"\n## {name}.py\n", file=file, flush=True)
            found[name] = run(name, told, file)
            (RESULTS / "benchmarks.json").write_text(json.dumps(content, indent=1))
            print(f"{name}.py: {found[name]['seconds']} s", file=sys.stderr, flush=True)
    print(f"all tables: {RESULTS}/benchmarks.md, benchmarks.json", file=sys.stderr)
    if failed := [name for name, result in found.items() if not result["succeeded"]]:
        sys.exit(f"error: {', '.join(failed)} failed; the others are complete")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(f"interrupted; what was measured is in {RESULTS}")
