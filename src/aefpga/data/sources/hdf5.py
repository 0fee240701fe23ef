"""HDF5 files: each data set is a column."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aefpga.data.sources.source import reading

KIND = "an HDF5"
MAGIC = b"\x89HDF\r\n\x1a\n"


class DataSets:
    """The data sets of an HDF5 file that have as many rows as one of them.

    Parameters
    ----------
    path : Path
        Where it is.
    sets : dict of str to h5py.Dataset
        By name.
    n_events : int
        Rows.
    """

    def __init__(self, path: Path, sets: dict[str, Any], n_events: int) -> None:
        self._path, self._sets, self._n_events = path, sets, n_events

    @property
    def n_events(self) -> int:
        """Number of events."""
        return self._n_events

    @property
    def branches(self) -> Collection[str]:
        """The names of the data sets."""
        return self._sets.keys()

    def read(self, branch: str, start: int, stop: int) -> Any:
        """Return the rows from `start` to below `stop` of a data set."""
        import awkward as ak

        with reading(self._path, KIND):
            data = self._sets[branch]
            rows = data.asstr()[start:stop] if data.dtype.kind in "OS" else data[start:stop]
            return ak.Array(rows.tolist()) if rows.dtype == object else ak.from_numpy(rows)

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return how much space data sets take in the file."""
        with reading(self._path, KIND):
            return sum(int(self._sets[name].id.get_storage_size()) for name in set(branches))


@contextmanager
def open_hdf5(path: Path, leading: str) -> Iterator[DataSets]:
    """Open a file, for the data sets that have as many rows as the `leading` one."""
    import h5py

    with reading(path, KIND):
        file = h5py.File(path, "r")
    with file:
        with reading(path, KIND):
            sets = {name: x for name, x in file.items() if isinstance(x, h5py.Dataset) and x.ndim}
            rows = len(sets[leading]) if leading in sets else 0
            if leading in sets:
                sets = {name: x for name, x in sets.items() if len(x) == rows}
        yield DataSets(path, sets, rows)
