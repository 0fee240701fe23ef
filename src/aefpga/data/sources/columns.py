"""Columns that lie apart in a file: those with as many rows are a table."""

from collections.abc import Collection, Mapping, Sized
from pathlib import Path
from typing import Generic, TypeVar

from aefpga.data.sources.source import rows_of

ColumnT = TypeVar("ColumnT", bound=Sized)


class Columns(Generic[ColumnT]):
    """The columns of a file that have as many rows.

    Parameters
    ----------
    path : Path
        The file.
    columns : Mapping of str to column
        All of it, by name.
    needed : collection of str
        Those that are to be read.

    Raises
    ------
    DataError
        If these differ in length.
    """

    def __init__(self, path: Path, columns: Mapping[str, ColumnT], needed: Collection[str]) -> None:
        lengths = {name: len(column) for name, column in columns.items()}
        self._path, self._n_events = path, rows_of(path, lengths, needed)
        self._columns = {n: x for n, x in columns.items() if len(x) == self._n_events}

    @property
    def n_events(self) -> int:
        """Number of rows."""
        return self._n_events

    @property
    def branches(self) -> Collection[str]:
        """The names of the columns."""
        return self._columns.keys()
