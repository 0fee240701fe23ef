"""What is learned of a column: a small network says how probable each number is.

Networks compute in integers, as the firmware's encoder does: weights of 8 bits, sums that floats
hold exactly, and powers of two from a table that was made of integers. So every machine finds the
same frequencies, and decodes the same numbers, whatever its libraries of linear algebra and the
order in which they add.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.rans import PRECISION, Interval, Static, Stream
from aefpga.entropy.schemes import ZERO, Hint
from aefpga.entropy.speed import compiled, in_threads
from aefpga.errors import DataError

Words = NDArray[np.int64]
# Integers that floats hold.
Values = NDArray[np.floating[Any]]

SLOTS = 1 << PRECISION
# Bits behind the point of a network's inputs, activations and logarithms of probabilities.
FRACTION = 8
# Inputs are standardised by an integer gain and this shift, and cut here.
GAIN_BITS, MAX_INPUT = 16, 2047
# So that sums of shares of up to 2**16 are exact in float32.
MAX_SYMBOLS = 255
# A number within a wide bin is coded in digits of this many bits.
DIGIT_BITS = 12
# Rows that pass through a network together: their activations stay in the cache.
BLOCK = 4096


@dataclass(frozen=True)
class Arithmetic:
    """How networks compute.

    Parameters
    ----------
    kind : type
        Of floats that hold all sums exactly.
    max_activation : int
        Where activations of hidden neurons are cut.
    max_sum : int
        What no sum of absolute terms reaches.
    powers : ndarray of int32
        2**16 times 2**(-i/256) for i from 0, in integers, down to 1.
    """

    kind: type[np.floating[Any]]
    max_activation: int
    max_sum: int
    powers: NDArray[np.int32]


@dataclass(frozen=True)
class IntegerLayer:
    """Integer weights (n_in, n_out), biases (n_out,), and how far each sum is shifted right."""

    weight: NDArray[np.int8]
    bias: NDArray[np.int64]
    shift: NDArray[np.int8]

    def scaled(self, kind: type[np.floating[Any]]) -> tuple[Values, Values]:
        """Return weights (n_out, n_in) and biases (n_out, 1) times 2**-shift, as floats."""
        scale = 2.0 ** -self.shift.astype(np.float64)
        weight, bias = (self.weight * scale).T, (self.bias * scale)[:, None]
        return np.ascontiguousarray(weight, kind), bias.astype(kind)

    def reach(self, largest: int) -> Words:
        """Return what sums stay below, for inputs of at most this size, shape (n_out,)."""
        sums: Words = np.abs(self.weight.astype(np.int64)).sum(axis=0)
        return largest * sums + np.abs(self.bias)


@dataclass(frozen=True)
class ColumnModel:
    """What is learned of a column: bins of distances, and how probable they are.

    Symbol 0 is a 0 that is told apart, symbols from 1 are bins, the last one is anything else.

    Parameters
    ----------
    edges : ndarray of int64, shape (n_bins + 1,)
        Bin i holds distances from ``edges[i]`` to below ``edges[i + 1]``.
    frequencies : ndarray of int64, shape (n_bins + 2,)
        Slots of each symbol, where there is no network.
    centre, gain : ndarray of int64, shape (n_features,)
        Standardisation of features.
    layers : sequence of IntegerLayer
        The network; empty where nothing is to be learned from features.
    arithmetic : Arithmetic
        How it computes.
    """

    edges: Words
    frequencies: Words
    centre: Words
    gain: Words
    layers: Sequence[IntegerLayer]
    arithmetic: Arithmetic

    def table(self, hint: Hint) -> "Static | Varying":
        """Return the frequencies of symbols at some rows.

        Raises
        ------
        DataError
            If the model is one of other features.
        """
        if not self.layers:
            return Static(self.frequencies)
        if len(hint.features) != len(self.centre):
            raise DataError(
                f"a column has {len(hint.features)} features, its model was learned from "
                f"{len(self.centre)}"
            )
        return Varying(self, hint)

    def logarithms(self, x: Values) -> Values:
        """Return binary logarithms of shares, with `FRACTION` bits behind the point.

        Shapes (n_symbols, n_rows), and of standardised features (n_features, n_rows). The columns
        of a matrix are rows of the table: so libraries of linear algebra are fastest.
        """
        for number, (weight, bias) in enumerate(self._scaled):
            if number:
                np.clip(x, 0, self.arithmetic.max_activation, out=x)
            # Sums of integers, scaled by a power of two and rounded down: shifted right.
            x = weight @ x
            x += bias
            np.floor(x, out=x)
        return x

    @cached_property
    def _scaled(self) -> list[tuple[Values, Values]]:
        return [layer.scaled(self.arithmetic.kind) for layer in self.layers]

    def symbols(self, distances: Words) -> Words:
        """Return the symbols of distances."""
        found = np.searchsorted(self.edges, distances, side="right")
        return np.where(distances == ZERO, 0, np.where(found == 0, len(self.edges), found))

    def places(self, distances: Words, symbols: Words) -> Words:
        """Return where in their bins distances are; 0 for what is in no bin."""
        return np.where(self._in_bin(symbols), distances - self._lowest(symbols), 0)

    def distances(self, symbols: Words, places: Words) -> Words:
        """Return distances, `ZERO` where 0 is told apart; 0 where they were in no bin."""
        found = np.where(self._in_bin(symbols), self._lowest(symbols) + places, 0)
        return np.where(symbols == 0, ZERO, found)

    def widths(self, symbols: Words) -> Words:
        """Return how many distances each symbol's bin holds; 1 for what is in no bin."""
        return np.append(np.insert(np.diff(self.edges), 0, 1), 1)[symbols]

    def is_other(self, symbols: Words) -> NDArray[np.bool_]:
        """Return which symbols stand for distances that are in no bin."""
        return np.asarray(symbols == len(self.edges))

    def _lowest(self, symbols: Words) -> Words:
        return self.edges[np.maximum(symbols - 1, 0)]

    def _in_bin(self, symbols: Words) -> NDArray[np.bool_]:
        return (symbols > 0) & (symbols < len(self.edges))

    @property
    def digits(self) -> int:
        """How many digits a place in the widest bin takes; 0 where all bins hold one distance."""
        widest = int(np.diff(self.edges).max(initial=1))
        return -(-(widest - 1).bit_length() // DIGIT_BITS)


class Varying:
    """Frequencies that differ from word to word; see `Table`.

    Every symbol gets a slot, and of the others what its share is.

    Parameters
    ----------
    model : ColumnModel
        With a network.
    hint : Hint
        What it takes.
    """

    work = 16

    def __init__(self, model: ColumnModel, hint: Hint) -> None:
        self._model, self._hint = model, hint
        # Of the rows from `_start` on; those of all rows would take much memory.
        self._start, self._block = 0, np.zeros((0, 1), np.int64)

    def shares(self, rows: slice) -> Words:
        """Return sums of shares, shape (n, n_symbols + 1), of the symbols before, and of all.

        They are integers below 2**24.
        """
        model = self._model
        x = standardised(self._hint.block(rows), model.centre, model.gain)
        logarithms = model.logarithms(x.astype(model.arithmetic.kind))
        return cumulative_shares(logarithms, model.arithmetic.powers).T

    def find(self, slots: Words, start: int) -> tuple[Words, Words, Words]:
        """Return symbols, their first slots and frequencies."""
        stop = start + len(slots)
        if not self._start <= start <= stop <= self._start + len(self._block):
            self._start, self._block = start, self.shares(slice(start, start + BLOCK))
        shares = self._block[start - self._start : stop - self._start]
        bounds = self._first_slots(
            shares, np.arange(shares.shape[1]), shares[:, -1:], shares.shape[1]
        )
        symbols = np.count_nonzero(bounds <= slots[:, None], axis=1) - 1
        row = np.arange(len(slots))
        first = bounds[row, symbols]
        return symbols, first, bounds[row, symbols + 1] - first

    def intervals(self, symbols: Words) -> Interval:
        """Return first slots and frequencies of symbols."""
        if code := compiled(self.work * len(symbols)):
            found, powers = np.empty((2, len(symbols)), np.uint16), self._model.arithmetic.powers

            def put(start: int) -> None:
                here = slice(start, start + BLOCK)
                logarithms = self._logarithms(code, here)
                code.intervals(logarithms, powers, symbols[here], *found[:, here])

            list(in_threads(put, range(0, len(symbols), BLOCK)))
            return found[0], found[1]
        bounds = np.empty((2, len(symbols)), np.int64)
        for start in range(0, len(symbols), BLOCK):
            here = slice(start, start + BLOCK)
            shares, chosen = self.shares(here), symbols[here]
            row = np.arange(len(chosen))
            for bound, s in zip(bounds, (chosen, chosen + 1), strict=True):
                bound[here] = self._first_slots(shares[row, s], s, shares[:, -1], shares.shape[1])
        return bounds[0], bounds[1] - bounds[0]

    def frequencies(self, symbols: Words) -> Words:
        """Return frequencies of several symbols of each row, shape (n_symbols, n_rows)."""
        found = np.empty(symbols.shape, np.int64)
        for start in range(0, symbols.shape[1], BLOCK):
            here = slice(start, start + BLOCK)
            shares, chosen = self.shares(here), symbols[:, here]
            row = np.arange(chosen.shape[1])
            first, following = (
                self._first_slots(shares[row, s], s, shares[:, -1], shares.shape[1])
                for s in (chosen, chosen + 1)
            )
            found[:, here] = following - first
        return found

    def decode(self, code: ModuleType, stream: Stream, symbols: Words) -> int:
        """Decode all words by compiled code; see `Table`."""
        powers = self._model.arithmetic.powers

        def shares(start: int) -> NDArray[np.int32]:
            logarithms = self._logarithms(code, slice(start, start + BLOCK))
            found = np.empty((len(logarithms) + 1, logarithms.shape[1]), np.int32)
            code.cumulative_shares(logarithms, powers, found)
            return found

        states, words, position = stream.state
        starts = range(0, len(symbols), BLOCK)
        for start, found in zip(starts, in_threads(shares, starts), strict=True):
            column = symbols[start : start + BLOCK]
            position = code.decode_varying(states, words, position, start, found, column)
        return int(position)

    def _logarithms(self, code: ModuleType, rows: slice) -> Values:
        """Return what the network says of some rows, standardised by compiled code."""
        model, features = self._model, self._hint.parts(rows)
        x = np.empty((len(features), len(features[0])), model.arithmetic.kind)
        for feature, centre, gain, out in zip(features, model.centre, model.gain, x, strict=True):
            code.standardise(feature, centre, gain, out)
        return model.logarithms(x)

    @staticmethod
    def _first_slots(shares: Words, symbols: Words, total: Words, n_bounds: int) -> Words:
        return shares * (SLOTS - n_bounds + 1) // total + symbols


def standardised(features: NDArray[Any], centre: Words, gain: Words) -> Words:
    """Return features, shape (n_features, n), as integers with `FRACTION` bits behind the point."""
    scaled = ((features - centre[:, None]) * gain[:, None]) >> GAIN_BITS
    return np.asarray(np.clip(scaled, -MAX_INPUT, MAX_INPUT))


def cumulative_shares(logarithms: Values, powers: NDArray[np.int32]) -> Words:
    """Return sums of shares from 0, shape (n_symbols + 1, n), of logarithms, (n_symbols, n)."""
    below = np.minimum(logarithms.max(axis=0) - logarithms, len(powers) - 1)
    shares = np.zeros((len(below) + 1, below.shape[1]), np.int64)
    np.cumsum(powers[below.astype(np.intp)], axis=0, out=shares[1:])
    return shares


def _powers() -> NDArray[np.int32]:
    """Return 2**16 times the powers of 2**(-1/256), cut to integers, down to 1."""
    bits = 60
    root = 1 << bits
    # The 256th root of one half is eight square roots.
    root >>= 1
    for _ in range(FRACTION):
        root = isqrt(root << bits)
    powers, power = [], 1 << bits
    while power >> (bits - 16):
        powers.append(power >> (bits - 16))
        power = (power * root) >> bits
    return np.array(powers, np.int32)


# What is learned now; and what was until version 3 of the format.
NARROW = Arithmetic(np.float32, 4095, 1 << 24, _powers())
WIDE = Arithmetic(np.float64, 65_535, 1 << 53, NARROW.powers)
