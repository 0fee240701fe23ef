"""Entropy coding of tables by a histogram for each column: fast, and nothing has to be learned."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.rans import (
    MAX_SYMBOL,
    SYMBOL_BITS,
    check_size,
    decode_columns,
    decode_steps,
    encode_columns,
    encode_steps,
)
from aefpga.errors import DataError
from aefpga.fixedpoint import EncoderSpec

Words = NDArray[np.int64]

_BLOCK = 4096


class Coder(Protocol):
    """Tables of integers to bytes, and back."""

    def encode(self, table: Words, counts: Words) -> bytes:
        """Return bytes for a table, shape (n_rows, n_columns), of `counts` rows per event."""

    def decode(self, data: bytes, counts: Words) -> Words:
        """Return the table; raise DataError if the bytes are damaged, or of another table."""


class StepHistograms:
    """Codes signed integers, most of them small."""

    def __init__(self, n_columns: int) -> None:
        self._n_columns = n_columns

    def encode(self, table: Words, counts: Words) -> bytes:
        """Return bytes; see `Coder`."""
        return encode_steps(table)

    def decode(self, data: bytes, counts: Words) -> Words:
        """Return the table; see `Coder`."""
        return decode_steps(data, int(counts.sum()), self._n_columns)


class WordHistograms:
    """Codes latent words.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder that sends them.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        self._type = spec.sent_type

    def encode(self, table: Words, counts: Words) -> bytes:
        """Return bytes; see `Coder`."""
        columns: list[Words] = []
        kind = self._type
        for counted, width in zip(self._counted(table), kind.width, strict=True):
            if width > SYMBOL_BITS:
                columns += [counted >> SYMBOL_BITS, counted & MAX_SYMBOL]
            else:
                columns.append(counted)
        return encode_columns(columns)

    def decode(self, data: bytes, counts: Words) -> Words:
        """Return the table; see `Coder`."""
        kind, n = self._type, int(counts.sum())
        check_size(n, len(kind.width), len(data))
        columns = decode_columns(data, n, sum(1 + (w > SYMBOL_BITS) for w in kind.width))
        words = np.empty((n, len(kind.width)), np.int64, order="F")
        is_held = True
        for j, (low, width) in enumerate(zip(kind.min_word, kind.width, strict=True)):
            counted = next(columns)
            if width > SYMBOL_BITS:
                counted = (counted << SYMBOL_BITS) + next(columns)
            is_held &= not len(counted) or int(counted.max()) >> width == 0
            np.add(counted, low, out=words[:, j])
        # That the stream ends where it should is known when no column is left.
        if next(columns, None) is not None or not is_held:
            raise DataError("these are no words that this encoder can send")
        return words

    def _counted(self, table: Words) -> Words:
        """Return words counted from the smallest that can be, a row a column of the table."""
        counted = np.empty(table.shape[::-1], np.int64)
        # In blocks, so that a row is in the cache while it is spread over columns.
        for start in range(0, len(table), _BLOCK):
            rows = slice(start, start + _BLOCK)
            np.subtract(table[rows].T, self._type.min_word[:, None], out=counted[:, rows])
        return counted
