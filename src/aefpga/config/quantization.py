"""Widths of the firmware's words."""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from aefpga.config.section import Section
from aefpga.errors import UsageError

# At the end of a training that learns widths.
USUAL_BIT_PRICE = 3e-4
# Options of `QuantizationConfig` that are the width of one sort of words.
UNIFORM_WIDTHS = ("weight_bits", "bias_bits", "activation_bits")
WIDTHS = (*UNIFORM_WIDTHS, "latent_bits")


@dataclass(frozen=True)
class Widths:
    """Bits of a word of each sort."""

    weight: int
    bias: int
    activation: int
    latent: int


class QuantizationConfig(Section):
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
            raise ValueError(
                f"{given[0]} is of words, and --quantize none has none: give --quantize 8bit, say"
            )
        if self.method == "uniform":
            if targets:
                raise ValueError(f"{targets[0]} is for learned widths: give --quantize learned")
        elif self.bits is None:
            raise ValueError("learned widths need bits: those of the latents, 8 say")
        elif given := self._given(*UNIFORM_WIDTHS):
            raise ValueError(
                f"{given[0]} is for uniform widths; learned ones are found: leave it out, or give "
                "--quantize Nbit"
            )
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
