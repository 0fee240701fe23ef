"""`aefpga import`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Json, Runs


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            help="QKeras or Keras model (.keras, .h5), folder of an hls4ml project, or YAML file."
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the run that is made.")],
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            help="NumPy file of input words, integers of shape (rows, inputs), to compare "
            "computations on; none: random ones.",
        ),
    ] = None,
    input_type: Annotated[
        str | None,
        typer.Option(
            "--input-type",
            help="Type of the words that go into a Keras model, such as "
            "'ap_fixed<8,6,AP_RND_CONV,AP_SAT>'; none: that of its first quantizer.",
        ),
    ] = None,
    types: Annotated[
        Path | None,
        typer.Option("--types", help="YAML file of types for Keras layers without quantizers."),
    ] = None,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Make a run of an encoder that was trained elsewhere: for csim, synthesize, prove and
    report.

    Its words are exactly the original's, or it is refused, with the layer and the reason. A run
    made so has no decoder and no records: verbs that need those say so.

    A model of QKeras is compared with its own predict, word for word, on 3,000 inputs and more.

    Example: `aefpga import my_qkeras.keras --name theirs`, then `aefpga synthesize --run theirs
    --part xcvu9p`; or `aefpga import hls4ml_project/ --name theirs`, or
    `aefpga import network.yaml --name theirs`.
    """
    from aefpga.workflow.import_encoder import import_encoder

    run = import_encoder(source, runs, name, inputs=inputs, input_type=input_type, types=types)
    facts, spec = run.imported, run.spec
    if as_json:
        show.print_json({"run": str(run.folder), "encoder_hash": spec.hash, **run.manifest})
    else:
        for remark in facts["notes"]:
            show.note(remark)
        rows = [
            ("run", run.folder),
            ("format", facts["format"]),
            ("layers", spec.layout),
            ("words", f"{spec.latent_type}: {spec.bits_per_jet} bits"),
            ("compared", facts.get("compared", "not with the original, which nothing here runs")),
        ]
        show.table(f"Imported: {facts['source']}", ("", "value"), rows, words=("value",))
    show.next_command(
        f"aefpga csim --run {run.name}", f"aefpga synthesize --run {run.name} --part xcvu9p"
    )
