"""Fixed-point types: how a word of bits stands for a number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rounding = Literal["TRN", "RND", "RND_CONV"]
Overflow = Literal["WRAP", "SAT"]

# A float64 holds every integer up to this many bits, so words and sums below it are exact in BLAS.
EXACT_BITS = 53
# Of the binary point: products of three such numbers are far from the ends of float64's range.
FARTHEST_POINT = 256


@dataclass(frozen=True, eq=False)
class FixedType:
    """One fixed-point type for a whole tensor, or one for each of its elements.

    A word `w` stands for the number ``w * 2**-fraction``, with ``fraction = width - integer``. The
    convention is that of ``ap_fixed<width, integer>`` and ``ap_ufixed``: `width` counts all bits
    and `integer` those left of the binary point, the sign included (AMD UG1399, "Arbitrary
    Precision Fixed-Point Data Types"). `integer` may be negative or exceed `width`.

    Parameters
    ----------
    signed, width, integer : array_like
        Scalars, or arrays that broadcast to the shape of the tensor.
    rounding : {"RND", "RND_CONV", "TRN"}
        To the nearest, halves towards plus infinity (``AP_RND``) or to the even word
        (``AP_RND_CONV``); or towards minus infinity. Halves to even is what every QKeras model
        does; halves up is cheaper in hardware.
    overflow : {"SAT", "WRAP"}
        Clip to the nearest end of the range, or keep the low bits.

    Examples
    --------
    >>> eighths = FixedType(signed=True, width=5, integer=2)
    >>> eighths.to_words([0.1875, -0.1875, 7.0])
    array([ 2, -1, 15])
    >>> eighths.to_values([2, -1, 15])
    array([ 0.25 , -0.125,  1.875])
    """

    signed: Any
    width: Any
    integer: Any
    rounding: Rounding = "RND"
    overflow: Overflow = "SAT"

    def __post_init__(self) -> None:
        for name, kind in (("signed", np.bool_), ("width", np.int64), ("integer", np.int64)):
            array = np.asarray(getattr(self, name)).astype(kind)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        np.broadcast_shapes(self.signed.shape, self.width.shape, self.integer.shape)
        if self.width.size and not 1 <= self.width.min() <= self.width.max() <= EXACT_BITS:
            raise ValueError(
                f"width must be 1 to {EXACT_BITS} bits, found {self.width.min()} to "
                f"{self.width.max()}"
            )
        if self.integer.size and np.abs(self.integer).max() > FARTHEST_POINT:
            raise ValueError(f"more than {FARTHEST_POINT} integer bits, or less than the negative")
        if self.rounding not in get_args(Rounding) or self.overflow not in get_args(Overflow):
            raise ValueError(f"unknown rounding {self.rounding!r} or overflow {self.overflow!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FixedType) and self.to_config() == other.to_config()

    def __str__(self) -> str:
        """``fixed<width,integer,rounding,overflow>``; of many elements, their distinct types."""
        distinct = sorted(
            {
                (bool(s), int(w), int(i))
                for s, w, i in zip(
                    *(
                        a.ravel()
                        for a in np.broadcast_arrays(self.signed, self.width, self.integer)
                    ),
                    strict=True,
                )
            }
        )
        return " | ".join(
            f"{'' if s else 'u'}fixed<{w},{i},{self.rounding},{self.overflow}>"
            for s, w, i in distinct
        )

    @property
    def fraction(self) -> NDArray[np.int64]:
        """Number of bits right of the binary point."""
        return np.asarray(self.width - self.integer)

    @property
    def lsb(self) -> NDArray[np.float64]:
        """Value of the least significant bit."""
        return np.ldexp(1.0, -self.fraction)

    @property
    def min_word(self) -> NDArray[np.int64]:
        """Smallest word."""
        return np.where(self.signed, -(1 << (self.width - 1)), 0)

    @property
    def max_word(self) -> NDArray[np.int64]:
        """Largest word."""
        return np.asarray((1 << (self.width - self.signed)) - 1, np.int64)

    @property
    def min(self) -> NDArray[np.float64]:
        """Smallest value."""
        return self.min_word * self.lsb

    @property
    def max(self) -> NDArray[np.float64]:
        """Largest value."""
        return self.max_word * self.lsb

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the elements that have a type each; empty where all share one."""
        return np.broadcast_shapes(self.signed.shape, self.width.shape, self.integer.shape)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether there is a type for each element of `shape`."""
        try:
            return np.broadcast_shapes(self.shape, shape) == shape
        except ValueError:
            return False

    @property
    def is_uniform(self) -> bool:
        """Whether all elements share one type."""
        return all(np.unique(a).size == 1 for a in (self.signed, self.width, self.integer))

    def broadcast(self, shape: tuple[int, ...]) -> "FixedType":
        """Return the same type with one entry for each element of `shape`."""
        return FixedType(
            np.broadcast_to(self.signed, shape),
            np.broadcast_to(self.width, shape),
            np.broadcast_to(self.integer, shape),
            self.rounding,
            self.overflow,
        )

    def repeated(self, n: int) -> "FixedType":
        """Return the types of `n` such rows one after another; one type for all stays that."""
        if not self.shape:
            return self
        row = self.broadcast(self.shape)
        signed, width, integer = (np.tile(x, n) for x in (row.signed, row.width, row.integer))
        return FixedType(signed, width, integer, self.rounding, self.overflow)

    def element(self, index: int) -> "FixedType":
        """Return the type of one element of a vector that has one for each."""
        return FixedType(
            self.signed[index],
            self.width[index],
            self.integer[index],
            self.rounding,
            self.overflow,
        )

    def shifted(self, exponent: ArrayLike) -> "FixedType":
        """Return the type of the same words standing for values ``2**exponent`` times as large."""
        return FixedType(
            self.signed,
            self.width,
            self.integer + np.asarray(exponent),
            self.rounding,
            self.overflow,
        )

    def to_words(self, values: ArrayLike) -> NDArray[np.int64]:
        """Quantize finite `values` (converted to float64) to the words of this type.

        Returns
        -------
        ndarray of int64
            Words, in the shape of `values` broadcast with the type.
        """
        scaled = np.ldexp(np.asarray(values, np.float64), self.fraction)
        words = np.rint(scaled) if self.rounding == "RND_CONV" else np.floor(scaled)
        if self.rounding == "RND":
            # floor(scaled + 0.5) would lift 0.49999999999999994 to 1
            words += scaled - words >= 0.5
        if self.overflow == "SAT":
            words = np.clip(words, self.min_word, self.max_word)
        else:
            span = np.ldexp(1.0, self.width)
            words = words - span * np.floor((words - self.min_word) / span)
        return np.asarray(words, np.int64)

    def to_values(self, words: ArrayLike) -> NDArray[np.float64]:
        """Return the numbers that `words` stand for, as float64."""
        return np.ldexp(np.asarray(words, np.float64), -self.fraction)

    def quantized(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the numbers that the words of `values` stand for."""
        return self.to_values(self.to_words(values))

    def holds(self, words: ArrayLike) -> bool:
        """Whether every word lies within the range of its type."""
        words = np.asarray(words)
        return bool(np.all((words >= self.min_word) & (words <= self.max_word)))

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "signed": self.signed.tolist(),
            "width": self.width.tolist(),
            "integer": self.integer.tolist(),
            "rounding": self.rounding,
            "overflow": self.overflow,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "FixedType":
        """Build a type from the content that `to_config` returns.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is anything else.
        """
        return cls(
            np.asarray(config["signed"]).astype(np.bool_, casting="safe"),
            integers(config["width"]),
            integers(config["integer"]),
            config["rounding"],
            config["overflow"],
        )


def integers(content: Any) -> NDArray[np.int64]:
    """Return JSON's integers, in lists or alone, as an array; raise TypeError for anything else."""
    array = np.asarray(content)
    if array.dtype.kind != "i":
        raise TypeError(f"expected integers, found {str(content)[:60]!r}")
    return array.astype(np.int64)


def smallest_type(low: float, high: float, fraction: int, overflow: Overflow = "WRAP") -> FixedType:
    """Return the narrowest type with `fraction` fractional bits that holds `low` to `high`.

    Both ends must be multiples of ``2**-fraction``. The type never rounds or overflows for values
    on that grid within the range, so ``TRN`` and ``WRAP`` (free in hardware) are exact.

    Raises
    ------
    ValueError
        If it needs more than 53 bits.
    """
    ends = np.ldexp([low, high], fraction)
    if not np.isfinite(ends).all():
        raise ValueError(f"no type of {EXACT_BITS} bits holds {low} to {high} in 2**-{fraction}")
    first, last = (round(x) for x in ends.tolist())
    signed = first < 0
    magnitude = max(last, -first - 1, 0)
    width = max(magnitude.bit_length() + signed, 1)
    return FixedType(signed, width, width - fraction, "TRN", overflow)
