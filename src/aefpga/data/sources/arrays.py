"""NumPy files: the fields of a structured array (.npy), or arrays by name (.npz); never pickles."""

import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.data.sources.columns import Columns
from aefpga.data.sources.source import reading
from aefpga.errors import DataError
from aefpga.files import allowance, load_arrays

KIND = "a NumPy"
MAGIC, MAGIC_OF_MANY = b"\x93NUMPY", b"PK\x03\x04"


class Arrays(Columns[NDArray[Any]]):
    """Arrays of as many rows each.

    Parameters
    ----------
    path : Path
        Where they are.
    needed : collection of str
        Those that are to be read.

    Raises
    ------
    DataError
        If the file is damaged, holds objects or no columns with names, or columns differ in length.
    """

    def __init__(self, path: Path, needed: Collection[str] = ()) -> None:
        with reading(path, KIND):
            columns, self._sizes = _columns_of(path)
        super().__init__(path, columns, needed)

    def read(self, branch: str, start: int, stop: int) -> Any:
        """Return the rows from `start` to below `stop` of a column."""
        import awkward as ak

        rows = np.ascontiguousarray(self._columns[branch][start:stop])
        # Of the machine that wrote the file: Awkward takes this one's order of bytes alone.
        return ak.from_numpy(rows.astype(rows.dtype.newbyteorder("="), copy=False))

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return how much space columns take in the file."""
        return sum(self._sizes[name] for name in set(branches))


def _columns_of(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """Return the columns of a file, and how many bytes each takes in it.

    Of a structured array they stay on disk; arrays by name are loaded, up to `allowance`.
    """
    if zipfile.is_zipfile(path):
        found = load_arrays(path, allowance(path.stat().st_size))
        with zipfile.ZipFile(path) as archive:
            sizes = {
                entry.filename.removesuffix(".npy"): entry.compress_size
                for entry in archive.infolist()
            }
        return {name: array for name, array in found.items() if array.ndim}, sizes
    whole = np.load(path, mmap_mode="r", allow_pickle=False)
    if whole.dtype.names is None or whole.ndim != 1:
        raise DataError(
            f"{path} holds {whole.dtype} of shape {whole.shape}, whose columns have no names; a "
            "structured array was expected, or arrays by name in an .npz file (numpy.savez)"
        )
    columns = {name: whole[name] for name in whole.dtype.names}
    return columns, {name: column.nbytes for name, column in columns.items()}
