"""How long the command line takes to answer, and what a small file takes beside its jets.

Each command is a process of its own, median of five; beside an empty Python, an import of
TensorFlow, and another version of the toolkit.

Usage: ``python benchmarks/startup.py [--before COMMIT]``.
"""

import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

from versions import NOW, argument_parser, command, environment, sources

from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.data.writer import write_records
from aefpga.schema import JETS

REPEATS = 5
EVENTS = 50
TOOLKIT = ("-m", "aefpga")
# In the folder of each version.
SMALL = "{}/small.aejets"


def seconds(arguments: tuple[str, ...], source: Path) -> float:
    """Return the median wall-clock time of Python with arguments, after a warm-up."""
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            check=True,
            env=environment(source),
        )
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def starts(folders: Mapping[str, Path], versions: Mapping[str, Path]) -> None:
    """Print a row for each command."""
    before = [name for name in versions if name != NOW]
    print("| command | seconds | times an empty Python |", end="")
    print("".join(f" seconds, {name} |" for name in before) + "\n|" + " --- |" * (3 + len(before)))
    empty = seconds(("-c", "pass"), versions[NOW])
    for label, arguments in {
        "python -c pass": ("-c", "pass"),
        "aefpga --help": (*TOOLKIT, "--help"),
        "aefpga train --help": (*TOOLKIT, "train", "--help"),
        "aefpga info SMALL": (*TOOLKIT, "info", "{}/small.aejets"),
        "aefpga decompress SMALL": (
            *TOOLKIT,
            "decompress",
            "{}/small.aejets",
            "-o",
            "{}/back.root",
        ),
        "import tensorflow": ("-c", "import tensorflow"),
    }.items():
        taken = {
            name: seconds(tuple(a.format(folders[name]) for a in arguments), source)
            for name, source in versions.items()
            if name == NOW or "aefpga" in arguments
        }
        was = "".join(f" {taken[x]:.2f} |" if x in taken else " – |" for x in before)
        print(f"| {label} | {taken[NOW]:.2f} | {taken[NOW] / empty:.0f} |{was}", flush=True)


def main() -> None:
    """Print both tables."""
    options = argument_parser(__doc__).parse_args()
    jets = read_records([str(sample_path())], JETS.choose("24")).between(0, EVENTS)
    with tempfile.TemporaryDirectory() as scratch, sources(options.before) as versions:
        source = Path(scratch) / "small.root"
        write_records(source, [jets], {})
        folders = {name: Path(scratch) / str(i) for i, name in enumerate(versions)}
        for name, folder in folders.items():
            folder.mkdir()
            told = [
                "compress",
                str(source),
                "-o",
                SMALL.format(folder),
                "--scalar",
                "--max-error",
                "1.07%",
            ]
            command(told, versions[name])
        starts(folders, versions)
        print(f"\n| SMALL: {EVENTS} events, {len(jets)} jets, level fast | bytes | without jets |")
        print("| --- | --- | --- |")
        for name, folder in folders.items():
            small = Path(SMALL.format(folder))
            with zipfile.ZipFile(small) as file:
                members = [m for m in file.infolist() if m.filename.startswith("chunks/")]
            size, content = small.stat().st_size, sum(m.compress_size for m in members)
            print(f"| {name} | {size:,} | {size - content:,} |", flush=True)


if __name__ == "__main__":
    main()
