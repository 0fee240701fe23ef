"""The layers of an encoder: each kind has a tag, and says what matrix it multiplies by.

Emulator, HLS and RTL compute ``quantize(activation(input @ matrix + bias))`` and ask for little
else, so a kind of layer is one class: what it keeps, and its matrix. `kinds.py` finds it by tag.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.types import EXACT_BITS, FixedType, integers, smallest_type

Activation = Literal["linear", "relu", "leaky_relu"]

MAX_NEURONS = 4096
MAX_WEIGHTS = 1 << 20
# It names a function in C++, a file and a member of an archive.
NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)


@dataclass(frozen=True)
class Tensor:
    """Integer words with their fixed-point type."""

    words: NDArray[np.int64]
    type: FixedType

    def __post_init__(self) -> None:
        if self.words.dtype.kind != "i":
            raise ValueError(f"words must be integers, found {self.words.dtype}")
        if not self.type.fits(self.words.shape):
            raise ValueError(f"types of shape {self.type.shape} for {self.words.shape} words")
        if not self.type.holds(self.words):
            raise ValueError(f"words outside the range of {self.type}")

    @property
    def values(self) -> NDArray[np.float64]:
        """The numbers that the words stand for."""
        return self.type.to_values(self.words)


@dataclass(frozen=True, kw_only=True)
class Layer(ABC):
    """``output = quantize(activation(input @ matrix + bias))``.

    The sum is exact in `accumulator`; then comes the activation, and last the one rounding and
    overflow, into `output`. A leaky ReLU multiplies negative sums by ``2**-negative_slope_shift``
    exactly (a shift; no bit is dropped before the output's rounding).

    Parameters
    ----------
    name : str
        Letters, digits and underscores.
    bias : Tensor
        A word for each output.
    accumulator : FixedType
        One type, which holds every partial sum: see `exact_accumulator`.
    activation : {"linear", "relu", "leaky_relu"}
        What is done to the sums.
    output : FixedType
        One type, or one for each output.
    negative_slope_shift : int
        Of a leaky ReLU; else 0.
    """

    kind: ClassVar[str]
    # Names of the fields that are tensors.
    parts: ClassVar[tuple[str, ...]] = ("bias",)
    # Names of the fields that are plain numbers or texts, or tuples of those; None is left out.
    facts: ClassVar[tuple[str, ...]] = ()

    name: str
    bias: Tensor
    accumulator: FixedType
    activation: Activation
    output: FixedType
    negative_slope_shift: int = 0

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            raise ValueError(f"{self.name!r:.80} is no name of a layer: letters, digits, _")
        if self.activation not in get_args(Activation):
            raise ValueError(f"layer {self.name} has the unknown activation {self.activation!r}")
        if type(self.negative_slope_shift) is not int or not (
            0 <= self.negative_slope_shift < EXACT_BITS
        ):
            raise ValueError(f"layer {self.name}: a shift of {self.negative_slope_shift!r} bits")
        shape = self.matrix.words.shape
        if len(shape) != 2 or not (0 < shape[0] <= MAX_NEURONS and 0 < shape[1] <= MAX_NEURONS):
            raise ValueError(
                f"layer {self.name} has a matrix of shape {shape}; expected two numbers, each from "
                f"1 to {MAX_NEURONS}"
            )
        if self.bias.words.shape != shape[1:] or not self.output.fits(shape[1:]):
            raise ValueError(f"layer {self.name}: bias or output types do not fit {shape}")
        if self.accumulator.shape:
            raise ValueError(f"layer {self.name} has more than one type of accumulator")

    @property
    @abstractmethod
    def matrix(self) -> Tensor:
        """The matrix, of shape (n_in, n_out)."""

    @property
    def blocks(self) -> Iterator[tuple[slice | Sequence[int], slice]]:
        """The inputs that some outputs need, and these: products that are made one by one.

        All outputs come once, in their order. Where products share no work worth finding, smaller
        ones are made in much less time.
        """
        yield slice(None), slice(None)

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.matrix.words.shape[0])

    @property
    def n_out(self) -> int:
        """Number of outputs (neurons)."""
        return int(self.matrix.words.shape[1])

    @property
    def bits_needed(self) -> int:
        """Bits of mantissa with which a float holds all that is computed on the way to the output.

        That is every sum, the leaky slope's product, a half added for rounding, and what wraps.
        """
        held, out = self.accumulator, self.output
        fraction = max(int(held.fraction) + self.negative_slope_shift, int(out.fraction.max()))
        bits = int(held.integer) - bool(held.signed) + fraction
        return (max(bits, int(out.width.max())) if out.overflow == "WRAP" else bits) + 1

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content, without the words."""
        return {
            "kind": self.kind,
            "name": self.name,
            **{fact: x for fact in self.facts if (x := getattr(self, fact)) is not None},
            **{part: getattr(self, part).type.to_config() for part in self.parts},
            "accumulator": self.accumulator.to_config(),
            "activation": self.activation,
            "negative_slope_shift": self.negative_slope_shift,
            "output": self.output.to_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], words: Mapping[str, NDArray[Any]]) -> Self:
        """Build the layer from what `to_config` returns and the words of its tensors, by part."""
        tensors = {
            p: Tensor(integers(words[p]), FixedType.from_config(config[p])) for p in cls.parts
        }
        plain: dict[str, Any] = {fact: config[fact] for fact in cls.facts if fact in config}
        plain = {n: tuple(x) if isinstance(x, list) else x for n, x in plain.items()}
        return cls(
            **tensors,
            **plain,
            name=config["name"],
            accumulator=FixedType.from_config(config["accumulator"]),
            activation=config["activation"],
            output=FixedType.from_config(config["output"]),
            negative_slope_shift=config["negative_slope_shift"],
        )


@dataclass(frozen=True, kw_only=True)
class DenseLayer(Layer):
    """A layer whose weights are its matrix."""

    kind = "dense"
    parts = ("weight", "bias")

    weight: Tensor

    @property
    def matrix(self) -> Tensor:
        """The weights."""
        return self.weight


def exact_accumulator(source: FixedType, weight: Tensor, bias: Tensor) -> FixedType:
    """Return the type that holds every partial sum of ``source @ weight + bias`` without loss.

    Worst case over all inputs by interval arithmetic; one type for the layer.

    Raises
    ------
    ValueError
        If it needs more than 53 bits, beyond which float64 arithmetic would not be exact.
    """
    matrix, n_in = weight.values, weight.words.shape[0]
    low, high = (np.broadcast_to(v, n_in)[:, None] for v in (source.min, source.max))
    # Partial sums in any order, with or without the bias, lie between these two.
    least = np.minimum(np.minimum(low * matrix, high * matrix), 0).sum(axis=0)
    most = np.maximum(np.maximum(low * matrix, high * matrix), 0).sum(axis=0)
    least, most = least + np.minimum(bias.values, 0), most + np.maximum(bias.values, 0)
    fraction = max(
        int((np.broadcast_to(source.fraction, n_in)[:, None] + weight.type.fraction).max()),
        int(bias.type.fraction.max()),
    )
    try:
        return smallest_type(float(least.min()), float(most.max()), fraction)
    except ValueError as error:
        raise ValueError(f"the sums of a layer need more than {EXACT_BITS} bits") from error
