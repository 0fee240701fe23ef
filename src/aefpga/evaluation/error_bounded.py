"""Error-bounded scientific compressors, SZ3 and zfp, on columns in natural units.

SZ3: X. Liang et al., IEEE Trans. Big Data 9 (2023) 485; zfp: P. Lindstrom, IEEE Trans. Vis. Comput.
Graph. 20 (2014) 2674; both through imagecodecs.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aefpga.normalise import Normaliser
from aefpga.schema import Schema

Floats = NDArray[np.float32]
Column = NDArray[np.float32]
# An absolute error bound and a column to bytes, and back.
Codec = tuple[Callable[[Column, float], bytes], Callable[[bytes, int], Column]]
# Below one half, so that rounding gives the integer.
COUNT_BOUND = 0.45


def error_bounded() -> dict[str, Codec]:
    """Return the codecs by name."""
    import imagecodecs

    def sz3(column: Column, bound: float) -> bytes:
        return bytes(imagecodecs.sz3_encode(column, mode="abs", abs=bound))

    def from_sz3(data: bytes, n: int) -> Column:
        return np.asarray(imagecodecs.sz3_decode(data, shape=(n,), dtype=np.float32))

    def zfp(column: Column, bound: float) -> bytes:
        return bytes(imagecodecs.zfp_encode(column, mode="a", level=bound))  # type: ignore[arg-type]  # a bound, for mode "a"

    def from_zfp(data: bytes, n: int) -> Column:
        return np.asarray(imagecodecs.zfp_decode(data))

    return {"SZ3": (sz3, from_sz3), "zfp": (zfp, from_zfp)}


def compress_columns(
    codec: Codec,
    jets: Floats,
    schema: Schema,
    normaliser: Normaliser,
    tolerance: float,
) -> tuple[int, Floats]:
    """Compress each column of a ``natural`` normaliser and decompress it again.

    Parameters
    ----------
    codec : tuple of callables
        From `error_bounded`.
    jets : ndarray of float32, shape (n_jets, n_variables)
        Physical units.
    schema, normaliser
        The columns, and the fitted ``natural`` normaliser.
    tolerance : float
        Bound on momenta, energies and the area, relative; 1.5 times it on angles, in rad.
        Multiplicities are exact.

    Returns
    -------
    size : int
        Bytes of all columns.
    jets : ndarray of float32
        After decompression.
    """
    encode, decode = codec
    size, back = 0, []
    for variable, column in zip(schema.variables, normaliser.transform(jets).T, strict=True):
        kind = variable.kind
        # Natural units are relative to the value where errors are.
        bound = COUNT_BOUND if kind.is_count else tolerance * (kind.bound, 1)[kind.is_relative]
        data = encode(np.ascontiguousarray(column), bound)
        size += len(data)
        back.append(decode(data, len(jets)))
    return size, normaliser.inverse_transform(np.stack(back, axis=1))
