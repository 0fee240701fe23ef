"""Conditional entropy coding: each number is coded as a network of its column expects it.

The network is told what came before; `column_model.py` says what it answers.
"""

import struct
import zlib
from collections.abc import Sequence
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.column_model import DIGIT_BITS, ColumnModel
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
from aefpga.entropy.schemes import Hint, Rows, Scheme
from aefpga.errors import DataError

Words = NDArray[np.int64]

# Numbers and references are steps.
MAX_DISTANCE = 2 * MAX_STEPS
_HEADER = struct.Struct("<III")


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
        for column, every, hint in self._scheme.walk(counts, table):
            rows, hint = self._coded(column, every, hint, table, shut)
            model, distances = self._models[column], hint.distances(table[rows, column])
            symbols = model.symbols(distances)
            found = model.table(hint)
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
            for column, every, hint in self._scheme.walk(counts, table):
                rows, hint = self._coded(column, every, hint, table, shut)
                model = self._models[column]
                symbols = stream.take(len(rows), model.table(hint))
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
