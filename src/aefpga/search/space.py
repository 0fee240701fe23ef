"""The space that a search goes through: kinds of models, latents, widths, layers and clocks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, Field, ValidationError, model_validator

from aefpga.choices import ModelKind
from aefpga.config import (
    MODULO,
    DataConfig,
    FirmwareConfig,
    ModelConfig,
    QuantizationConfig,
    RunConfig,
    TrainingConfig,
    problems_of,
)
from aefpga.config.section import Section
from aefpga.errors import UsageError
from aefpga.search.figures import Limits
from aefpga.yaml_files import read_yaml

# Multiples of the LHC's 40 MHz: 400, 320, 240, 200 and 160 MHz.
USUAL_CLOCKS_NS = (2.5, 3.125, 25 / 6, 5.0, 6.25)

# More bits than any record is sent in.
LIMITLESS = 2**20


def _ascending(span: tuple[int, int]) -> tuple[int, int]:
    if span[0] > span[1]:
        raise ValueError(f"expected the least and the most, such as [{span[1]}, {span[0]}]")
    return span


_Ascending = AfterValidator(_ascending)
_Latents = Annotated[int, Field(ge=1, le=256)]
_Bits = Annotated[int, Field(ge=2, le=16)]
_Layers = Annotated[int, Field(ge=1, le=10)]
_Neurons = Annotated[int, Field(ge=1, le=4096)]
_LinkBits = Annotated[int, Field(ge=16, le=1024)]
_Clock = Annotated[float, Field(ge=0.1)]
Parameters = Mapping[str, Any]


class Chooser(Protocol):
    """Proposes values, as Optuna's trials do."""

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """Return a number from `low` to `high`."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Return one of the choices."""


class Space(Section):
    """What may be chosen: of each pair the least and the most."""

    models: tuple[ModelKind, ...] = Field(("linear", "standard"), min_length=1)
    latents: Annotated[tuple[_Latents, _Latents], _Ascending] | None = Field(
        None, description="words sent; none: a third of the independent variables to all"
    )
    latent_bits: Annotated[tuple[_Bits, _Bits], _Ascending] = Field(
        (5, 10), description="of each word sent"
    )
    weight_bits: Annotated[tuple[_Bits, _Bits], _Ascending] = (4, 8)
    activation_bits: Annotated[tuple[_Bits, _Bits], _Ascending] = Field(
        (6, 10), description="of hidden layers"
    )
    layers: Annotated[tuple[_Layers, _Layers], _Ascending] = Field(
        (1, 2), description="hidden layers of models that have them"
    )
    neurons: tuple[_Neurons, ...] = Field(
        (8, 16, 32, 64), min_length=1, description="of such a layer"
    )
    link_bits: Annotated[tuple[_LinkBits, _LinkBits], _Ascending] = Field(
        (80, 104), description="of a record's modulo words, which have no other choice"
    )
    clock_periods_ns: tuple[_Clock, ...] = Field(
        USUAL_CLOCKS_NS,
        min_length=1,
        description="each encoder is made for that at which its latency is least",
    )


class SearchConfig(Section):
    """Everything that determines a search, but for how long it goes on.

    `training.seed` is the seed of what is proposed, too.
    """

    space: Space = Space()
    limits: Limits = Limits()
    data: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig(epochs=60)
    part: str = FirmwareConfig().part
    adders_per_stage: int | None = FirmwareConfig().adders_per_stage
    brief: float = Field(
        0.2, gt=0, lt=1, description="share of the epochs in which a trial must show its worth"
    )
    margin: float = Field(
        2.0,
        ge=1,
        description="after these epochs a trial ends if another costs no more and this many times "
        "its residual is no larger",
    )

    @model_validator(mode="after")
    def _latents_of_the_record(self) -> "SearchConfig":
        columns = self.data.columns()
        most = columns.n_independent
        latents = self.space.latents or (-(-most // 3), most)
        if latents[1] > most:
            sums = f", the other {len(columns) - most} being sums" if len(columns) > most else ""
            raise ValueError(
                f"space.latents: {latents[1]} words say no more than {most}, of {len(columns)} "
                f"variables{sums}: give at most --latents {min(latents[0], most)}:{most}"
            )
        # Frozen for others.
        self.__dict__["space"] = self.space.model_copy(update={"latents": latents})
        return self

    @model_validator(mode="after")
    def _every_corner_is_a_run(self) -> "SearchConfig":
        unlimited = self.model_copy(update={"limits": Limits()})
        for model in self.space.models:
            for place in (0, -1):
                self.run_config(unlimited.choose(_Corner(model, place)))
        return self

    @property
    def least_bits(self) -> int:
        """Fewest bits per record in the space."""
        return min(map(self._least_of, self.space.models))

    def _least_of(self, model: ModelKind) -> int:
        if model == MODULO:
            return self.space.link_bits[0]
        return self._latents[0] * self.space.latent_bits[0]

    @property
    def _latents(self) -> tuple[int, int]:
        assert self.space.latents is not None
        return self.space.latents

    def check_limits(self) -> None:
        """Raise UsageError if nothing in the space sends as few bits, or takes as little time."""
        limit, latency = self.limits.bits, self.limits.latency_ns
        cycle = min(self.space.clock_periods_ns)
        if latency is not None and latency < cycle:
            raise UsageError(
                f"--max-latency {latency:g}: one cycle of the fastest clock takes {cycle:g} ns, "
                "and words are there after some; allow more, or give a shorter --clock-period"
            )
        if limit is not None and limit < self.least_bits:
            words = f"space.link_bits of a --config (now {self.space.link_bits[0]} or more)"
            if self.space.models != (MODULO,):
                words = (
                    f"--latents (now {self._latents[0]} or more) or --latent-bits (now "
                    f"{self.space.latent_bits[0]} or more)"
                )
            raise UsageError(
                f"--max-bits {limit}: the least that this search can send is {self.least_bits} "
                f"bits; allow at least {self.least_bits}, or fewer {words}"
            )

    def choose(self, chooser: Chooser) -> dict[str, Any]:
        """Return parameters of an encoder; none that sends more bits than allowed is proposed."""
        space, limit = self.space, self.limits.bits or LIMITLESS
        models = [m for m in space.models if self._least_of(m) <= limit]
        model = chooser.suggest_categorical("model", models)
        if model == MODULO:
            least, most = space.link_bits
            bits = chooser.suggest_int("link_bits", least, min(most, limit))
            return {"model": model, "link_bits": bits}
        (least, most), (low, high) = self._latents, space.latent_bits
        latents = chooser.suggest_int("latents", least, min(most, limit // low))
        chosen = {
            "model": model,
            "latents": latents,
            "weight_bits": chooser.suggest_int("weight_bits", *space.weight_bits),
            "latent_bits": chooser.suggest_int("latent_bits", low, min(high, limit // latents)),
        }
        if not ModelConfig(kind=model).is_linear:
            chosen["activation_bits"] = chooser.suggest_int(
                "activation_bits", *space.activation_bits
            )
            chosen["layers"] = chooser.suggest_int("layers", *space.layers)
            for i in range(chosen["layers"]):
                name = f"neurons_{i + 1}"
                chosen[name] = chooser.suggest_categorical(name, space.neurons)
        return chosen

    def describe(self, chosen: Parameters) -> str:
        """Return chosen parameters in words, such as ``24-15, words of 8 bits, weights of 5``."""
        if chosen["model"] == MODULO:
            return (
                f"{len(self.data.columns())} variables, modulo words of {chosen['link_bits']} bits"
            )
        hidden = _hidden(chosen)
        sizes = "-".join(map(str, (len(self.data.columns()), *hidden, chosen["latents"])))
        inner = f", inner words of {chosen['activation_bits']}" if hidden else ""
        return (
            f"{sizes}, words of {chosen['latent_bits']} bits, weights of {chosen['weight_bits']}"
            f"{inner}"
        )

    def run_config(self, chosen: Parameters, clock_period_ns: float | None = None) -> RunConfig:
        """Return the configuration of the run that chosen parameters stand for.

        Parameters
        ----------
        chosen : Mapping
            What `choose` returned.
        clock_period_ns : float or None
            None takes the first one of the space.
        """
        if chosen["model"] == MODULO:
            model = ModelConfig(kind=MODULO, link_bits=chosen["link_bits"])
            quantization = QuantizationConfig()
        else:
            model = ModelConfig(
                kind=chosen["model"], latent=chosen["latents"], hidden=_hidden(chosen)
            )
            quantization = QuantizationConfig(
                bits=chosen["latent_bits"],
                weight_bits=chosen["weight_bits"],
                activation_bits=chosen.get("activation_bits"),
            )
        return RunConfig(
            data=self.data,
            model=model,
            quantization=quantization,
            training=self.training,
            firmware=FirmwareConfig(
                part=self.part,
                clock_period_ns=clock_period_ns or self.space.clock_periods_ns[0],
                adders_per_stage=self.adders_per_stage,
            ),
        )

    def brief_config(self, chosen: Parameters) -> RunConfig:
        """Return the configuration of the short training that comes first."""
        config, training = self.run_config(chosen), self.training
        epochs = {
            name: max(1, round(self.brief * n))
            for name in ("epochs", "quantized_epochs")
            if (n := getattr(training, name))
        }
        return config.model_copy(update={"training": config.training.model_copy(update=epochs)})


def _hidden(chosen: Parameters) -> tuple[int, ...]:
    return tuple(chosen[f"neurons_{i + 1}"] for i in range(chosen.get("layers", 0)))


class _Corner:
    """Chooses the first or the last of all that there is."""

    def __init__(self, model: str, place: int) -> None:
        self._model, self._place = model, place

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return (low, high)[self._place]

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._model if name == "model" else choices[self._place]


def load_search(path: Path | None, overrides: Mapping[str, Any]) -> SearchConfig:
    """Read a search's YAML file and apply overrides, section by section.

    Raises
    ------
    UsageError
        If it cannot be read, or an option is unknown or out of range; all problems are named.
    """
    content: Any = {} if path is None else read_yaml(path) or {}
    if not isinstance(content, dict) or not all(isinstance(x, str) for x in content):
        raise UsageError(f"{path}: expected sections: {', '.join(SearchConfig.model_fields)}")
    for section, options in overrides.items():
        before = content.get(section)
        if isinstance(options, Mapping) and isinstance(before, dict):
            content[section] = {**before, **options}
        elif options or section not in content:
            content[section] = options
    try:
        return SearchConfig.model_validate(content)
    except ValidationError as error:
        raise UsageError(
            f"{path or 'the options'} cannot be used:\n{problems_of(error)}"
        ) from error
