"""Words as bytes: how a record travels on an AXI4-Stream, and lies in a capture of one.

Bit 0 of the first word is bit 0 of byte 0; each word follows the one before without a gap, its
lowest bit first, and what is left of the last byte is zero.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint import FixedType

Words = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Packing:
    """The bytes of a record.

    Parameters
    ----------
    type : FixedType
        Of the words, one entry for each, in their order.
    """

    type: FixedType

    @property
    def widths(self) -> list[int]:
        """Number of bits of each word."""
        return [int(width) for width in self.type.width]

    @property
    def lows(self) -> list[int]:
        """Place of the lowest bit of each word."""
        return list(accumulate(self.widths[:-1], initial=0))

    @property
    def n_bytes(self) -> int:
        """Number of bytes of a record."""
        return -(-sum(self.widths) // 8)

    def pack(self, words: Words) -> Bytes:
        """Return the bytes, shape (n_records, n_bytes), of words (n_records, n_words)."""
        bits = [
            (column[:, None] >> np.arange(width) & 1).astype(np.uint8)
            for column, width in zip(words.T, self.widths, strict=True)
        ]
        return np.packbits(np.concatenate(bits, axis=1), axis=1, bitorder="little")

    def unpack(self, packed: Bytes) -> Words:
        """Return the words of bytes; what is left of the last byte may be anything."""
        bits = np.unpackbits(packed, axis=1, bitorder="little")
        words = np.empty((len(packed), len(self.widths)), np.int64)
        for column, (low, width) in enumerate(zip(self.lows, self.widths, strict=True)):
            weights = 1 << np.arange(width)
            if self.type.signed[column]:
                weights[-1] = -weights[-1]
            words[:, column] = bits[:, low : low + width] @ weights
        return words
