"""An encoder in the making: layer after layer, each checked as it is added."""

from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga import __version__
from aefpga.fixedpoint import (
    Activation,
    Convolution,
    ConvolutionLayer,
    DenseLayer,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Layer,
    Tensor,
    exact_accumulator,
    smallest_type,
)
from aefpga.fixedpoint.layers import MAX_NEURONS, MAX_WEIGHTS, NAME
from aefpga.importing.refusal import Refusal

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Words that the original computes itself, on the same inputs, and how many of them are equal.

    `by` is what computed them.
    """

    by: str
    words: int
    equal: int

    def __str__(self) -> str:
        return f"{self.equal:,} of {self.words:,} words are those of {self.by}"


@dataclass(frozen=True)
class Imported:
    """What was read of somebody's encoder.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder.
    format : str
        What it was read from.
    compared : Comparison or None
        With what computes the original; None where that cannot be done here.
    notes : tuple of str
        What a reader has to know.
    files : tuple of Path
        What was read.
    """

    spec: EncoderSpec
    format: str
    compared: Comparison | None = None
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass
class Chain:
    """The layers so far; whatever cannot be represented exactly is a `Refusal`."""

    source: EncoderInput
    layers: list[Layer] = field(default_factory=list)

    @property
    def arriving(self) -> FixedType:
        """Type of the words that the next layer gets."""
        last = self.layers[-1].output if self.layers else self.source.network_type
        return last.broadcast((self.width,))

    @property
    def width(self) -> int:
        """How many words the next layer gets."""
        return self.layers[-1].n_out if self.layers else len(self.source.variables)

    def add(
        self,
        name: str,
        weight: Tensor,
        bias: Tensor,
        activation: Activation = "linear",
        shift: int = 0,
        output: FixedType | None = None,
        convolution: Convolution | None = None,
    ) -> Layer:
        """Add a layer; its words are its sums, activated and unrounded, if no `output` is given.

        Of a convolution `weight` is the kernel, and `bias` has a word for each output.

        Raises
        ------
        Refusal
            If the layer does not fit the one before, or needs more bits than there are.
        """
        n_in = len(weight.words) if convolution is None else convolution.n_in
        if n_in != self.width:
            raise Refusal(f"layer {name}", f"it takes {n_in} words, {self.width} arrive")
        try:
            matrix = weight if convolution is None else convolution.lowered(weight)
            check_size(name, *matrix.words.shape)
            sums = exact_accumulator(self.arriving, matrix, bias)
            content: dict[str, Any] = {
                "name": self._free(name),
                "weight": weight,
                "bias": bias,
                "accumulator": sums,
                "activation": activation,
                "output": _unrounded(sums, activation, shift) if output is None else output,
                "negative_slope_shift": shift,
            }
            layer: Layer = (
                DenseLayer(**content)
                if convolution is None
                else ConvolutionLayer(**content, **vars(convolution))
            )
        except ValueError as error:
            raise Refusal(f"layer {name}", str(error)) from error
        self.layers.append(layer)
        return layer

    def requantize(
        self,
        name: str,
        activation: Activation = "linear",
        shift: int = 0,
        output: FixedType | None = None,
    ) -> Layer:
        """Add a layer that hands on what arrives, activated and rounded: wires, else."""
        return self.add(name, self.wires(name), no_bias(self.width), activation, shift, output)

    def wires(self, name: str) -> Tensor:
        """Return the weights of a layer that hands on what arrives."""
        check_size(name, self.width, self.width)
        return Tensor(np.eye(self.width, dtype=np.int64), FixedType(False, 1, 1))

    def spec(self, **provenance: str) -> EncoderSpec:
        """Return the encoder; Refusal if it is none."""
        try:
            return EncoderSpec(
                self.source, tuple(self.layers), {"aefpga": __version__, **provenance}
            )
        except ValueError as error:
            raise Refusal("the encoder", str(error)) from error

    def _free(self, name: str) -> str:
        """Return a name that a layer can have, and none has yet."""
        plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)[:50]
        plain = plain if NAME.fullmatch(plain) else f"layer_{plain}"
        taken = {layer.name for layer in self.layers}
        return next(n for i in count() if (n := plain if i == 0 else f"{plain}_{i}") not in taken)


def check_size(name: str, n_in: int, n_out: int) -> None:
    """Refuse a matrix that is larger than a specification's, before it is made."""
    if max(n_in, n_out) > MAX_NEURONS or n_in * n_out > MAX_WEIGHTS:
        raise Refusal(
            f"layer {name}",
            f"its matrix is {n_in} × {n_out}; at most {MAX_NEURONS:,} neurons and {MAX_WEIGHTS:,} "
            "weights are possible",
        )


def plain_input(kind: FixedType, n: int) -> EncoderInput:
    """Return an input of which nothing is known but the words: x0, x1 and so on."""
    return EncoderInput(
        variables=tuple(f"x{i}" for i in range(n)),
        units=("",) * n,
        type=kind.broadcast((n,)),
        exponent=np.zeros(n, np.int64),
        mantissa=np.full(n, -1),
    )


def slope_shift(where: str, slope: float) -> int:
    """Return the bits that the slope of a leaky ReLU shifts by; Refusal if it is no such slope."""
    mantissa, exponent = np.frexp(slope)
    if mantissa != 0.5 or slope > 1:
        raise Refusal(
            where,
            f"a leaky ReLU's slope of {slope:g} is no power of two up to 1, such as 0.125, which "
            "is a shift",
        )
    return 1 - int(exponent)


def no_bias(n: int) -> Tensor:
    """Return `n` zeros."""
    return Tensor(np.zeros(n, np.int64), FixedType(False, 1, 1))


def exact_tensor(where: str, values: Floats, kind: FixedType) -> Tensor:
    """Return numbers as words of a type.

    Raises
    ------
    Refusal
        If one is no word of it: nothing is rounded here.
    """
    if not np.isfinite(values).all():
        raise Refusal(where, "there are numbers that are not finite")
    try:
        words = replace(kind, overflow="SAT").to_words(values)
    except ValueError as error:
        raise Refusal(where, str(error)) from error
    wrong = np.argwhere(kind.to_values(words) != values)
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        raise Refusal(
            where,
            f"{len(wrong):,} of {values.size:,} numbers are not of type {kind}, the first is "
            f"{float(values[place])!r} at {place}; give the type that holds them, or round them",
        )
    return Tensor(words, kind)


def smallest_tensor(where: str, values: Floats, most: int) -> Tensor:
    """Return numbers as words of the narrowest type that holds all of them.

    Raises
    ------
    Refusal
        If that has more than `most` bits.
    """
    if not np.isfinite(values).all():
        raise Refusal(where, "there are numbers that are not finite")
    mantissa, exponent = np.frexp(values[values != 0])
    if not mantissa.size:
        return Tensor(np.zeros(values.shape, np.int64), FixedType(False, 1, 1))
    # Of each number, the place of its last bit that is not zero.
    digits = np.ldexp(mantissa, 53).astype(np.int64)
    zeros = np.frexp((digits & -digits).astype(np.float64))[1] - 1
    fraction = int((53 - zeros - exponent).max())
    try:
        kind = smallest_type(float(values.min()), float(values.max()), fraction)
    except ValueError:
        kind = None
    if kind is None or kind.width > most:
        raise Refusal(
            where,
            f"its numbers are on no grid of at most {most} bits: the finest is a multiple of "
            f"2^{-fraction}",
        )
    return exact_tensor(where, values, kind)


def _unrounded(sums: FixedType, activation: Activation, shift: int) -> FixedType:
    """Return the type of activated sums of which no bit is dropped."""
    if activation == "relu" and sums.signed:
        return FixedType(False, max(int(sums.width) - 1, 1), sums.integer - 1, "TRN", "WRAP")
    return FixedType(sums.signed, sums.width + shift, sums.integer, "TRN", "WRAP")
