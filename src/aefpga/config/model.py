"""Which autoencoder."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from aefpga.choices import ModelKind, PenaltyRule, Scale
from aefpga.config.section import Section
from aefpga.fixedpoint.convolution import Padding

MODULO, CONV = "modulo", "conv"
# The compact encoder of the literature, for the kinds that have layers.
USUAL_HIDDEN = (64, 32)
# Of kind conv alone.
OF_CONVOLUTIONS = ("filters", "kernel", "strides", "padding", "layout")
# That of the ECON-T chip (arXiv:2105.01683).
USUAL_FILTERS = (8,)
# Of a record's modulo words together.
USUAL_LINK_BITS = 88
# Activations are of the order of one, min-max errors squared of the order of 1e-5; those of scale
# `spread` of the order of one.
USUAL_PENALTIES: dict[PenaltyRule, dict[str, float]] = {
    "textbook": {"sparse-l1": 3e-6, "sparse-kl": 3e-6, "vae": 1e-6, "adversarial": 1e-4},
    "study": {"sparse-l1": 1e-3, "sparse-kl": 1e-3, "vae": 1.0},
}


SPREAD_PENALTIES = {"sparse-l1": 1e-3, "sparse-kl": 1e-3, "vae": 3e-3, "adversarial": 1e-2}


class ModelConfig(Section):
    """Which autoencoder. The decoder stays in floating point."""

    kind: ModelKind = Field(
        "linear",
        description="linear: one layer; modulo: low bits of steps; conv: convolutions of cells; "
        "the others have hidden layers",
    )
    hidden: tuple[int, ...] = Field(
        (), description="encoder's hidden layers; usually 64 and 32, of conv none"
    )
    decoder_hidden: tuple[int, ...] = Field(
        (), description="decoder's hidden layers; none: the encoder's mirrored, or 128-128"
    )
    filters: tuple[int, ...] = Field(
        (), description="conv: filters of each convolution, in front of hidden layers; usually 8"
    )
    kernel: int = Field(3, ge=1, le=64, description="conv: height and width of kernels")
    strides: int = Field(1, ge=1, le=64, description="conv: steps of kernels, down and across")
    padding: Padding = Field(
        "same", description="conv: same: kernels reach beyond the image's edge; valid: they do not"
    )
    layout: str | None = Field(
        None, description="conv: how cells lie on an image, as the record says; none: its first way"
    )
    latent: int | None = Field(
        None, gt=0, le=256, description="latent words; none: as many as usual, see RunConfig"
    )
    linear_path: bool = Field(
        False, description="standard: the latents read the inputs, too, beside the hidden layers"
    )
    scale: Scale = Field(
        "range",
        description="range: inputs and latents fill [-1, 1]; spread: they have a spread of about 1 "
        "around 0 (latents of vae and adversarial stay as their prior has them): for scores",
    )
    activation: Literal["relu", "leaky_relu"] = "relu"
    latent_activation: Literal["linear", "relu", "leaky_relu"] = Field(
        "linear",
        description="of the latents that are sent; relu: ECON-T's; leaky_relu: the study's "
        "standard model",
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

    @field_validator("hidden", "decoder_hidden", "filters")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= n <= 4096 for n in value):
            raise ValueError("sizes of hidden layers, and filters, must be 1 to 4096")
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
        if rule == "textbook" and data.get("scale") == "spread":
            usual = SPREAD_PENALTIES
        defaults: dict[str, Any] = {"penalty": usual[kind]} if kind in usual else {}
        if kind not in ("linear", MODULO, CONV):
            defaults["hidden"] = USUAL_HIDDEN
        if kind == CONV:
            defaults["filters"] = USUAL_FILTERS
        if kind == MODULO:
            defaults["link_bits"] = USUAL_LINK_BITS
        return {**defaults, **data, "kind": kind}

    @model_validator(mode="after")
    def _layers_as_the_kind_says(self) -> "ModelConfig":
        if self.kind == "linear" and self.hidden:
            raise ValueError("a linear encoder has no hidden layers; choose another kind for them")
        if self.kind == MODULO and (self.hidden or self.latent):
            raise ValueError(
                "modulo words have no hidden layers, and as many latents as they need: leave out "
                "model.hidden and model.latent"
            )
        usual = {name: type(self).model_fields[name].default for name in OF_CONVOLUTIONS}
        given = [name for name, default in usual.items() if getattr(self, name) != default]
        if self.kind != CONV and given:
            raise ValueError(f"{given[0]} is of kind conv, not of {self.kind}: leave it out")
        if self.kind == CONV and not self.filters:
            raise ValueError("conv has a convolution at least; give model.filters, 8 say")
        if self.kind == CONV and self.batch_norm:
            raise ValueError("batch_norm is of dense layers; leave it out for kind conv")
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
    def _scale_that_suits(self) -> "ModelConfig":
        if self.scale == "range":
            return self
        if self.kind in (MODULO, CONV) or self.linear_path or self.link_bits or self.batch_norm:
            raise ValueError(
                "scale spread is not for modulo words, convolutions, linear_path, link_bits or "
                "batch_norm: leave it out, or these"
            )
        if self.latent_activation != "linear":
            raise ValueError("scale spread needs linear latents; leave out latent_activation")
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
        return not self.hidden_names

    @property
    def hidden_names(self) -> tuple[str, ...]:
        """Names of the layers in front of the latents, convolutions first."""
        convolutions = (f"convolution_{i + 1}" for i in range(len(self.filters)))
        return (*convolutions, *(f"hidden_{i + 1}" for i in range(len(self.hidden))))

    @property
    def has_linear_path(self) -> bool:
        """Whether all inputs reach the latents linearly; the decoder then has a path, too."""
        return self.is_linear or self.linear_path

    @property
    def decoder_layers(self) -> tuple[int, ...]:
        """Sizes of the decoder's hidden layers, but for those that mirror convolutions."""
        mirrored = () if self.has_linear_path else self.hidden[::-1]
        return self.decoder_hidden or mirrored or (() if self.filters else (128, 128))
