"""What `train` and `run` share: their options, and how they train."""

from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from aefpga import configs
from aefpga.choices import ModelKind
from aefpga.cli import show
from aefpga.cli.options import Collection, Input, Record, Runs, Variables

if TYPE_CHECKING:
    from aefpga.config import RunConfig
    from aefpga.evaluation.metrics import VariableQuality
    from aefpga.runs import Run
    from aefpga.workflow.train import Prepared


def _width(option: str, help_text: str, most: int = 16) -> Any:
    """Return an option that takes the width of one sort of words."""
    return typer.Option(option, min=2, max=most, metavar="N", help=help_text)


@dataclass(frozen=True)
class TrainingOptions:
    """What is trained on what; None is what the configuration says."""

    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            help="YAML file, which the other options override, or the name of one that comes with "
            f"the package: {', '.join(configs.names())}.",
        ),
    ] = None
    quantize: Annotated[
        str | None,
        typer.Option(
            "--quantize",
            help="`Nbit` with N from 2 to 16, `learned` for widths that each weight and neuron is "
            "worth, or `none` for floating point only; default: 8bit.",
            metavar="Nbit|learned|none",
        ),
    ] = None
    weight_bits: Annotated[
        int | None,
        _width("--weight-bits", "Bits of a weight; default: those of `--quantize`, or fewer."),
    ] = None
    activation_bits: Annotated[
        int | None,
        _width("--activation-bits", "Bits of what a hidden neuron sends on; default: as above."),
    ] = None
    latent_bits: Annotated[
        int | None,
        _width("--latent-bits", "Bits of a latent word, which is what is sent; default: as above."),
    ] = None
    link_bits: Annotated[
        int | None,
        typer.Option(
            "--link-bits",
            min=16,
            max=1024,
            metavar="N",
            help="Bits of all words of a record together; of a linear encoder, or one with a "
            "linear path, words that matter more then have more of them. Default of modulo: 88.",
        ),
    ] = None
    bias_bits: Annotated[
        int | None,
        _width("--bias-bits", "Bits of a bias, 2 to 24; default: 4 more than above.", 24),
    ] = None
    max_luts: Annotated[
        int | None,
        typer.Option(
            "--max-luts",
            min=1,
            help="With `--quantize learned`: the most accurate encoder of at most this cost "
            "(da4ml's LUTs); default: the cheapest that is as accurate as uniform widths.",
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help=f"Kind of autoencoder: {', '.join(get_args(ModelKind))}. modulo sends low bits "
            "of steps, and learns what the decoder needs to find the rest. Of a `--config` for "
            "another kind, what suits this one counts.",
        ),
    ] = None
    variables: Variables = None
    record: Record = None
    inputs: Input = None
    collection: Collection = None
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Epochs, of each of the two stages.")
    ] = None
    max_jets: Annotated[
        int | None, typer.Option("--max-jets", min=1, help="Read at most this many.")
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of split, weights and shuffling.")
    ] = None
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run; default: time and kind.")
    ] = None
    runs: Runs = Path("runs")

    def that_configure(self) -> list[str]:
        """Return the options given that say what is trained on what."""
        given = (f.name for f in fields(self) if getattr(self, f.name) not in (None, []))
        return [
            "--input" if name == "inputs" else f"--{name.replace('_', '-')}"
            for name in given
            if name not in ("name", "runs")
        ]

    def resolved(self) -> "RunConfig":
        """Return the configuration with the options given applied to it."""
        from aefpga.config import load_config

        options: dict[str, dict[str, Any]] = {
            "data": {
                "input": self.inputs or None,
                "collection": self.collection,
                "record": self.record,
                "variables": self.variables,
                "max_jets": self.max_jets,
            },
            "model": {"kind": self.model, "link_bits": self.link_bits},
            "training": {
                "epochs": self.epochs,
                "quantized_epochs": self.epochs,
                "seed": self.seed,
            },
        }
        given: dict[str, dict[str, Any]] = {
            section: {name: value for name, value in values.items() if value is not None}
            for section, values in options.items()
        }
        if self.quantize is not None:
            given["quantization"] = _quantization(self.quantize)
        for name in ("weight_bits", "activation_bits", "latent_bits", "bias_bits", "max_luts"):
            if (value := getattr(self, name)) is not None:
                given.setdefault("quantization", {})[name] = value
        return load_config(configs.find_config(self.config) if self.config else None, given)


def _quantization(text: str) -> dict[str, Any]:
    """Return what `--quantize` says."""
    from aefpga.config import UNIFORM_WIDTHS, WIDTHS, parse_bits

    if text == "learned":
        # Those of a configuration are for uniform widths.
        return {"method": "learned", **dict.fromkeys(UNIFORM_WIDTHS)}
    bits = parse_bits(text)
    return {"method": "uniform", "bits": bits, **dict.fromkeys(() if bits else WIDTHS)}


def train_run(config: "RunConfig", runs: Path, name: str | None) -> "Run":
    """Train with a bar, and remarks on what the input lacks."""
    from aefpga.workflow.train import train

    with show.progress() as step:
        what = partial(remark, config.data.record.name)
        return train(config, runs, name, step=step, on_prepared=what)


def remark(record: str, facts: "Prepared") -> None:
    """Remark on what an input lacks, before training on it."""
    if facts.filled:
        show.note(f"the input does not hold {', '.join(facts.filled)}: trained with zeros for them")
    if facts.train < 10_000:
        show.note(f"only {facts.train:,} {record} to train on: expect a poor model, add files")


def show_run(run: "Run") -> None:
    """Say what was trained, in words and in physical units."""
    from aefpga.workflow.summary import describe, residuals

    data, losses = run.manifest["data"], run.manifest["best_validation_loss"]
    rows = [
        *describe(run).items(),
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
        rows.append(("encoder hash", run.spec.hash[:16]))
    show.table(f"Run {run.folder}", ("", "value"), rows, words=("value",))
    quality = residuals(run)
    show.table(
        "Residual that 68 % of test records stay below",
        ("variable", "residual"),
        [(name, _residual(quality.variable(name))) for name in quality.shown],
    )


def next_of(run: "Run") -> tuple[str, ...]:
    """Return the commands that go on from a trained run."""
    if not run.is_quantized:
        return (f"aefpga evaluate --run {run.name}",)
    return f"aefpga csim --run {run.name}", f"aefpga synthesize --run {run.name} --part xcvu9p"


def _residual(quality: "VariableQuality") -> str | None:
    from aefpga.evaluation.figures import two_digits

    if quality.exact is not None:
        return f"{quality.exact:.1%}"
    width = quality.residual.half_width_68
    if width is None:
        return None
    if quality.kind == "relative":
        return f"{width:.2%}"
    return f"{two_digits(width)} {quality.unit}".rstrip()
