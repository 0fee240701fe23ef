"""`aefpga decode`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.choices import FileFormat
from aefpga.cli import show
from aefpga.cli.options import Json, RunName, Runs

MOST_NAMED = 10


def decode(
    capture: Annotated[Path, typer.Argument(help="What came over a link.", metavar="CAPTURE")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write: .root or .parquet.")
    ],
    run: RunName = None,
    runs: Runs = Path("runs"),
    file_format: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Default: as the suffix says, of .root a ttree."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give back the jets of a capture: of a file of frames, as a board sends them.

    Frames that are damaged, cut off, or of another encoder are named and left out; then the exit
    code is 1. The format is in docs/link.md. Needs no TensorFlow.

    Example: `aefpga decode capture.bin --run first -o back.root`.
    """
    from dataclasses import asdict

    from aefpga.runs import open_run
    from aefpga.workflow.capture import decode as decode_capture

    opened = open_run(run, runs)
    with show.progress() as step:
        found = decode_capture(opened, capture, output, file_format=file_format, step=step)
    if as_json:
        show.print_json(asdict(found))
    else:
        show.say(f"{found.records:,} {found.record} of {found.events:,} events in {output}")
        if opened.spec.trigger is not None:
            show.note("score and trigger bit are in the capture only")
    if found.improbable:
        show.note(f"{found.improbable:,} {found.record} were probably decoded wrongly")
    for damage in found.damaged[:MOST_NAMED]:
        show.problem("left out", str(damage))
    if (more := found.n_damaged - MOST_NAMED) > 0:
        show.problem("left out", f"and {more:,} more; --json names the first thousand")
    if found.damaged:
        raise typer.Exit(1)
