"""HDF5 files: each data set is a column, or each field of one."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.data.sources.columns import Columns
from aefpga.data.sources.source import check_claim, reading
from aefpga.errors import DataError

KIND = "an HDF5"
MAGIC = b"\x89HDF\r\n\x1a\n"
# Rows that are read at a time, of which the size is checked before.
ROWS = 10_000


class Column:
    """A data set, or a field of one.

    Parameters
    ----------
    data : h5py.Dataset
        With a row an event.
    field : str or None
        Of its structure; None takes all of it.
    """

    def __init__(self, data: Any, field: str | None = None) -> None:
        self._data, self._field = data, field
        self._kind = data.dtype if field is None else data.dtype[field]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._data)

    @property
    def stored_bytes(self) -> int:
        """How much space it takes in the file: of a field, its share."""
        share = 1.0 if self._field is None else self._kind.itemsize / self._data.dtype.itemsize
        return int(share * self._data.id.get_storage_size())

    @property
    def claimed_bytes(self) -> int:
        """What is in memory at once where some rows are read, as the file says."""
        row = prod(self._data.shape[1:])
        return int(self._data.dtype.itemsize * max(prod(self._data.chunks or ()), ROWS * row))

    def read(self, start: int, stop: int) -> Any:
        """Return the rows from `start` to below `stop`."""
        import awkward as ak
        import h5py

        data = self._data if self._field is None else self._data.fields(self._field)
        if h5py.check_string_dtype(self._kind) is not None:
            rows = data[start:stop]
            return ak.Array([x.decode("utf-8", errors="replace") for x in rows.tolist()])
        rows = data[start:stop]
        vector = h5py.check_vlen_dtype(self._kind)
        if vector is not None:
            flat = np.concatenate([np.zeros(0, vector), *rows])
            return ak.unflatten(flat, np.array([len(row) for row in rows], np.int64))
        return ak.from_numpy(rows.astype(rows.dtype.newbyteorder("="), copy=False))


class DataSets(Columns[Column]):
    """The data sets of an HDF5 file that have as many rows."""

    def read(self, branch: str, start: int, stop: int) -> Any:
        """Return the rows from `start` to below `stop` of a column."""
        with reading(self._path, KIND):
            column = self._columns[branch]
            check_claim(self._path, f"data set {branch}", column.claimed_bytes)
            return column.read(start, stop)

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return how much space columns take in the file."""
        with reading(self._path, KIND):
            return sum(self._columns[name].stored_bytes for name in set(branches))


@contextmanager
def open_hdf5(path: Path, needed: Collection[str], within: str = "") -> Iterator[DataSets]:
    """Open a file, for the columns in a group or a data set of it.

    A data set in a group has the name ``group.set``, and a field of a structure ``set.field``;
    `within` is left out. What lies in other files is left alone.

    Raises
    ------
    DataError
        If the file is damaged, there is nothing at `within`, or `needed` columns differ in length.
    """
    import h5py

    with reading(path, KIND):
        file = h5py.File(path, "r")
    with file:
        with reading(path, KIND):
            place = file.get(within or "/")
            if place is None:
                held = ", ".join(file) or "nothing"
                raise DataError(f"{path} has no {within}; found {held}")
            columns = dict(_columns("", place))
        yield DataSets(path, columns, needed)


def _columns(name: str, place: Any) -> Iterator[tuple[str, Column]]:
    """Yield the columns at a place in a file, which has this name."""
    import h5py

    if not isinstance(place, h5py.Dataset):
        found: list[tuple[str, Any]] = []
        # Links to other files are not followed.
        place.visititems(lambda below, x: found.append((below, x)))
        for below, x in found:
            if isinstance(x, h5py.Dataset):
                yield from _columns(below.replace("/", "."), x)
    elif place.ndim and not place.external and not place.is_virtual:
        if place.dtype.names is None:
            yield name or place.name.rpartition("/")[2], Column(place)
        for field in place.dtype.names or ():
            yield f"{name}.{field}" if name else field, Column(place, field)
