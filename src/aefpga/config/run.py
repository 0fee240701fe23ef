"""All sections of a run's configuration, and what they must not say together."""

from pathlib import Path

import yaml
from pydantic import model_validator

from aefpga.config.convolutions import placed_kernels
from aefpga.config.data import DataConfig
from aefpga.config.firmware import FirmwareConfig
from aefpga.config.model import CONV, MODULO, ModelConfig
from aefpga.config.quantization import WIDTHS, QuantizationConfig
from aefpga.config.section import Section
from aefpga.config.training import TrainingConfig
from aefpga.files import atomic_path
from aefpga.links.steps import Scale, sent_columns

# A linear encoder of jets needs as many for the residuals of `docs/encoder_choice.md`.
USUAL_LATENTS = 15
# Of one latent word where they share `link_bits`.
LEAST_LATENT_BITS, MOST_LATENT_BITS = 2, 16
USUAL_TRAINER = "qkeras"
LEARNED_WIDTHS = "learned-widths"


class RunConfig(Section):
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
    def _image_that_is_large_enough(self) -> "RunConfig":
        columns = self.data.columns()
        image = columns.image(self.model.layout) if self.model.filters else None
        cells = columns if image is None else columns.select(columns.names[i] for i in image.cells)
        placed_kernels(self.model, cells)
        return self

    @model_validator(mode="after")
    def _loss_that_suits(self) -> "RunConfig":
        if self.training.loss == "squared":
            return self
        if self.model.kind == MODULO or self.quantization.method == "learned":
            raise ValueError(
                "training.loss neighbours is not for modulo words and learned widths: leave it out"
            )
        if self.model.linear_path or self.model.kind == "linear":
            raise ValueError(
                "training.loss neighbours is for kinds with layers and without a linear path: "
                "leave it out, or choose another model.kind"
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
            raise ValueError("link_bits are of words, and --quantize none has none: leave one out")
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
        if self.model.scale == "spread":
            raise ValueError("learned widths are not for scale spread: give one of the two up")
        if self.training.quantized_epochs == 0:
            raise ValueError("learned widths need training.quantized_epochs, at least 1")
        if self.model.kind == "standard":
            if self.model.latent_activation != "linear":
                raise ValueError("learned widths need linear latents; leave out latent_activation")
            return self
        if self.model.kind == "linear":
            reason = "learned widths add nothing to a linear encoder, whose weights may have 5 bits"
        elif self.model.kind == CONV:
            reason = "learned widths are of dense layers"
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
        return self

    @model_validator(mode="after")
    def _modulo_words_of_what_has_steps(self) -> "RunConfig":
        if self.model.kind == MODULO:
            for variable in sent_columns(self.data.columns()).variables:
                Scale.of(variable)
        return self

    @model_validator(mode="after")
    def _widths_of_modulo_words(self) -> "RunConfig":
        if self.model.kind != MODULO:
            return self
        if self.quantization.bits is None:
            raise ValueError("modulo words are integers; leave out --quantize none")
        usual = QuantizationConfig()
        given = [n for n in ("bits", *WIDTHS) if getattr(self.quantization, n) != getattr(usual, n)]
        if given:
            raise ValueError(
                f"modulo words share out model.link_bits ({self.model.link_bits}) among themselves:"
                f" leave out quantization.{given[0]}, and give --link-bits for fewer or more"
            )
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
