"""Conditional entropy coding: a small network says how probable each number is, given those before.

Networks compute in integers, as the firmware's encoder does: weights of 8 bits, sums that float64
holds exactly, and powers of two from a table that was made of integers. So every machine finds the
same frequencies, and decodes the same numbers, whatever its libraries of linear algebra.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import isqrt
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.gated import is_shut
from aefpga.entropy.rans import (
    MAX_STEPS,
    PRECISION,
    Interval,
    Static,
    Stream,
    check_size,
    encode_intervals,
    lanes_for,
)
from aefpga.entropy.schemes import ZERO, Hint, Rows, Scheme
from aefpga.entropy.speed import compiled, threads
from aefpga.errors import DataError

Words = NDArray[np.int64]
Values = NDArray[np.float64]
Floats = NDArray[np.float32]
# Centre and gain of features, layers, and powers of two.
_Compiled = tuple[tuple[Words, Words], tuple[Any, ...], NDArray[np.int32]]

SLOTS = 1 << PRECISION
# Bits behind the point of a network's inputs, activations and logarithms of probabilities.
FRACTION = 8
# Inputs are standardised by an integer gain and this shift, and cut here.
GAIN_BITS, MAX_INPUT = 16, 2047
MAX_ACTIVATION = 65_535
# So that sums of shares of up to 2**16 are exact in float32.
MAX_SYMBOLS = 255
# A number within a wide bin is coded in digits of this many bits.
DIGIT_BITS = 12
# Numbers and references are steps.
MAX_DISTANCE = 2 * MAX_STEPS
# Rows that pass through a network together: their activations stay in the cache.
BLOCK = 4096
_HEADER = struct.Struct("<III")


@dataclass(frozen=True)
class IntegerLayer:
    """Integer weights (n_in, n_out), biases (n_out,), and how far each sum is shifted right."""

    weight: NDArray[np.int8]
    bias: NDArray[np.int64]
    shift: NDArray[np.int8]

    def __call__(self, x: Values) -> Values:
        """Return floor(sums / 2**shift); exact, for sums stay below 2**53."""
        sums: Values = x @ self.weight.astype(np.float64)
        sums += self.bias
        sums *= 2.0 ** -self.shift.astype(np.float64)
        return np.floor(sums, out=sums)


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
    """

    edges: Words
    frequencies: Words
    centre: Words
    gain: Words
    layers: Sequence[IntegerLayer]

    def table(self, features: Sequence[Words]) -> "Static | Varying":
        """Return the frequencies of symbols at some rows.

        Raises
        ------
        DataError
            If the model is one of other features.
        """
        if not self.layers:
            return Static(self.frequencies)
        if len(features) != len(self.centre):
            raise DataError(
                f"a column has {len(features)} features, its model was learned from "
                f"{len(self.centre)}"
            )

        return Varying(self, features)

    @cached_property
    def compiled(self) -> "_Compiled | None":
        """The network for compiled code, of which sums stay within 31 bits."""
        reach, layers = MAX_INPUT, []
        for layer in self.layers:
            weight = layer.weight.astype(np.int32)
            if np.any(reach * np.abs(weight).sum(axis=0) + np.abs(layer.bias) >= 1 << 30):
                return None
            shift = np.minimum(layer.shift, 30).astype(np.int32)
            layers.append((weight, layer.bias.astype(np.int32), shift))
            reach = MAX_ACTIVATION
        scaling = self.centre, self.gain
        return (scaling, tuple(layers), _powers().astype(np.int32)) if len(layers) == 3 else None

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
    features : sequence of ndarray of int64, shape (n_rows,)
        What it takes.
    """

    work = 16

    def __init__(self, model: ColumnModel, features: Sequence[Words]) -> None:
        self._model, self._features = model, features
        # Of the rows from `_start` on; those of all rows would take much memory.
        self._start, self._block = 0, np.zeros((0, 1), np.float32)

    def shares(self, rows: slice) -> Floats:
        """Return sums of shares, shape (n, n_symbols + 1), of the symbols before, and of all.

        They are integers below 2**24.
        """
        model, block = self._model, np.stack([f[rows] for f in self._features], axis=1)
        x: Values = standardised(block, model.centre, model.gain)
        for layer in model.layers[:-1]:
            x = layer(x)
            np.clip(x, 0, MAX_ACTIVATION, out=x)
        return cumulative_shares(model.layers[-1](x))

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
        network = self._model.compiled
        if network and (code := compiled(self.work * len(symbols))):
            found = np.empty((2, len(symbols)), np.uint16)

            def put(start: int) -> None:
                here = slice(start, start + BLOCK)
                code.intervals(self._block_of(here), *network, symbols[here], *found[:, here])

            list(threads().map(put, range(0, len(symbols), BLOCK)))
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
        n_symbols, network = len(self._model.edges) + 1, self._model.compiled

        def shares(start: int) -> NDArray[np.int32]:
            here = slice(start, min(start + BLOCK, len(symbols)))
            if not network:
                return self.shares(here).astype(np.int32)
            found = np.empty((here.stop - start, n_symbols + 1), np.int32)
            code.cumulative_shares(self._block_of(here), *network, found)
            return found

        states, words, position = stream.state
        starts = range(0, len(symbols), BLOCK)
        for start, found in zip(starts, threads().map(shares, starts), strict=True):
            column = symbols[start : start + BLOCK]
            position = code.decode_varying(states, words, position, start, found, column)
        return int(position)

    def _block_of(self, rows: slice) -> Words:
        return np.stack([feature[rows] for feature in self._features])

    @staticmethod
    def _first_slots(shares: Floats, symbols: Words, total: Floats, n_bounds: int) -> Words:
        n_symbols = n_bounds - 1
        # Quotients of integers such as these, where they are not whole, are far enough from whole
        # numbers for float64: 36 bits over 23.
        quotient = shares.astype(np.float64) * (SLOTS - n_symbols) / total
        return np.asarray(np.floor(quotient) + symbols, np.int64)


class Uniform:
    """Equally frequent symbols, as many as `widths` says of each word; see `Table`."""

    work = 1

    def __init__(self, widths: Words) -> None:
        self._widths = widths

    def decode(self, code: ModuleType, stream: Stream, symbols: Words) -> int:
        """Decode all words by compiled code; see `Table`."""
        return int(code.decode_uniform(*stream.state, self._widths, symbols))

    def find(self, slots: Words, start: int) -> tuple[Words, Words, Words]:
        """Return symbols, their first slots and frequencies."""
        widths = self._widths[start : start + len(slots)]
        symbols = ((slots + 1) * widths - 1) >> PRECISION
        first = (symbols << PRECISION) // widths
        return symbols, first, ((symbols + 1) << PRECISION) // widths - first

    def intervals(self, symbols: Words) -> Interval:
        """Return first slots and frequencies of symbols."""
        first = (symbols << PRECISION) // self._widths
        return first, ((symbols + 1) << PRECISION) // self._widths - first


class Conditional:
    """Codes tables of integers, as a scheme orders them and models expect them.

    Parameters
    ----------
    scheme : Scheme
        The order, and what is known at each place.
    models : sequence of ColumnModel
        Of columns, as the scheme numbers them.

    Raises
    ------
    DataError
        If there are more or fewer.
    """

    def __init__(self, scheme: Scheme, models: Sequence[ColumnModel]) -> None:
        if len(models) != (expected := max(scheme.model_of) + 1):
            raise DataError(f"{len(models)} models of columns, expected {expected}")
        self._scheme = scheme
        self._models = [models[number] for number in scheme.model_of]
        self._gated = [j for j, gate in enumerate(scheme.gates) if gate]

    def encode(self, table: Words, counts: Words) -> bytes:
        """Return bytes for a table, shape (n_rows, n_columns), of `counts` rows per event."""
        columns: list[Interval | tuple[Static, Words]] = []
        others: list[Words] = []
        shut = np.array([is_shut(table, j, gate) for j, gate in enumerate(self._scheme.gates)])
        for every in self._scheme.passes(counts):
            for column, hint in self._scheme.walk(every, counts, table):
                rows, hint = self._coded(column, every, hint, table, shut)
                model, distances = self._models[column], hint.distances(table[rows, column])
                symbols = model.symbols(distances)
                found = model.table(hint.features)
                if isinstance(found, Static):
                    columns.append((found, symbols))
                else:
                    columns.append(found.intervals(symbols))
                place, widths = model.places(distances, symbols), model.widths(symbols)
                for digit in range(model.digits):
                    place_digit, width = _digit(place, widths, digit)
                    columns.append(Uniform(width).intervals(place_digit))
                others.append(distances[model.is_other(symbols)])
        kept = zlib.compress(
            np.concatenate([*others, np.zeros(0, np.int64)]).astype("<i8").tobytes(), 9
        )
        stream = np.packbits(shut[self._gated]).tobytes()
        stream += encode_intervals(columns, lanes_for(len(table)))
        return _HEADER.pack(len(table), len(kept), _check(counts)) + kept + stream

    def decode(self, data: bytes, counts: Words) -> Words:
        """Return the table that `encode` was given.

        Raises
        ------
        DataError
            If the bytes are damaged, or of another number of rows.
        """
        check_size(int(counts.sum()), self._scheme.n_columns, len(data))
        try:
            n, size, check = _HEADER.unpack_from(data)
            if n != counts.sum() or check != _check(counts):
                raise ValueError("its records per event are others")
            start = _HEADER.size + size
            kept = zlib.decompressobj().decompress(
                data[_HEADER.size : start], 8 * n * self._scheme.n_columns + 8
            )
            others = np.frombuffer(kept, "<i8").astype(np.int64)
            if np.any(np.abs(others) > MAX_DISTANCE):
                raise ValueError("a number is larger than any that is coded")
            end = start + -(-len(self._gated) // 8)
            shut = np.zeros(self._scheme.n_columns, bool)
            flags = np.unpackbits(np.frombuffer(data[start:end], np.uint8))
            shut[self._gated] = flags[: len(self._gated)]
            stream = Stream(data[end:], lanes_for(n))
            table = np.zeros((n, self._scheme.n_columns), np.int64, order="F")
            for every in self._scheme.passes(counts):
                for column, hint in self._scheme.walk(every, counts, table):
                    rows, hint = self._coded(column, every, hint, table, shut)
                    model = self._models[column]
                    symbols = stream.take(len(rows), model.table(hint.features))
                    widths, places = model.widths(symbols), np.zeros(len(rows), np.int64)
                    for digit in range(model.digits):
                        _, width = _digit(places, widths, digit)
                        places += stream.take(len(rows), Uniform(width)) << (DIGIT_BITS * digit)
                    distances, other = model.distances(symbols, places), model.is_other(symbols)
                    here, others = np.split(others, [np.count_nonzero(other)])
                    distances[other] = here
                    table[rows, column] = hint.numbers(distances)
            stream.close()
        except (struct.error, zlib.error, ValueError, IndexError) as error:
            raise DataError(f"a coded stream of {len(data)} bytes is damaged ({error})") from error
        return table

    def _coded(
        self, column: int, rows: Rows, hint: Hint, table: Words, shut: NDArray[np.bool_]
    ) -> tuple[Rows, Hint]:
        """Return the rows at which a column is coded, and what is known there."""
        gate = self._scheme.gates[column]
        if gate is None or not shut[column]:
            return rows, hint
        here = np.flatnonzero(table[rows, gate.column])
        return rows[here], hint.at(here)


def standardised(features: NDArray[Any], centre: Words, gain: Words) -> Values:
    """Return features, shape (n, n_features), as integers with `FRACTION` bits behind the point."""
    scaled = ((features - centre) * gain) >> GAIN_BITS
    return np.asarray(np.clip(scaled, -MAX_INPUT, MAX_INPUT), np.float64)


def cumulative_shares(logarithms: Values) -> Floats:
    """Return sums of shares, shape (n, n_symbols + 1), from 0, of their binary logarithms."""
    below = logarithms.max(axis=1, keepdims=True) - logarithms
    powers = _powers()
    shares = np.zeros((len(below), below.shape[1] + 1), np.float32)
    np.minimum(below, len(powers) - 1, out=below)
    np.cumsum(powers[below.astype(np.intp)], axis=1, out=shares[:, 1:])
    return shares


def _check(counts: Words) -> int:
    return zlib.crc32(counts.astype("<i8").tobytes())


def _digit(place: Words, widths: Words, digit: int) -> tuple[Words, Words]:
    """Return a digit of places, and how many values it can have in bins of these widths."""
    shift = DIGIT_BITS * digit
    highest = np.minimum((widths - 1) >> shift, (1 << DIGIT_BITS) - 1)
    # Below the highest digit of a bin, all values may occur.
    full = (widths - 1) >> (shift + DIGIT_BITS) > 0
    count = np.where(full, 1 << DIGIT_BITS, highest + 1)
    return (place >> shift) & ((1 << DIGIT_BITS) - 1), count


@cache
def _powers() -> Floats:
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
    return np.array(powers, np.float32)
