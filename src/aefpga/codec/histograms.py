"""Entropy coding of tables by a histogram for each column: fast, and nothing has to be learned."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.rans import (
    MAX_SYMBOL,
    SYMBOL_BITS,
    decode_columns,
    decode_steps,
    encode_columns,
    encode_steps,
)
from aefpga.errors import DataError
from aefpga.fixedpoint import EncoderSpec

Words = NDArray[np.int64]


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
        table = decode_steps(data)
        if table.shape != (counts.sum(), self._n_columns):
            raise DataError("this is a table of another number of jets or variables")
        return table


class WordHistograms:
    """Codes latent words.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder that sends them.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        self._type = spec.latent_type

    def encode(self, table: Words, counts: Words) -> bytes:
        """Return bytes; see `Coder`."""
        columns: list[Words] = []
        kind = self._type
        for column, low, width in zip(table.T, kind.min_word, kind.width, strict=True):
            counted = column - low
            if width > SYMBOL_BITS:
                columns.append(counted >> SYMBOL_BITS)
            columns.append(counted & MAX_SYMBOL)
        return encode_columns(columns)

    def decode(self, data: bytes, counts: Words) -> Words:
        """Return the table; see `Coder`."""
        columns = iter(decode_columns(data))
        found = []
        try:
            for low, width in zip(self._type.min_word, self._type.width, strict=True):
                high = next(columns) << SYMBOL_BITS if width > SYMBOL_BITS else 0
                found.append(high + next(columns) + low)
        except StopIteration as error:
            raise DataError("these are words of another encoder") from error
        words = np.stack(found, axis=1)
        if len(words) != counts.sum() or not self._type.holds(words):
            raise DataError("these are words of other jets, or none that this encoder can send")
        return words
