"""`aefpga train`."""

from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Json
from aefpga.cli.training import TrainingOptions, next_of, show_run, train_run


def train(
    options: TrainingOptions,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the latest training that was interrupted, or the one of `--name`.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train an autoencoder: first in floating point, then quantization-aware.

    A linear encoder, the default, is instead frozen as integers, on which its decoder then trains:
    quantization-aware training gains next to nothing (docs/encoder_choice.md). Sparse models have a
    penalty that costs little; model.penalty and model.penalty_rule in a YAML file change it.

    Without --input it trains on the embedded sample of 88,185 simulated jets. The run folder it
    leaves holds the encoder's fixed-point specification, the decoder, and the test jets.

    Example: `aefpga train --quantize 8bit --variables 24 --name first`, then
    `aefpga csim --run first` and `aefpga synthesize --part xcvu9p`.
    """
    from aefpga.config import load_config
    from aefpga.errors import UsageError
    from aefpga.workflow.train import interrupted_training

    if resume:
        if given := options.that_configure():
            raise UsageError(
                f"--resume goes on with a training as it was begun: leave out {', '.join(given)}"
            )
        name, path = interrupted_training(options.runs, options.name)
        run = train_run(load_config(path, {}), options.runs, name)
    else:
        run = train_run(options.resolved(), options.runs, options.name)
    if as_json:
        show.print_json({"run": str(run.folder), **run.manifest})
    else:
        show_run(run)
    show.next_command(*next_of(run))
