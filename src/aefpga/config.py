"""Run configuration: YAML files and command-line overrides, validated by pydantic."""

import re
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from aefpga.choices import ModelKind, Normalisation, PenaltyRule, Schedule, Strategy
from aefpga.errors import UsageError
from aefpga.files import atomic_path
from aefpga.schema import JETS, Cut, Schema, find_schema
from aefpga.yaml_files import read_yaml

# A linear encoder of jets needs as many for the residuals of `docs/encoder_choice.md`.
USUAL_LATENTS = 15
# The compact encoder of the literature, for the kinds that have layers.
USUAL_HIDDEN = (64, 32)
USUAL_TRAINER = "qkeras"
# Of a record's modulo words together.
USUAL_LINK_BITS = 88
# Of one latent word where they share `link_bits`.
LEAST_LATENT_BITS, MOST_LATENT_BITS = 2, 16
# At the end of a training that learns widths.
USUAL_BIT_PRICE = 3e-4
LEARNED_WIDTHS = "learned-widths"
# Options of `QuantizationConfig` that are the width of one sort of words.
UNIFORM_WIDTHS = ("weight_bits", "bias_bits", "activation_bits")
WIDTHS = (*UNIFORM_WIDTHS, "latent_bits")
MODULO = "modulo"

# Activations are of the order of one, min-max errors squared of the order of 1e-5.
USUAL_PENALTIES: dict[PenaltyRule, dict[str, float]] = {
    "textbook": {"sparse-l1": 3e-6, "sparse-kl": 3e-6, "vae": 1e-6, "adversarial": 1e-4},
    "study": {"sparse-l1": 1e-3, "sparse-kl": 1e-3, "vae": 1.0},
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Limits(_Section):
    """What a variable is at least, and below; none is no limit."""

    least: float | None = None
    below: float | None = None


class DataConfig(_Section):
    """Which jets."""

    input: tuple[str, ...] = Field((), description="ROOT files or globs; none: embedded sample")
    collection: str | None = Field(None, description="jet collection; none: the format's usual one")
    record: str = Field("jets", description="what is encoded")
    variables: str | None = Field(
        None, description="a set (of jets: 28, 27, 24, 19 or 4), or names; none: the usual set"
    )
    normalisation: Normalisation = Field(
        "physics", description="min-max, standard, four-momentum or physics"
    )
    cuts: dict[str, float | Limits] | None = Field(
        None, description="keep records with these variables below, or within limits; none: usual"
    )
    max_jets: int | None = Field(None, gt=0, description="read at most this many jets")

    @model_validator(mode="before")
    @classmethod
    def _cuts_of_before(cls, content: Any) -> Any:
        """Runs and configurations of version 0.1 say `max_pt` and `max_mass`."""
        if not isinstance(content, dict) or not {"max_pt", "max_mass"} & content.keys():
            return content
        content, before = dict(content), {c.variable: c.below for c in JETS.cuts}
        for name in before:
            before[name] = content.pop(f"max_{name}", before[name])
        cuts = content.get("cuts") or {}
        return {**content, "cuts": {**before, **cuts} if isinstance(cuts, dict) else cuts}

    @field_validator("variables", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> str | None:
        # Sets of jets are named by numbers, which YAML reads as such.
        return None if value is None else str(value)

    @model_validator(mode="after")
    def _known(self) -> "DataConfig":
        for name in self.cuts or ():
            schema = find_schema(self.record)
            if schema.quantity(name) is None:
                schema.index(name)
        self.columns()
        return self

    def columns(self) -> Schema:
        """Return the schema of the tables that are read."""
        return find_schema(self.record).choose(self.variables)

    def selection(self) -> tuple[Cut, ...]:
        """Return the cuts that the records must pass."""
        if self.cuts is None:
            return find_schema(self.record).cuts
        return tuple(
            Cut(variable=name, **limit.model_dump())
            if isinstance(limit, Limits)
            else Cut(variable=name, below=limit)
            for name, limit in self.cuts.items()
        )


class ModelConfig(_Section):
    """Which autoencoder. The decoder stays in floating point."""

    kind: ModelKind = Field(
        "linear",
        description="linear: one layer; modulo: low bits of steps; the others have hidden layers",
    )
    hidden: tuple[int, ...] = Field((), description="encoder's hidden layers; usually 64 and 32")
    decoder_hidden: tuple[int, ...] = Field(
        (), description="decoder's hidden layers; none: the encoder's mirrored, or 128-128"
    )
    latent: int | None = Field(
        None, gt=0, le=256, description="latent words; none: as many as usual, see RunConfig"
    )
    linear_path: bool = Field(
        False, description="standard: the latents read the inputs, too, beside the hidden layers"
    )
    activation: Literal["relu", "leaky_relu"] = "relu"
    latent_activation: Literal["linear", "leaky_relu"] = Field(
        "linear", description="of the latents that are sent; leaky_relu: the study's standard model"
    )
    negative_slope_shift: int = Field(
        7, ge=1, le=12, description="leaky ReLU multiplies negatives by 2**-shift"
    )
    batch_norm: bool = Field(
        False, description="batch normalisation in training; folded into the dense layers after it"
    )
    penalty_rule: PenaltyRule = Field(
        "textbook",
        description="sparse and vae: what the penalty sums, as textbooks write it (of each hidden "
        "neuron the mean over the batch; vae: the mean over jets) or as the study's code has it",
    )
    penalty: float = Field(
        0.0,
        ge=0,
        description="weight of the sparsity, divergence or discriminator term; default: of the "
        "kind and the rule",
    )
    target_activation: float = Field(
        0.05, gt=0, lt=1, description="sparse-kl: mean activation aimed at"
    )
    link_bits: int | None = Field(
        None,
        ge=16,
        le=1024,
        description="bits of all words of a record together. linear, or with linear_path: more for "
        "words that matter more; none: as many for each. modulo: usually "
        f"{USUAL_LINK_BITS}",
    )
    warm_up: float = Field(
        0.5, ge=0, le=1, description="vae: share of the training in which the penalty grows"
    )

    @field_validator("hidden", "decoder_hidden")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= n <= 4096 for n in value):
            raise ValueError("hidden layer sizes must be 1 to 4096")
        return value

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_kind(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        kind = data.get("kind", "standard" if data.get("hidden") else "linear")
        if not isinstance(kind, str):
            return data
        # Version 0.1 knew a linear encoder as a standard one without layers.
        if kind == "standard" and data.get("hidden", True) in ([], ()):
            kind = "linear"
        rule = data.get("penalty_rule", "textbook")
        usual = next((found for name, found in USUAL_PENALTIES.items() if name == rule), {})
        defaults: dict[str, Any] = {"penalty": usual[kind]} if kind in usual else {}
        if kind not in ("linear", MODULO):
            defaults["hidden"] = USUAL_HIDDEN
        if kind == MODULO:
            defaults["link_bits"] = USUAL_LINK_BITS
        return {**defaults, **data, "kind": kind}

    @model_validator(mode="after")
    def _layers_as_the_kind_says(self) -> "ModelConfig":
        if self.kind == "linear" and self.hidden:
            raise ValueError("a linear encoder has no hidden layers; choose another kind for them")
        if self.kind == MODULO and (self.hidden or self.latent):
            raise ValueError("modulo words have no hidden layers, and as many latents as they need")
        if self.kind.startswith("sparse") and not self.hidden:
            raise ValueError(f"{self.kind} acts on hidden layers; give model.hidden")
        if self.has_linear_path and self.latent_activation != "linear":
            raise ValueError("a linear path needs linear latents; leave out latent_activation")
        if self.linear_path and (self.kind != "standard" or self.batch_norm):
            found = "batch normalisation" if self.kind == "standard" else f"kind {self.kind}"
            raise ValueError(f"linear_path is of standard encoders as they are, not of {found}")
        if self.link_bits is not None and self.kind != MODULO and not self.has_linear_path:
            raise ValueError(
                "link_bits are of linear encoders, of those with linear_path: true, and of modulo "
                f"words, not of {self.kind}"
            )
        return self

    @model_validator(mode="after")
    def _rule_that_there_is(self) -> "ModelConfig":
        known = USUAL_PENALTIES["study"]
        if self.penalty_rule == "study" and (self.kind not in known or self.batch_norm):
            found = "batch normalisation" if self.kind in known else self.kind
            raise ValueError(
                f"penalty_rule study is of {', '.join(known)} without batch normalisation, "
                f"not of {found}"
            )
        return self

    @property
    def n_latent(self) -> int:
        """Number of latent words; `RunConfig` fills in what was not given."""
        assert self.latent is not None
        return self.latent

    @property
    def is_linear(self) -> bool:
        """Whether the encoder is one linear layer."""
        return not self.hidden

    @property
    def has_linear_path(self) -> bool:
        """Whether all inputs reach the latents linearly; the decoder then has a path, too."""
        return self.is_linear or self.linear_path

    @property
    def decoder_layers(self) -> tuple[int, ...]:
        """Sizes of the decoder's hidden layers."""
        mirrored = () if self.has_linear_path else self.hidden[::-1]
        return self.decoder_hidden or mirrored or (128, 128)


@dataclass(frozen=True)
class Widths:
    """Bits of a word of each sort."""

    weight: int
    bias: int
    activation: int
    latent: int


class QuantizationConfig(_Section):
    """Widths of the firmware's words, in bits; `bits: null` trains in floating point only."""

    bits: int | None = Field(8, ge=2, le=16, description="all that is not given by itself")
    weight_bits: int | None = Field(
        None,
        ge=2,
        le=16,
        description="default: as bits; of a linear encoder no more than are worth it",
    )
    bias_bits: int | None = Field(None, ge=2, le=24, description="default: bits + 4")
    activation_bits: int | None = Field(
        None, ge=2, le=16, description="of hidden layers; default: as bits"
    )
    latent_bits: int | None = Field(None, ge=2, le=16, description="default: as bits")
    input_bits: int = Field(14, ge=2, le=20, description="input words; multiplicities take fewer")
    method: Literal["uniform", "learned"] = Field(
        "uniform", description="the widths given, or learned ones where they are worth it"
    )
    max_luts: int | None = Field(
        None, gt=0, description="learned: the most accurate encoder of at most this cost"
    )
    bit_price: float | None = Field(
        None,
        gt=0,
        description="learned: last price of a bit operation, in errors of the uniform encoder",
    )

    @model_validator(mode="after")
    def _of_the_method(self) -> "QuantizationConfig":
        targets = self._given("max_luts", "bit_price")
        if self.bits is None and (given := self._given(*WIDTHS)):
            raise ValueError(f"{given[0]} needs bits, too: give `--quantize 8bit`, say")
        if self.method == "uniform":
            if targets:
                raise ValueError(f"{targets[0]} is for learned widths: give method: learned, too")
        elif self.bits is None:
            raise ValueError("learned widths need bits: those of the latents, 8 say")
        elif given := self._given(*UNIFORM_WIDTHS):
            raise ValueError(f"{given[0]} is for uniform widths; learned ones are found")
        return self

    def _given(self, *names: str) -> list[str]:
        return [name for name in names if getattr(self, name) is not None]

    @property
    def widths(self) -> Widths:
        """The widths that follow from `bits`, where they are not given."""
        assert self.bits is not None
        return Widths(
            weight=self.weight_bits or self.bits,
            bias=self.bias_bits or self.bits + 4,
            activation=self.activation_bits or self.bits,
            latent=self.latent_bits or self.bits,
        )


class TrainingConfig(_Section):
    """How to train: first in floating point, then, from there, quantization-aware."""

    trainer: str | None = Field(
        None, min_length=1, description="what trains; none: what suits the model, see RunConfig"
    )
    epochs: int = Field(150, gt=0, description="epochs in floating point")
    quantized_epochs: int | None = Field(None, ge=0, description="default: as epochs")
    batch_size: int = Field(512, gt=0)
    learning_rate: float = Field(3e-3, gt=0, description="of Adam, the largest of the schedule")
    schedule: Schedule = Field(
        "cosine", description="of the learning rate: cosine, one-cycle or constant"
    )
    weight_decay: float = Field(
        0.0, ge=0, description="share of the weights, times the rate, a step"
    )
    keep: Literal["best", "last"] = Field(
        "best", description="epoch whose weights are kept: of the best validation loss, or the last"
    )
    validation: float = Field(0.15, gt=0, lt=0.5, description="share of jets")
    test: float = Field(0.15, gt=0, lt=0.5, description="share of jets")
    early_stopping: int | None = Field(
        None, gt=0, description="stop after this many epochs without improvement"
    )
    seed: int = Field(42, ge=0, description="of the split, the weights and the shuffling")


class FirmwareConfig(_Section):
    """For which hardware."""

    part: str = "xcvu9p"
    clock_period_ns: float = Field(5.0, gt=0)
    reuse_factor: int = Field(1, gt=0)
    strategy: Strategy = "Latency"
    adders_per_stage: int | None = Field(
        None, gt=0, description="RTL: adders between registers; none: as many as surely fit"
    )


class RunConfig(_Section):
    """Everything that determines a run.

    Where the number of latent words is not given it is `USUAL_LATENTS`, and not more than there are
    variables that are no sums of others. Where the trainer is not given it is QKeras.
    """

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    quantization: QuantizationConfig = QuantizationConfig()
    training: TrainingConfig = TrainingConfig()
    firmware: FirmwareConfig = FirmwareConfig()

    @model_validator(mode="after")
    def _room_to_train(self) -> "RunConfig":
        if self.training.validation + self.training.test > 0.8:
            raise ValueError("validation and test together leave less than 20 % to train on")
        return self

    @model_validator(mode="after")
    def _hidden_words_where_there_are_any(self) -> "RunConfig":
        if self.model.is_linear and self.quantization.activation_bits is not None:
            raise ValueError(
                "activation_bits are of hidden neurons, and a linear encoder has none; leave them "
                "out, or choose another kind of model"
            )
        return self

    @model_validator(mode="after")
    def _as_many_latents_as_usual(self) -> "RunConfig":
        if self.model.latent is None and self.model.kind != MODULO:
            latent = min(USUAL_LATENTS, self.data.columns().n_independent)
            # Frozen for others.
            self.__dict__["model"] = self.model.model_copy(update={"latent": latent})
        return self

    @model_validator(mode="after")
    def _room_on_the_link(self) -> "RunConfig":
        total = self.model.link_bits
        if total is None or self.model.kind == MODULO:
            return self
        n = self.model.n_latent
        if self.quantization.latent_bits is not None:
            raise ValueError("link_bits and latent_bits both say how wide words are; leave one out")
        if self.quantization.bits is None:
            raise ValueError("link_bits are of words: give quantization.bits, 8 say")
        low, high = LEAST_LATENT_BITS * n, MOST_LATENT_BITS * n
        if not low <= total <= high:
            raise ValueError(f"{n} latents take {low} to {high} link_bits, found {total}")
        return self

    @model_validator(mode="after")
    def _learned_where_it_can_be(self) -> "RunConfig":
        if self.quantization.method == "uniform":
            return self
        if self.model.linear_path:
            raise ValueError("learned widths are not for a linear path: give one of the two up")
        if self.training.quantized_epochs == 0:
            raise ValueError("learned widths need training.quantized_epochs, at least 1")
        if self.model.kind == "standard":
            if self.model.latent_activation != "linear":
                raise ValueError("learned widths need linear latents; leave out latent_activation")
            return self
        if self.model.kind == "linear":
            reason = "learned widths add nothing to a linear encoder, whose weights may have 5 bits"
        else:
            reason = "learned widths have no penalty but that on bits"
        raise ValueError(
            f"{reason}; give --model standard, or --quantize Nbit for {self.model.kind}"
        )

    @model_validator(mode="after")
    def _trainer_that_suits(self) -> "RunConfig":
        is_modulo = self.model.kind == MODULO
        if self.training.trainer is None:
            learned = self.quantization.method == "learned"
            name = MODULO if is_modulo else LEARNED_WIDTHS if learned else USUAL_TRAINER
            training = self.training.model_copy(update={"trainer": name})
            self.__dict__["training"] = training
        if is_modulo != (self.trainer == MODULO):
            raise ValueError(
                f"training.trainer {self.trainer} with model.kind {self.model.kind}: modulo words "
                "and their trainer go together"
            )
        if is_modulo and self.quantization.bits is None:
            raise ValueError("modulo words are integers; leave --quantize none away")
        return self

    @property
    def trainer(self) -> str:
        """Name of what trains."""
        assert self.training.trainer is not None
        return self.training.trainer

    @property
    def label(self) -> str:
        """Short name such as ``linear-24d-8bit``; of several widths, ``…-5-8-10bit``.

        Of modulo words it says the bits of a record, of words that share them ``…-link90``.
        """
        precision = "float"
        if self.model.kind == MODULO:
            precision = f"{self.model.link_bits}bit"
        elif self.quantization.bits is not None:
            widths = self.quantization.widths
            distinct = dict.fromkeys((widths.weight, widths.activation, widths.latent))
            precision = f"{'-'.join(map(str, distinct))}bit"
            if self.quantization.method == "learned":
                precision = f"learned-{widths.latent}bit"
            if self.model.link_bits is not None:
                precision += f"-link{self.model.link_bits}"
        return f"{self.model.kind}-{len(self.data.columns())}d-{precision}"

    def save(self, path: Path) -> None:
        """Write the resolved configuration as YAML."""
        with atomic_path(path) as temporary:
            temporary.write_text(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False))


def parse_bits(text: str) -> int | None:
    """Return the width in ``none`` or ``Nbit``, as `--quantize` takes it.

    Raises
    ------
    UsageError
        If the text is neither, or N is not 2 to 16.
    """
    if text == "none":
        return None
    match = re.fullmatch(r"(\d+)(?:-?bits?)?", text)
    if match is None or not 2 <= int(match[1]) <= 16:
        raise UsageError(
            f"--quantize {text}: expected `none`, `learned`, or `Nbit` with N from 2 to 16, such "
            "as `8bit`"
        )
    return int(match[1])


def load_config(path: Path | None, overrides: dict[str, dict[str, Any]]) -> RunConfig:
    """Read a YAML configuration and apply overrides, section by section.

    Parameters
    ----------
    path : Path or None
        YAML file; None starts from the defaults.
    overrides : dict
        Values by section and option.

    Raises
    ------
    UsageError
        If the file cannot be read or an option is unknown or out of range; all problems are named.
    """
    content: Any = {}
    if path is not None:
        content = read_yaml(path) or {}
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise UsageError(
            f"{path}: expected sections ({', '.join(RunConfig.model_fields)}), each with options"
        )
    for section, options in overrides.items():
        content[section] = {**content.get(section, {}), **options}
    model = overrides.get("model", {})
    if "kind" in model and "hidden" not in model and not content["model"].get("hidden"):
        # That there are no layers was said of another kind.
        content["model"].pop("hidden", None)
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        raise UsageError(
            f"{path or 'the options'} cannot be used:\n{problems_of(error)}"
        ) from error


def problems_of(error: ValidationError) -> str:
    """Return what is wrong with a configuration, a line for each place."""
    return "\n".join(
        f"  {'.'.join(str(p) for p in e['loc']) or 'configuration'}: {e['msg']}"
        + (f", found {reprlib.repr(e['input'])}" if not isinstance(e["input"], dict) else "")
        for e in error.errors()
    )
