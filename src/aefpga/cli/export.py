"""`aefpga export`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import RunName, Runs


def export(
    run: RunName = None,
    runs: Runs = Path("runs"),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="ONNX file to write; default: encoder.qonnx.onnx in the run."
        ),
    ] = None,
) -> None:
    """Write the encoder as QONNX, for a flow of one's own: FINN, hls4ml's parser.

    It computes the numbers that latent words stand for from those that input words stand for, and
    is compared with the emulator before it is written. What QONNX cannot say exactly (words that
    wrap, several widths in a layer) is an error that names the layer.

    Example: `aefpga export --run theirs -o theirs.onnx`.
    """
    from aefpga.firmware.qonnx import write_qonnx
    from aefpga.runs import layout, open_run

    opened = open_run(run, runs)
    spec, path = opened.spec, output or opened.folder / layout.QONNX
    dtype = write_qonnx(spec, path)
    if dtype.itemsize > 4:
        show.note("numbers are float64: sums may need more than the 24 bits of a float32")
    if spec.trigger is not None:
        show.note("without score and trigger bit, for which QONNX has no words")
    show.say(f"{path}")
