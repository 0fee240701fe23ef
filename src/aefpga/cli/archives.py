"""What the verbs on compressed files share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aefpga.codec.archive import Archive

OwnRun = Annotated[str | None, typer.Option("--run", help="The run, for a file without its model.")]
File = Annotated[Path, typer.Argument(help="Compressed jets (.aejets).", metavar="FILE")]
SkipDamaged = Annotated[
    bool,
    typer.Option("--skip-damaged", help="Read what is left of a damaged or truncated file."),
]


def in_root(size: int) -> str:
    """Say how large what was read is."""
    return f"{size:,} bytes in ROOT" if size else "in the tree's header, of unknown size"


def ratio(compressed: int, source: int) -> str:
    """Say how large a file is, and how much smaller than what it was made of."""
    smaller = f": {source / compressed:.1f} times smaller" if source and compressed else ""
    return f"{compressed:,} bytes{smaller}"


def open_archive(file: Path, run: str | None, runs: Path, salvage: bool) -> "Archive":
    """Open a file, with the run that made it where the file lacks its model."""
    from aefpga.codec.archive import Archive
    from aefpga.runs import open_run

    folder = open_run(run, runs).folder if run else None
    return Archive(file, folder, salvage=salvage)
