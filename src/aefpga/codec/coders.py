"""Words to bytes and back: packed at a fixed rate, or by a general-purpose compressor.

The compressors get one column after the other, each word in the fewest whole bytes that hold it:
they model that better than packed bits or byte planes (`docs/physics.md` has the figures).
"""

import lzma
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError

Words = NDArray[np.int64]
Widths = NDArray[np.integer[Any]]

FIXED = "fixed rate"


def _blosc2(data: bytes) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.blosc2_encode(data, level=9, compressor="zstd"))


def _from_blosc2(data: bytes) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.blosc2_decode(data))


def _zstd(data: bytes) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.zstd_encode(data, level=19))


def _from_zstd(data: bytes) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.zstd_decode(data))


Transform = Callable[[bytes], bytes]
COMPRESSORS: dict[str, tuple[Transform, Transform]] = {
    "zlib": (lambda data: zlib.compress(data, 9), zlib.decompress),
    "LZMA": (lzma.compress, lzma.decompress),
    "zstd": (_zstd, _from_zstd),
    "blosc2": (_blosc2, _from_blosc2),
}
CODERS = (FIXED, *COMPRESSORS)


def encode(words: Words, widths: Widths, coder: str) -> bytes:
    """Return bytes for words, shape (n_jets, n_columns), column j below ``2**widths[j]``.

    Parameters
    ----------
    words : ndarray of int64, shape (n_jets, n_columns)
        Not negative.
    widths : ndarray of int, shape (n_columns,)
        Bits of each column's words.
    coder : str
        One of `CODERS`.
    """
    if coder == FIXED:
        return np.packbits(_bits(words, widths)).tobytes()
    compress, _ = COMPRESSORS[coder]
    columns = [
        column.astype("<u8").view(np.uint8).reshape(-1, 8)[:, : -(-int(width) // 8)].tobytes()
        for column, width in zip(np.ascontiguousarray(words.T), widths, strict=True)
    ]
    return compress(b"".join(columns))


def decode(data: bytes, widths: Widths, coder: str, n_jets: int) -> Words:
    """Return the words that `encode` was given.

    Raises
    ------
    DataError
        If the bytes are damaged, or of another number of jets or columns.
    """
    widths = np.asarray(widths)
    try:
        if coder == FIXED:
            n_bits = n_jets * int(widths.sum())
            if len(data) != -(-n_bits // 8):
                raise ValueError(f"{len(data)} bytes")
            bits = np.unpackbits(np.frombuffer(data, np.uint8), count=n_bits)
            return _words(bits.reshape(n_jets, -1), widths)
        _, decompress = COMPRESSORS[coder]
        octets = np.frombuffer(decompress(data), np.uint8)
        sizes = -(-widths // 8)
        if len(octets) != n_jets * sizes.sum():
            raise ValueError(f"{len(octets)} bytes after decompression")
    except (ValueError, RuntimeError, lzma.LZMAError, zlib.error) as error:
        raise DataError(
            f"these bytes are no words of {n_jets} jets with {widths.sum()} bits each ({error})"
        ) from error
    words = np.zeros((len(widths), n_jets, 8), np.uint8)
    starts = np.cumsum(sizes * n_jets) - sizes * n_jets
    for column, size, start in zip(words, sizes, starts, strict=True):
        column[:, :size] = octets[start : start + size * n_jets].reshape(n_jets, size)
    return np.ascontiguousarray(words.view("<i8")[..., 0].T).astype(np.int64)


def _bits(words: Words, widths: Widths) -> NDArray[np.uint8]:
    """Return the bits of each jet's words, highest first, shape (n_jets, sum of widths)."""
    octets = words.astype(">u8").view(np.uint8).reshape(*words.shape, 8)
    bits = np.unpackbits(octets, axis=-1)
    return np.concatenate([bits[:, j, 64 - w :] for j, w in enumerate(widths)], axis=1)


def _words(bits: NDArray[np.uint8], widths: Widths) -> Words:
    columns = np.split(bits, np.cumsum(widths)[:-1], axis=1)
    padded = np.zeros((len(bits), len(columns), 64), np.uint8)
    for j, column in enumerate(columns):
        padded[:, j, 64 - column.shape[1] :] = column
    return np.packbits(padded, axis=-1).view(">i8")[..., 0].astype(np.int64)
