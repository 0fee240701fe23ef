"""`aefpga study`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga import configs
from aefpga.cli import show
from aefpga.cli.options import Input, Json, Record


def study(
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            help="YAML file of the study, or the name of one that comes with the package: "
            f"{', '.join(configs.names(configs.STUDIES))}; default: study.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few tiny runs, to see that all works.")
    ] = False,
    record: Record = None,
    inputs: Input = None,
    output: Annotated[Path, typer.Option("--output", help="Folder for runs and results.")] = Path(
        "study"
    ),
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="Runs at a time; default: the cores.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train and judge models x normalisations x variable sets x seeds; write tables and plots.

    Interrupted, it goes on where it stopped when called again. The tables give the literature's
    min-max errors beside residuals in physical units, float and quantized.

    Example: `aefpga study --quick`, or `aefpga study --config equal_bits --output equal`. Tables
    6.1 to 6.3 of the original study: `aefpga study --config table_6_3 --input jets.root`.
    """
    from aefpga.errors import UsageError
    from aefpga.schema import find_schema
    from aefpga.workflow.study import QUICK, load_study
    from aefpga.workflow.study import study as run_study

    if quick and config is not None:
        raise UsageError(f"--quick is a study of its own: leave it out, or --config {config}")
    path = configs.find_config("study" if config is None else config, configs.STUDIES)
    chosen = QUICK if quick else load_study(path)
    if inputs or record:
        chosen = chosen.on(tuple(inputs or ()), find_schema(record) if record else None)
    with show.progress() as step:
        outcome = run_study(chosen, output, processes=processes, step=step)
    if as_json:
        print((output / "study.json").read_text())
    else:
        show.say((output / "tables.md").read_text())
    for name, reason in outcome.failed.items():
        show.problem("failed", f"run {name}: {reason}")
    if quick:
        show.note("tiny networks after a few epochs: figures say that all works, and no more")
    show.note(f"tables.md, study.json, plots and all runs are in {output}/")
    if outcome.failed:
        raise typer.Exit(1)
