"""`aefpga import`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Json, Runs


def import_(
    source: Annotated[Path, typer.Argument(help="YAML file, with its NumPy archive beside it.")],
    name: Annotated[str, typer.Option("--name", help="Name of the run that is made.")],
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            help="NumPy file of input words, integers of shape (rows, inputs), to compare "
            "computations on; none: random ones.",
        ),
    ] = None,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Make a run of an encoder that was trained elsewhere: for csim, synthesize and report.

    Its words are exactly the original's, or it is refused, with the layer and the reason. A run
    made so has no decoder and no records: verbs that need those say so.

    Example: `aefpga import network.yaml --name theirs`, then `aefpga synthesize --run theirs
    --part xcvu9p`.
    """
    from aefpga.workflow.import_encoder import import_encoder

    run = import_encoder(source, runs, name, inputs=inputs)
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
