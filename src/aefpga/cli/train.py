"""`aefpga train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import (
    Collection,
    Input,
    Json,
    Runs,
    Variables,
)

if TYPE_CHECKING:
    from aefpga.config import RunConfig
    from aefpga.runs import Run
    from aefpga.workflow.train import Prepared

Quantize = Annotated[
    str | None,
    typer.Option("--quantize", help="`none`, or `Nbit` with N from 2 to 16.", metavar="Nbit"),
]
Model = Annotated[
    str | None, typer.Option("--model", help="standard or sparse-l1 (L1 on activations).")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML configuration; options given here override it."),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Epochs, of each of the two stages.")
]
MaxJets = Annotated[int | None, typer.Option("--max-jets", min=1, help="Read at most this many.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of split, weights and shuffling.")]
Name = Annotated[
    str | None, typer.Option("--name", help="Name of the run; default: time and kind.")
]


def train(
    quantize: Quantize = None,
    model: Model = None,
    variables: Variables = None,
    config: Config = None,
    inputs: Input = None,
    collection: Collection = None,
    epochs: Epochs = None,
    max_jets: MaxJets = None,
    seed: Seed = None,
    name: Name = None,
    runs: Runs = Path("runs"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the latest training that was interrupted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train an autoencoder: first in floating point, then quantization-aware.

    Without --input it trains on the embedded sample of 88,185 simulated jets. The run folder it
    leaves holds the encoder's fixed-point specification, the decoder, and the test jets.

    Example: `aefpga train --quantize 8bit`, then `aefpga csim` and
    `aefpga synthesize --part xcvu9p`.
    """
    from aefpga.config import load_config
    from aefpga.workflow.train import interrupted_training

    if resume:
        name, path = interrupted_training(runs)
        resolved = load_config(path, {})
    else:
        resolved = configure(
            config, quantize, model, variables, inputs, collection, epochs, max_jets, seed
        )
    run = train_run(resolved, runs, name)
    if as_json:
        show.print_json({"run": str(run.folder), **run.manifest})
    else:
        summarize(run)


def configure(
    config: Path | None,
    quantize: str | None,
    model: str | None,
    variables: str | None,
    inputs: list[str] | None,
    collection: str | None,
    epochs: int | None,
    max_jets: int | None,
    seed: int | None,
) -> "RunConfig":
    """Return the configuration with the options given applied to it."""
    from aefpga.config import load_config, parse_bits

    overrides: dict[str, dict[str, object]] = {
        "data": {
            "input": inputs or None,
            "collection": collection,
            "variables": variables,
            "max_jets": max_jets,
        },
        "model": {"kind": model},
        "training": {"epochs": epochs, "quantized_epochs": epochs, "seed": seed},
    }
    resolved = load_config(config, overrides)
    if quantize is None:
        return resolved
    # `none` must override a configuration, in which null means not given.
    bits = parse_bits(quantize)
    quantization = resolved.quantization.model_copy(update={"bits": bits})
    return resolved.model_copy(update={"quantization": quantization})


def train_run(config: "RunConfig", runs: Path, name: str | None) -> "Run":
    """Train with a bar, and remarks on what the input lacks."""
    from aefpga.workflow.train import train as work

    def prepared(facts: "Prepared") -> None:
        if facts.zeros:
            show.note(
                f"the input does not hold {', '.join(facts.zeros)}: trained with zeros for them"
            )
        if facts.train < 10_000:
            show.note(f"only {facts.train} jets to train on: expect a poor model, add files")

    with show.progress() as step:
        return work(config, runs, name, step=step, on_prepared=prepared)


def summarize(run: "Run") -> None:
    """Say what was trained."""
    data, losses = run.manifest["data"], run.manifest["best_validation_loss"]
    rows: list[tuple[str, object]] = [
        ("read", f"{data['read']:,}"),
        *((f"cut by {name}", f"{n:,}") for name, n in data["cut"].items()),
        (
            "training, validation, test",
            f"{data['train']:,}, {data['validation']:,}, {data['test']:,}",
        ),
        *((f"{stage} model, validation MSE", f"{loss:.3g}") for stage, loss in losses.items()),
        ("training time", f"{run.manifest['training_seconds']:.0f} s"),
    ]
    if run.is_quantized:
        spec = run.spec
        rows += [
            ("encoder", spec.layout),
            ("latent words", f"{spec.layers[-1].n_out} of {spec.latent_type}"),
            ("bits per jet", spec.bits_per_jet),
            ("encoder hash", spec.hash[:16]),
        ]
    show.table(f"Run {run.folder}", ("", "value"), rows)
