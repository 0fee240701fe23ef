"""Entropy coding of integer columns: range asymmetric numeral systems, in integers alone.

J. Duda, arXiv:1311.2540. States of 32 bits, renormalised 16 bits at a time, many side by side in
NumPy (F. Giesen, arXiv:1402.3392). Frequencies are counts scaled to a power of two in integers: no
float enters the coded stream, so it decodes to the same words on every machine.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.speed import compiled
from aefpga.errors import DataError

Words = NDArray[np.int64]
Symbols = NDArray[np.integer[Any]]
# First slots and frequencies of symbols.
Interval = tuple[Words, Words]

# Bits of a frequency; symbols of a column must be fewer.
PRECISION = 14
SYMBOL_BITS = 12
MAX_SYMBOL = (1 << SYMBOL_BITS) - 1
# Signed integers are coded as two symbols.
MAX_STEPS = (1 << (2 * SYMBOL_BITS - 1)) - 1
# States side by side, at most, and words that each gets at least: a state costs four bytes.
MAX_LANES, WORDS_A_LANE = 256, 256
LOWEST = 1 << 16
# What a damaged header may ask for, at most.
MAX_LENGTH = 1 << 20
# Numbers in a table: so many cost next to nothing where they are all the same; others take bytes.
MAX_CELLS, CELLS_A_BYTE = 1 << 22, 2
MAX_TABLE_BYTES = 32_000_000

_HEADER = struct.Struct("<IHI")


class Table(Protocol):
    """Frequencies of the symbols of a column, which may differ from word to word.

    Attributes
    ----------
    work : int
        How many times as long it takes as a histogram.
    """

    work: int

    def intervals(self, symbols: Words) -> Interval:
        """Return first slots and frequencies of the symbols of all words."""

    def find(self, slots: Words, start: int) -> tuple[Words, Words, Words]:
        """Return the symbols that own `slots`, their first slots and frequencies.

        The slots belong to the words from number `start` on.
        """

    def decode(self, code: ModuleType, stream: "Stream", symbols: Words) -> int:
        """Decode all words into `symbols` by compiled code; return the stream's next position."""


def encode_columns(columns: Sequence[Words]) -> bytes:
    """Return bytes for columns of equal length, each of integers from 0 to `MAX_SYMBOL`.

    Raises
    ------
    ValueError
        If a symbol is out of range, or lengths differ.
    """
    n = len(columns[0]) if columns else 0
    if n > MAX_LENGTH or any(len(c) != n for c in columns):
        raise ValueError(f"columns of equal length of at most {MAX_LENGTH} symbols expected")
    tables, made = [], []
    for column in columns if n else ():
        symbols, counts = _counted(column)
        tables.append(frequencies_of(counts))
        made.append((Static(tables[-1]), symbols))
    stored = zlib.compress(b"".join(_stored(t) for t in tables), 9)
    coded = [x for x in made if x[0].only is None]
    stream = encode_intervals(coded, lanes_for(n)) if n else b""
    return _HEADER.pack(n, len(columns), len(stored)) + stored + stream


def decode_columns(data: bytes, n: int, n_columns: int) -> Iterator[Words]:
    """Yield the columns that `encode_columns` was given: so many, each of `n` symbols.

    Raises
    ------
    DataError
        If the bytes are damaged, or of other numbers of words or columns.
    """
    try:
        claimed, columns, size = _HEADER.unpack_from(data)
        if (claimed, columns) != (n, n_columns):
            raise ValueError(f"{columns} columns of {claimed}, expected {n_columns} of {n}")
        if not n:
            yield from (np.zeros(0, np.int64) for _ in range(n_columns))
            return
        start = _HEADER.size + size
        limit = min(n_columns * (2 + 2 * (MAX_SYMBOL + 1)), MAX_TABLE_BYTES)
        stored = zlib.decompressobj().decompress(data[_HEADER.size : start], limit)
        stream = Stream(data[start:], lanes_for(n))
        for table in _tables(stored, n_columns):
            yield stream.take(n, Static(table))
        stream.close()
    except (struct.error, zlib.error, ValueError, IndexError) as error:
        raise DataError(f"a coded stream of {len(data)} bytes is damaged ({error})") from error


def check_size(n_rows: int, n_columns: int, size: int) -> None:
    """Raise DataError if a table is larger than is believed of what was coded in `size` bytes.

    A symbol takes no bits where a column is constant: its size says nothing of what is claimed.
    """
    if n_rows * n_columns > MAX_CELLS + CELLS_A_BYTE * size:
        raise DataError(
            f"{size} bytes claim {n_rows:,} rows of {n_columns:,} columns; a chunk has at most "
            f"{MAX_CELLS:,} numbers"
        )


def encode_steps(steps: Words) -> bytes:
    """Return bytes for signed integers, shape (n, n_columns), of at most `MAX_STEPS` either way."""
    coded = unsigned(steps)
    return encode_columns([part for c in coded.T for part in (c >> SYMBOL_BITS, c & MAX_SYMBOL)])


def decode_steps(data: bytes, n: int, n_columns: int) -> Words:
    """Return the integers, shape (n, n_columns), that `encode_steps` was given.

    Raises
    ------
    DataError
        If the bytes are damaged, or of another number of integers.
    """
    check_size(n, n_columns, len(data))
    columns = decode_columns(data, n, 2 * n_columns)
    steps = np.empty((n, n_columns), np.int64, order="F")
    for j, (high, low) in enumerate(zip(columns, columns, strict=True)):
        steps[:, j] = signed((high << SYMBOL_BITS) + low)
    return steps


def unsigned(steps: Words) -> Words:
    """Return integers 0, -1, 1, -2, … as 0, 1, 2, 3, …"""
    return np.asarray((steps << 1) ^ (steps >> 63))


def signed(coded: Words) -> Words:
    """Return the integers of which `unsigned` returned these."""
    return np.asarray((coded >> 1) ^ -(coded & 1))


def frequencies_of(counts: Words) -> Words:
    """Return counts scaled to sum to 2**PRECISION; what occurs gets at least 1."""
    present = counts > 0
    shared = (1 << PRECISION) - int(present.sum())
    scaled = counts * shared // counts.sum() + present
    scaled[scaled.argmax()] += (1 << PRECISION) - scaled.sum()
    return np.asarray(scaled, np.int64)


def trimmed(counts: Symbols) -> Words:
    """Return how often symbols occur up to the last that does; of none at all, that of a 0."""
    (occurring,) = counts.nonzero()
    return counts[: occurring[-1] + 1].astype(np.int64) if len(occurring) else np.ones(1, np.int64)


def lanes_for(n: int) -> int:
    """Return how many states `n` words of a column get."""
    return min(max(n // WORDS_A_LANE, 1), MAX_LANES)


def _counted(column: Words) -> tuple[Symbols, Words]:
    """Return symbols, in few bytes, and how often they occur; ValueError if one is none."""
    if code := compiled(len(column)):
        symbols = np.empty(len(column), np.uint16)
        counts = np.zeros((code.COUNTERS, MAX_SYMBOL + 1), np.uint32)
        if code.narrow(column, symbols, counts):
            return symbols, trimmed(counts.sum(axis=0))
    elif 0 <= column.min() <= column.max() <= MAX_SYMBOL:
        return column, np.bincount(column)
    raise ValueError(f"symbols from 0 to {MAX_SYMBOL} expected")


def _stored(table: NDArray[np.int64]) -> bytes:
    return struct.pack("<H", len(table)) + table.astype("<u2").tobytes()


def _tables(stored: bytes, n_columns: int) -> Iterator[NDArray[np.int64]]:
    position = 0
    for _ in range(n_columns):
        (length,) = struct.unpack_from("<H", stored, position)
        table = np.frombuffer(stored, "<u2", length, position + 2).astype(np.int64)
        if table.sum() != 1 << PRECISION:
            raise ValueError("frequencies do not add up")
        position += 2 + 2 * length
        yield table


class Static:
    """One table of frequencies for all words of a column.

    Attributes
    ----------
    only : int or None
        The symbol that has all slots, where one has: it leaves all states alone.
    """

    work = 1

    def __init__(self, frequencies: Words) -> None:
        self._frequency = frequencies
        self._first = np.cumsum(frequencies) - frequencies
        most = int(frequencies.argmax())
        self.only = most if frequencies[most] == 1 << PRECISION else None

    def find(self, slots: Words, start: int) -> tuple[Words, Words, Words]:
        """Return symbols, their first slots and frequencies; see `Table`."""
        symbols = self._symbol_of[slots]
        return symbols, self._first[symbols], self._frequency[symbols]

    def intervals(self, symbols: Symbols) -> Interval:
        """Return first slots and frequencies of symbols."""
        return self._first[symbols], self._frequency[symbols]

    def frequencies(self, symbols: Words) -> Words:
        """Return frequencies of several symbols of each row, shape (n_symbols, n_rows)."""
        return self._frequency[symbols]

    def encode(self, code: ModuleType, states: Any, symbols: Symbols, out: Any, at: int) -> int:
        """Code a column by compiled code; see `compiled.encode_static`."""
        return int(code.encode_static(states, symbols, self._first, self._frequency, out, at))

    def decode(self, code: ModuleType, stream: "Stream", symbols: Words) -> int:
        """Decode a column by compiled code; see `Table`."""
        return int(code.decode_static(*stream.state, self._first, self._frequency, symbols))

    @cached_property
    def _symbol_of(self) -> Words:
        return np.repeat(np.arange(len(self._frequency)), self._frequency)


def encode_intervals(columns: Sequence["Interval | tuple[Static, Symbols]"], lanes: int) -> bytes:
    """Return the coded stream of columns of symbols.

    Parameters
    ----------
    columns : sequence of pairs of ndarray, or of Static and ndarray
        In the order in which a `Stream` will take them: the first slot of every symbol, and how
        many of the 2**PRECISION slots it has, at least 1; or a table and symbols.
    lanes : int
        States side by side.
    """
    size = sum(len(symbols) for _, symbols in columns)
    if code := compiled(size):
        return _encode_compiled(code, columns, lanes, size)
    # A state and its products stay below 2**33.
    states = np.full(lanes, LOWEST, np.int64)
    emitted: list[NDArray[np.uint16]] = []
    # Last in, first out: the decoder meets columns and jets in their order.
    for given, symbols in reversed(columns):
        first, frequency = (
            given.intervals(symbols) if isinstance(given, Static) else (given, symbols)
        )
        limit = frequency << (32 - PRECISION)
        for start in reversed(range(0, len(first), lanes)):
            here = slice(start, start + lanes)
            x = states[: len(first[here])]
            full = x >= limit[here]
            if full.any():
                emitted.append((x[full] & 0xFFFF).astype(np.uint16)[::-1])
                x = np.where(full, x >> 16, x)
            quotient, rest = np.divmod(x, frequency[here])
            states[: len(x)] = (quotient << PRECISION) + rest + first[here]
    words = np.concatenate(emitted)[::-1] if emitted else np.zeros(0, np.uint16)
    return states.astype("<u4").tobytes() + words.astype("<u2").tobytes()


def _encode_compiled(
    code: ModuleType, columns: Sequence["Interval | tuple[Static, Symbols]"], lanes: int, size: int
) -> bytes:
    states, position = np.full(lanes, LOWEST, np.uint64), 0
    # A symbol is a word at most, and one more is written in vain.
    out = np.empty(size + 1, np.uint16)
    for given, symbols in reversed(columns):
        if isinstance(given, Static):
            position = given.encode(code, states, symbols, out, position)
        else:
            first, frequency = given.astype(np.uint16), symbols.astype(np.uint16)
            position = code.encode_varied(states, first, frequency, out, position)
    return states.astype("<u4").tobytes() + out[:position][::-1].astype("<u2").tobytes()


class Stream:
    """A coded stream, taken apart column by column.

    Parameters
    ----------
    data : bytes
        What `encode_intervals` made.
    lanes : int
        States side by side.

    Raises
    ------
    ValueError
        If there are fewer bytes than states.
    """

    def __init__(self, data: bytes, lanes: int) -> None:
        self._states = np.frombuffer(data, "<u4", lanes).astype(np.int64)
        # Compiled code reads the next word before it knows whether there is one.
        self._words = np.append(np.frombuffer(data, "<u2", offset=4 * lanes), np.uint16(0))
        self._position = 0

    @property
    def state(self) -> tuple[NDArray[np.uint64], NDArray[np.uint16], int]:
        """States, which compiled code changes, words, and the position of the next one."""
        return self._states.view(np.uint64), self._words, self._position

    def take(self, n: int, table: Table) -> Words:
        """Return the next column, of `n` symbols; raise ValueError if the stream ends before."""
        if isinstance(table, Static) and table.only is not None:
            return np.full(n, table.only)
        column, lanes = np.empty(n, np.int64), len(self._states)
        if code := compiled(n * table.work):
            self._position = table.decode(code, self, column)
            if self._position >= len(self._words):
                raise ValueError("it is too short")
            return column
        for start in range(0, n, lanes):
            x = self._states[: min(lanes, n - start)]
            slots = x & ((1 << PRECISION) - 1)
            symbols, first, frequency = table.find(slots, start)
            x = frequency * (x >> PRECISION) + slots - first
            low = np.flatnonzero(x < LOWEST)
            if len(low):
                end = self._position + len(low)
                if end >= len(self._words):
                    raise ValueError("it is too short")
                x[low] = (x[low] << 16) | self._words[self._position : end]
                self._position += len(low)
            self._states[: len(x)] = x
            column[start : start + lanes] = symbols
        return column

    def close(self) -> None:
        """Raise ValueError unless everything was taken, and nothing more."""
        if self._position + 1 != len(self._words) or np.any(self._states != LOWEST):
            raise ValueError("it does not end where it should")
