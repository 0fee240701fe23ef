"""What the verbs on compressed files share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aefpga.codec.archive import Archive
    from aefpga.schema import Variable

OwnRun = Annotated[str | None, typer.Option("--run", help="The run, for a file without its model.")]
File = Annotated[Path, typer.Argument(help="Compressed jets (.aejets).", metavar="FILE")]
SkipDamaged = Annotated[
    bool,
    typer.Option("--skip-damaged", help="Read what is left of a damaged or truncated file."),
]


def as_stored(size: int) -> str:
    """Say how large is what was read, as its files store it."""
    return f"{size:,} bytes, as stored" if size else "of unknown size"


def ratio(compressed: int, source: int) -> str:
    """Say how large a file is, and how much smaller or larger than what it was made of."""
    if not source or not compressed:
        return f"{compressed:,} bytes"
    times, what = source / compressed, "smaller"
    if times < 1:
        times, what = 1 / times, "larger"
    return f"{compressed:,} bytes: {times:.1f} times {what}"


def bound(archive: "Archive", variable: "Variable") -> str:
    """Say how far a variable may be off, relative to itself or in its unit."""
    profile = archive.header.max_error
    if profile is None:
        return "none"
    allowed = profile.of(variable.kind)
    if not allowed.absolute:
        return "exact"
    relative = f"{100 * allowed.relative:.3g} % or " if allowed.relative else ""
    return f"{relative}{allowed.absolute:g}"


def lacking(names: Sequence[str]) -> str:
    """Say what was asked for and is in no source."""
    return f"not in the sources, and so not in the file: {', '.join(names)}"


def open_archive(file: Path, run: str | None, runs: Path, salvage: bool) -> "Archive":
    """Open a file, with the run that made it where the file lacks its model."""
    from aefpga.codec.archive import Archive
    from aefpga.runs import open_run

    folder = open_run(run, runs).folder if run else None
    return Archive(file, folder, salvage=salvage)
