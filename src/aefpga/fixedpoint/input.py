"""The encoder's input: how a physical quantity becomes a word of the network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError
from aefpga.fixedpoint.compand import compand, expand
from aefpga.fixedpoint.layers import MAX_NEURONS
from aefpga.fixedpoint.total import Total, shares
from aefpga.fixedpoint.types import EXACT_BITS, FixedType, integers

LONGEST_NAME = 200


@dataclass(frozen=True)
class Offset:
    """A subtraction in front of the network, as CMS's AXOL1TL has it.

    Parameters
    ----------
    port : FixedType
        Type of the quantities on the firmware's port, before anything is subtracted; one for each
        variable, or one for all.
    values : ndarray of float64, shape (n_variables,)
        What is subtracted, in physical units, on the port's grid.
    shifted : FixedType
        Type to which the difference is cut once its binary point has been moved by the input's
        `exponent`, before it is rounded to the network's word. (``ap_fixed``'s operator ``>>``
        drops bits.)
    """

    port: FixedType
    values: NDArray[np.float64]
    shifted: FixedType

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "port": self.port.to_config(),
            "values": self.values.tolist(),
            "shifted": self.shifted.to_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Offset":
        """Build the offset from what `to_config` returns."""
        return cls(
            FixedType.from_config(config["port"]),
            np.asarray(config["values"]).astype(np.float64, casting="safe"),
            FixedType.from_config(config["shifted"]),
        )


@dataclass(frozen=True)
class EncoderInput:
    """The variables on the firmware's input port.

    A quantity, less an offset if there is one, is first put on the linear grid declared by `type`
    (one type for each variable). Where `mantissa` is negative those are the words, and the network
    reads their very bits as the number ``quantity * 2**-exponent``, within [-1, 1] or of a spread
    of about 1: a shift of the binary point that costs no logic. Elsewhere the words are companded
    (`compand.py`) to a logarithmic scale, and the network reads them as numbers within [0, 1).

    Parameters
    ----------
    variables : tuple of str
        Names, in the order of the ports.
    units : tuple of str
        Their physical units.
    type : FixedType
        Type of the physical quantities, less their offsets; one for each variable.
    exponent : ndarray of int64, shape (n_variables,)
        Binary exponent of the scale of each variable.
    mantissa : ndarray of int64, shape (n_variables,)
        Bits of mantissa of the companded scale, at least 1; -1 for a linear one.
    offset : Offset or None
        What is subtracted; None where quantities arrive on the grid of `type` and stay as they are.
    total : Total or None
        The sum that quantities are divided by before they arrive on the port; None where they
        arrive undivided.
    """

    variables: tuple[str, ...]
    units: tuple[str, ...]
    type: FixedType
    exponent: NDArray[np.int64]
    mantissa: NDArray[np.int64]
    offset: Offset | None = None
    total: Total | None = None

    def __post_init__(self) -> None:
        n = len(self.variables)
        if not 0 < n <= MAX_NEURONS or len(set(self.variables)) != n or len(self.units) != n:
            raise ValueError(
                f"expected 1 to {MAX_NEURONS} variables of different names, with units"
            )
        if not all(
            isinstance(x, str) and len(x) <= LONGEST_NAME for x in (*self.variables, *self.units)
        ):
            raise ValueError(f"names and units are text of at most {LONGEST_NAME} characters")
        if not self.exponent.shape == self.mantissa.shape == (n,) or not self.type.fits((n,)):
            raise ValueError(f"expected an exponent, a mantissa and a type for {n} variables")
        if np.any(self.mantissa > EXACT_BITS) or np.any(np.abs(self.exponent) > 1000):
            raise ValueError("an exponent or a mantissa is beyond all that floats hold")
        if np.any(self.is_companded & (self.type.signed | (self.mantissa == 0))):
            raise ValueError("companding needs quantities without sign, and a bit of mantissa")
        if self.total is not None and (
            self.offset is not None or self.is_companded.any() or self.type.signed.any()
        ):
            raise ValueError("shares of a sum are linear, without sign or offset")
        if self.offset is not None:
            self._check_offset(self.offset, n)

    def _check_offset(self, offset: Offset, n: int) -> None:
        """Refuse an offset with which a word is not the word of any quantity on the port."""
        if offset.values.shape != (n,) or not np.isfinite(offset.values).all():
            raise ValueError(f"expected {n} finite offsets")
        if not (offset.port.fits((n,)) and offset.shifted.fits((n,))):
            raise ValueError(f"expected types of {n} offsets")
        linear, port = self.linear_type, offset.port
        if np.any(port.fraction < self.type.fraction) or np.any(
            np.ldexp(offset.values, port.fraction) % 1
        ):
            raise ValueError(
                "the port's grid must hold offsets and the steps of the network's words"
            )
        if np.any(np.abs(offset.values) >= np.ldexp(1.0, EXACT_BITS - 1 - port.fraction)):
            raise ValueError(f"offsets of more than {EXACT_BITS - 1} bits")
        cut = offset.shifted
        if np.any(
            (cut.fraction < linear.fraction) | (cut.min > linear.min) | (cut.max < linear.max)
        ):
            raise ValueError(f"{cut} cannot hold the network's words of {linear}")

    @property
    def is_companded(self) -> NDArray[np.bool_]:
        """Which variables are on a logarithmic scale."""
        return self.mantissa >= 0

    @property
    def port(self) -> FixedType:
        """Type of the quantities that arrive, one for each variable."""
        arriving = self.type if self.offset is None else self.offset.port
        return arriving.broadcast(self.mantissa.shape)

    @property
    def linear_type(self) -> FixedType:
        """Type of the linear words as the network reads them."""
        return self.type.shifted(-self.exponent).broadcast(self.mantissa.shape)

    @property
    def network_type(self) -> FixedType:
        """Type of the words as the network reads them."""
        linear = self.linear_type
        largest = compand(np.maximum(self.type.max_word, 0), np.maximum(self.mantissa, 1))
        bits = np.frexp(np.floor(largest))[1]
        return FixedType(
            linear.signed,
            np.where(self.is_companded, bits, linear.width),
            np.where(self.is_companded, 0, linear.integer),
            linear.rounding,
            linear.overflow,
        )

    @property
    def min_word(self) -> NDArray[np.int64]:
        """Smallest word of each variable that a quantity can have."""
        return self.of_counts(self._counts(self.type.min_word))

    @property
    def max_word(self) -> NDArray[np.int64]:
        """Largest word of each variable that a quantity can have."""
        return self.of_counts(self._counts(self.type.max_word))

    def to_counts(self, words: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return words on the port, the grid of quantities, whose input words these are.

        Of companded words that is the least linear one.
        """
        linear = expand(np.where(self.is_companded, words, 0), np.maximum(self.mantissa, 1))
        return self._counts(np.where(self.is_companded, linear, words).astype(np.int64))

    def _counts(self, linear: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the port's words of linear words; the nearest there are."""
        if self.offset is None:
            return linear
        port = self.port
        counts = np.ldexp(self.type.to_values(linear) + self.offset.values, port.fraction)
        return np.clip(counts, port.min_word, port.max_word).astype(np.int64)

    def only(self, index: int) -> "EncoderInput":
        """Return the input of one of the variables alone."""
        one = slice(index, index + 1)

        def element(kind: FixedType) -> FixedType:
            every = kind.broadcast(self.mantissa.shape)
            return replace(
                kind, signed=every.signed[one], width=every.width[one], integer=every.integer[one]
            )

        offset = self.offset
        if offset is not None:
            offset = Offset(element(offset.port), offset.values[one], element(offset.shifted))
        return EncoderInput(
            self.variables[one],
            self.units[one],
            element(self.type),
            self.exponent[one],
            self.mantissa[one],
            offset,
        )

    def of_counts(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the input words of words on the port, both of shape (n_jets, n_variables)."""
        if self.offset is not None:
            difference = self.port.to_values(counts) - self.offset.values
            cut = self.offset.shifted.quantized(np.ldexp(difference, -self.exponent))
            counts = self.linear_type.to_words(cut)
        return np.floor(self._scale(counts)).astype(np.int64)

    def scaled(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return what the network reads if nothing is rounded: the float model's inputs."""
        jets = self._arriving(jets)
        offset = 0.0 if self.offset is None else self.offset.values
        counts = (jets - offset) / self.type.lsb
        return (self._scale(counts) * self.network_type.lsb).astype(np.float32)

    def _scale(self, counts: NDArray[Any]) -> NDArray[np.float64]:
        companded = compand(np.maximum(counts, 0), np.maximum(self.mantissa, 1))
        return np.where(self.is_companded, companded, counts)

    def to_words(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Quantize jets in physical units, shape (n_jets, n_variables), to input words.

        Raises
        ------
        DataError
            If a value is NaN or infinite.
        """
        return self.of_counts(self.quantized(jets))

    def quantized(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Quantize jets in physical units, shape (n_jets, n_variables), to words on the port.

        Raises
        ------
        DataError
            If a value is NaN or infinite.
        """
        if jets.ndim != 2 or jets.shape[1] != len(self.variables):
            raise DataError(
                f"the encoder takes {len(self.variables)} variables a jet, found an array of shape "
                f"{jets.shape}; expected the columns {', '.join(self.variables)}"
            )
        finite = np.isfinite(jets).all(axis=0)
        if not finite.all():
            column = self.variables[int(np.argmin(finite))]
            raise DataError(f"NaN or infinity in {column}; remove these jets before encoding")
        return self.port.to_words(self._arriving(jets))

    def _arriving(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the quantities on the port."""
        return jets if self.total is None else shares(jets)

    def outside(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Return which values the input type cannot hold, shape (n_jets, n_variables).

        A value within half a step of the range's end rounds to the end and is none of them.
        """
        if self.total is not None:
            # The whole is the largest share that there is, by half a step or more.
            return np.repeat(self.total.outside(jets)[:, None], jets.shape[1], axis=1)
        outside = _beyond(self.port, jets)
        if self.offset is not None:
            outside |= _beyond(self.type, jets - self.offset.values)
        return outside

    def saturated(self, jets: NDArray[np.floating[Any]]) -> dict[str, int]:
        """Count, for each variable with any, the jets whose value the input type cannot hold."""
        counts = self.outside(jets).sum(axis=0)
        return {v: int(n) for v, n in zip(self.variables, counts, strict=True) if n}

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content."""
        content = {
            "variables": list(self.variables),
            "units": list(self.units),
            "type": self.type.to_config(),
            "exponent": self.exponent.tolist(),
            "mantissa": self.mantissa.tolist(),
        }
        parts = {"offset": self.offset, "total": self.total}
        return content | {n: part.to_config() for n, part in parts.items() if part is not None}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "EncoderInput":
        """Build the input from what `to_config` returns.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is anything else.
        """
        return cls(
            variables=tuple(config["variables"]),
            units=tuple(config["units"]),
            type=FixedType.from_config(config["type"]),
            exponent=integers(config["exponent"]),
            mantissa=integers(config["mantissa"]),
            offset=Offset.from_config(config["offset"]) if "offset" in config else None,
            total=Total.from_config(config["total"]) if "total" in config else None,
        )


def _beyond(kind: FixedType, values: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    half = kind.lsb / 2
    return np.asarray((values < kind.min - half) | (values >= kind.max + half))
