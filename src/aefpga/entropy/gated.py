"""Histograms of tables in which much is absent: what is absent takes no room.

A column may have a gate, another column: where that is 0, so is this one, and nothing is coded
there. So the presence of an object is coded once, with its pt, and only after an object that is
there. What a schema says is checked in each table: a column that breaks its rule is coded whole.

Histograms are as coarse as makes them and their numbers smallest together, and like columns share
one where that is smaller: small tables are coded in few bytes, too.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.histograms import Coder, StepHistograms
from aefpga.entropy.rans import (
    MAX_LENGTH,
    MAX_STEPS,
    MAX_SYMBOL,
    PRECISION,
    SYMBOL_BITS,
    Static,
    Stream,
    check_size,
    encode_intervals,
    frequencies_of,
    lanes_for,
    signed,
    trimmed,
    unsigned,
)
from aefpga.entropy.speed import compiled
from aefpga.errors import DataError
from aefpga.schema import Schema, relations
from aefpga.schema.relations import Gate

Words = NDArray[np.int64]
Shorts = NDArray[np.uint16]

# Symbols of a bin are 2**coarseness; at most so many.
MAX_COARSENESS = 8
_HEADER = struct.Struct("<II")
# A number takes two symbols, high one first.
_DIGITS = 2


def step_coder(schema: Schema, *, is_gated: bool) -> Coder:
    """Return what codes the steps of a record; files of earlier formats have no gates."""
    if is_gated:
        return GatedHistograms(relations.gates(schema), relations.alike(schema))
    return StepHistograms(len(schema))


def gates_first(gates: Sequence[Gate | None]) -> list[int]:
    """Return all columns, each after its gate."""
    order: list[int] = []

    def add(column: int) -> None:
        gate = gates[column]
        if gate and gate.column not in order:
            add(gate.column)
        if column not in order:
            order.append(column)

    for column in range(len(gates)):
        add(column)
    return order


def is_shut(table: Words, column: int, gate: Gate | None) -> bool:
    """Whether a column is 0 wherever its gate is, and its differences to it can be coded."""
    if gate is None:
        return False
    numbers, of_gate = table[:, column], table[:, gate.column]
    reach = np.abs(of_gate - numbers).max(initial=0) if gate.is_descending else 0
    return bool(reach < MAX_STEPS and not numbers[of_gate == 0].any())


@dataclass(frozen=True)
class Histogram:
    """How often symbols occur: 0, and from 1 on those of each bin together.

    Parameters
    ----------
    counts : ndarray of int64, shape (1 + n_bins,)
        Not all 0.
    coarseness : int
        Bins hold 2**coarseness symbols, equally frequent ones.
    """

    counts: Words
    coarseness: int

    @classmethod
    def of(cls, counts: Words) -> "Histogram":
        """Return the histogram of symbols that occur so often, as coarse as takes fewest bits."""
        best = cls(counts, 0)
        if len(counts) <= 2:
            return best
        fewest = best.bits(counts)
        for coarseness in range(1, MAX_COARSENESS + 1):
            size = 1 << coarseness
            padded = np.append(counts[1:], np.zeros(-(len(counts) - 1) % size, np.int64))
            bins = np.append(counts[:1], padded.reshape(-1, size).sum(axis=1))
            coarser = cls(bins, coarseness)
            if (bits := coarser.bits(counts)) >= fewest:
                break
            best, fewest = coarser, bits
        return best

    def bits(self, counts: Words) -> float:
        """Return the bits of symbols that occur so often, this histogram's own included."""
        occurring = np.flatnonzero(counts)
        rates = PRECISION - np.log2(self.frequencies[occurring])
        return float(counts[occurring] @ rates) + 8 * len(
            zlib.compress(_packed([self.stored()]), 1)
        )

    @cached_property
    def frequencies(self) -> Words:
        """Slots of each symbol."""
        if not self.coarseness:
            return frequencies_of(self.counts)
        spread = np.repeat(self.counts[1:], 1 << self.coarseness)
        return frequencies_of(np.append(self.counts[:1] << self.coarseness, spread))

    def stored(self) -> Words:
        """Return the numbers that say it."""
        return np.concatenate([[self.coarseness, len(self.counts)], self.counts])

    @classmethod
    def read(cls, numbers: "Numbers") -> "Histogram":
        """Return what `stored` was of; raise ValueError if it cannot be."""
        coarseness, size = numbers.take(2).tolist()
        if not 1 <= size <= 2 + (MAX_SYMBOL >> coarseness) or coarseness > MAX_COARSENESS:
            raise ValueError(f"a histogram of {size} bins of 2^{coarseness} symbols")
        counts = numbers.take(size)
        if not 1 <= counts.sum() <= MAX_LENGTH * size:
            raise ValueError("a histogram of nothing, or of more than there is")
        return cls(counts, coarseness)


class GatedHistograms:
    """Codes signed integers of at most `MAX_STEPS` either way; see `Coder`.

    Parameters
    ----------
    gates : sequence of Gate or None
        The gate of each column that has one.
    groups : sequence of tuples of int
        All columns; those of a tuple may share histograms.
    """

    def __init__(self, gates: Sequence[Gate | None], groups: Sequence[tuple[int, ...]]) -> None:
        self._gates, self._groups = gates, groups
        self._order = gates_first(gates)

    def encode(self, table: Words, counts: Words) -> bytes:
        """Return bytes; see `Coder`."""
        # Column by column, so that each is in the cache for all that is done to it.
        highs = np.zeros(len(table), np.uint16)
        coded = {j: _Coded.of(table, j, self._gates[j], highs) for j in self._order}
        shut = np.array([coded[j].is_shut for j in range(len(coded))])
        numbers = [shut]
        histograms: dict[int, list[Histogram]] = {}
        for group in self._groups:
            chosen = _chosen([coded[j].occurring for j in group])
            numbers.append(np.array([len(chosen)]))
            numbers += [histogram.stored() for pair in chosen for histogram in pair]
            pairs = chosen * len(group) if len(chosen) == 1 else chosen
            histograms.update(zip(group, pairs, strict=True))
        columns = []
        for j in self._order:
            for digit, histogram in zip(coded[j].symbols, histograms[j], strict=True):
                table_of = Static(histogram.frequencies)
                if table_of.only is None:
                    columns.append((table_of, digit))
        packed = zlib.compress(_packed(numbers))
        stream = encode_intervals(columns, lanes_for(len(table)))
        return _HEADER.pack(len(table), len(packed)) + packed + stream

    def decode(self, data: bytes, counts: Words) -> Words:
        """Return the table; see `Coder`."""
        n, width = int(counts.sum()), len(self._gates)
        check_size(n, width, len(data))
        try:
            rows, size = _HEADER.unpack_from(data)
            if rows != n:
                raise ValueError(f"{rows} rows, expected {n}")
            start = _HEADER.size + size
            shut, histograms = self._read(data[_HEADER.size : start])
            stream = Stream(data[start:], lanes_for(n))
            table = np.zeros((n, width), np.int64, order="F")
            for j in self._order:
                gate = self._gates[j] if shut[j] else None
                n_coded = int(np.count_nonzero(table[:, gate.column])) if gate else n
                if not n_coded:
                    continue
                high, low = (
                    stream.take(n_coded, digit) if digit.only is None else np.array([digit.only])
                    for digit in (Static(histogram.frequencies) for histogram in histograms[j])
                )
                _put(high, low, table, j, gate)
            stream.close()
        except (struct.error, zlib.error, ValueError, IndexError) as error:
            raise DataError(f"a coded stream of {len(data)} bytes is damaged ({error})") from error
        return table

    def _read(self, packed: bytes) -> tuple[list[int], dict[int, list[Histogram]]]:
        """Return which columns keep to their gates, and the histograms of each."""
        n = len(self._gates)
        limit = 4 * (n + len(self._groups) + 2 * n * (MAX_SYMBOL + 4))
        octets = np.frombuffer(zlib.decompressobj().decompress(packed, limit), np.uint8)
        numbers = Numbers(octets.reshape(4, -1).T.copy().view("<u4").ravel())
        shut, histograms = numbers.take(n).tolist(), dict[int, list[Histogram]]()
        for group in self._groups:
            (size,) = numbers.take(1).tolist()
            if size not in (1, len(group)):
                raise ValueError(f"{size} pairs of histograms for {len(group)} columns")
            pairs = [[Histogram.read(numbers) for _ in range(_DIGITS)] for _ in range(size)]
            histograms.update(zip(group, pairs if size > 1 else pairs * len(group), strict=True))
        return shut, histograms


@dataclass(frozen=True)
class _Coded:
    """High and low symbols of a column where it is coded, and how often each occurs.

    A column that keeps to its gate is coded where that is not 0, as its difference to a gate that
    is descending.
    """

    symbols: tuple[NDArray[Any], NDArray[Any]]
    occurring: tuple[Words, Words]
    is_shut: bool

    @classmethod
    def of(cls, table: Words, column: int, gate: Gate | None, highs: Shorts) -> "_Coded":
        """Return what is coded of a column; ValueError if a number is larger than `MAX_STEPS`.

        Zeros are given for the high symbols: most columns have no other, and need none of their
        own.
        """
        if code := compiled(len(table)):
            found = cls._compiled(code, table, column, gate, highs) if gate else None
            found = found or cls._compiled(code, table, column, None, highs)
        else:
            found = cls._plainly(table, column, gate if is_shut(table, column, gate) else None)
        if found is None:
            raise ValueError(f"integers of at most {MAX_STEPS} either way expected")
        return found

    @classmethod
    def _compiled(
        cls, code: ModuleType, table: Words, column: int, gate: Gate | None, highs: Shorts
    ) -> "_Coded | None":
        """Return what is coded, unless the column does not keep to its gate or is too large."""
        numbers, lows = table[:, column], np.empty(len(table), np.uint16)
        often = np.zeros((1 + code.COUNTERS, MAX_SYMBOL + 1), np.uint32)
        of_gate = table[:, gate.column] if gate else numbers
        is_descending = gate is not None and gate.is_descending
        n = code.split(numbers, of_gate, bool(gate), is_descending, MAX_STEPS, highs, lows, often)
        high = highs[: max(n, 0)]
        if often[0, 1:].any():
            high = high.copy()
            highs[:] = 0
        if n < 0:
            return None
        occurring = trimmed(often[0]), trimmed(often[1:].sum(axis=0))
        return cls((high, lows[:n]), occurring, bool(gate))

    @classmethod
    def _plainly(cls, table: Words, column: int, gate: Gate | None) -> "_Coded | None":
        """Return what is coded of a column that keeps to its gate, unless it is too large."""
        numbers = np.ascontiguousarray(table[:, column])
        if not -MAX_STEPS <= numbers.min(initial=0) <= numbers.max(initial=0) <= MAX_STEPS:
            return None
        of_gate = table[:, gate.column] if gate else numbers
        if gate:
            here = of_gate != 0
            numbers, of_gate = numbers[here], of_gate[here]
        coded = unsigned(numbers)
        if gate and gate.is_descending:
            coded = np.where(numbers == 0, 0, unsigned(of_gate - numbers) + 1)
        high, low = coded >> SYMBOL_BITS, coded & MAX_SYMBOL
        return cls((high, low), (trimmed(np.bincount(high)), trimmed(np.bincount(low))), bool(gate))


def _put(high: Words, low: Words, table: Words, column: int, gate: Gate | None) -> None:
    """Put a column into a table of which its gate is there, from its symbols.

    Where all are the same, one is enough.
    """
    of_gate = table[:, gate.column] if gate else table[:, column]
    is_descending = gate is not None and gate.is_descending
    if code := compiled(len(table)):
        code.join(high, low, of_gate, bool(gate), is_descending, table[:, column])
        return
    here = np.flatnonzero(of_gate) if gate else np.arange(len(table))
    coded = (high << SYMBOL_BITS) + low
    numbers = signed(coded)
    if is_descending:
        numbers = np.where(coded == 0, 0, of_gate[here] - signed(coded - 1))
    table[here, column] = numbers


def _chosen(occurring: Sequence[tuple[Words, Words]]) -> list[list[Histogram]]:
    """Return a pair of histograms for all columns or, where that is smaller, one for each.

    They are chosen by how often the high and low symbols of each column occur.
    """
    each = [[Histogram.of(counts) for counts in pair] for pair in occurring]
    if len(occurring) == 1:
        return each
    together = []
    for place in range(_DIGITS):
        total = np.zeros(max(len(pair[place]) for pair in occurring), np.int64)
        for pair in occurring:
            total[: len(pair[place])] += pair[place]
        together.append(total)
    shared = [Histogram.of(counts) for counts in together]
    bits_of_each = sum(
        histogram.bits(counts)
        for pair, found in zip(each, occurring, strict=True)
        for histogram, counts in zip(pair, found, strict=True)
    )
    bits = sum(h.bits(counts) for h, counts in zip(shared, together, strict=True))
    return [shared] if bits <= bits_of_each else each


class Numbers:
    """Takes numbers one after the other; raises ValueError where there are none left."""

    def __init__(self, numbers: NDArray[np.integer[Any]]) -> None:
        self._numbers, self._position = numbers, 0

    def take(self, n: int) -> Words:
        """Return the next ones."""
        found = self._numbers[self._position : self._position + n].astype(np.int64)
        if len(found) < n:
            raise ValueError("numbers are missing")
        self._position += n
        return found


def _packed(numbers: Sequence[Words]) -> bytes:
    """Return numbers below 2**32, all their lowest bytes first."""
    return np.concatenate(numbers).astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes()
