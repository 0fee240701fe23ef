"""`aefpga encode`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Collection, Json, RunName, Runs


def encode(
    inputs: Annotated[list[str], typer.Argument(help="Files or quoted globs.", metavar="INPUT...")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Capture to write.")],
    run: RunName = None,
    runs: Runs = Path("runs"),
    collection: Collection = None,
    as_json: Json = False,
) -> None:
    """Write what the firmware would send of the jets of files, as a capture of the link.

    Each event is a frame: a header with its number, the packed words of its jets, and a checksum
    (docs/link.md). `aefpga decode` gives the jets back, of such a file or of one from a board.

    Example: `aefpga encode jets.root -o capture.bin --run first`.
    """
    from dataclasses import asdict

    from aefpga.runs import open_run
    from aefpga.workflow.capture import encode as encode_files

    with show.progress() as step:
        made = encode_files(open_run(run, runs), inputs, output, collection=collection, step=step)
    if as_json:
        show.print_json(asdict(made))
        return
    show.say(
        f"{made.records:,} {made.record} of {made.events:,} events in {output}, "
        f"{made.n_bytes:,} bytes"
    )
    if made.outside:
        show.note(f"{made.outside:,} have a value beyond the encoder's range, which was clipped")
    if made.lacking:
        show.note(f"not in the sources, and so zeros: {', '.join(made.lacking)}")
