"""`aefpga decompress`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.choices import FileFormat
from aefpga.cli import show
from aefpga.cli.archives import File, OwnRun, SkipDamaged, open_archive
from aefpga.cli.options import Runs, Variables


def decompress(
    file: File,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write: .root or .parquet.")
    ],
    file_format: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Default: as the suffix says, of .root a ttree."),
    ] = None,
    variables: Variables = None,
    entries: Annotated[
        str | None, typer.Option("--entries", help="Events FIRST:LAST, the last left out.")
    ] = None,
    run: OwnRun = None,
    runs: Runs = Path("runs"),
    skip_damaged: SkipDamaged = False,
) -> None:
    """Give the jets back: a list, for each event, of every variable. Needs no TensorFlow.

    As a TTree or an RNTuple of a ROOT file, or as Parquet; units and origin are in the file.

    Example: `aefpga decompress jets.aejets -o back.root --variables pt,eta,phi --entries 0:1000`,
    or `-o back.root --format rntuple`, or `-o back.parquet`.
    """
    from aefpga.workflow.compress import decompress as decompress_jets

    first, last = _range(entries)
    archive = open_archive(file, run, runs, skip_damaged)
    names = archive.schema.choose(variables).names if variables else None
    with show.progress() as step:
        n = decompress_jets(
            archive,
            output,
            file_format=file_format,
            variables=names,
            first=first,
            last=last,
            step=step,
        )
    for number, reason in archive.skipped.items():
        show.note(f"chunk {number} was left out: {reason}")
    show.say(f"{n:,} {archive.schema.name} in {output}")
    if archive.is_cut:
        show.note("the manifest is lost: whether more chunks followed is not known")
    if archive.skipped or archive.is_cut:
        raise typer.Exit(1)


def _range(entries: str | None) -> tuple[int, int | None]:
    from aefpga.errors import UsageError

    if entries is None:
        return 0, None
    first, colon, last = entries.partition(":")
    try:
        found = int(first or 0), int(last) if last else None
    except ValueError:
        found = -1, None
    if not colon or found[0] < 0 or (found[1] is not None and found[1] <= found[0]):
        raise UsageError(f"--entries {entries}: expected FIRST:LAST, such as 1000:2000")
    return found
