"""Text tables: a line with the names of the columns, then a line a row."""

import csv
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.data.sources.text import TextLines
from aefpga.errors import DataError

# What may stand between columns, beside white space.
DELIMITERS = ",;\t|"
MAX_COLUMNS = 10_000


class Delimited:
    """Columns of a text table, such as CSV.

    The delimiter is the one that the first line has most of; white space, if none. Numbers are
    double precision. A column whose first value is no number is text.

    Parameters
    ----------
    path : Path
        Where the file is.

    Raises
    ------
    DataError
        If the first line does not name columns.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, TextLines(path)
        if not len(self._lines):
            raise DataError(f"{path} is empty; a line with the names of columns was expected")
        # A mark of the order of bytes, as spreadsheets write it, or NumPy's # may stand before.
        (header,) = self._lines.read(0, 1)
        header = header.lstrip("\ufeff# ")
        self._delimiter = max(DELIMITERS, key=header.count)
        if self._delimiter not in header:
            self._delimiter = " "
        self._names = {name: i for i, name in enumerate(self._fields(header))}
        self._check(header)
        first = self._fields(self._lines.read(1, 2)[0]) if self.n_events else []
        self._texts = [i for i, field in enumerate(first) if not _is_number(field)]
        self._parsed: tuple[tuple[int, int], NDArray[np.float64]] | None = None

    def _check(self, header: str) -> None:
        fields = self._fields(header)
        if len(fields) > MAX_COLUMNS:
            raise DataError(
                f"{self._path} has {len(fields):,} columns, at most {MAX_COLUMNS:,} are expected"
            )
        if all(map(_is_number, fields)):
            raise DataError(
                f"{self._path}: the first line, {header[:60]!r}, holds numbers; a line with the "
                "names of columns was expected before it"
            )
        twice = sorted({name for name in fields if fields.count(name) > 1 or not name})
        if twice:
            raise DataError(
                f"{self._path}: the first line names {twice[0][:60]!r} twice or a column not at "
                "all; each column's name once was expected"
            )

    @property
    def n_events(self) -> int:
        """Number of rows."""
        return len(self._lines) - 1

    @property
    def branches(self) -> Collection[str]:
        """The names of the columns."""
        return self._names.keys()

    def read(self, branch: str, start: int, stop: int) -> Any:
        """Return the rows from `start` to below `stop` of a column.

        Raises
        ------
        DataError
            If a line lacks the column, or holds no number in it.
        """
        import awkward as ak

        column = self._names[branch]
        if column in self._texts:
            lines = self._lines.read(start + 1, stop + 1)
            return ak.Array([fields[column] for fields in map(self._fields, lines)])
        if self._parsed is None or self._parsed[0] != (start, stop):
            self._parsed = (start, stop), self._numbers(start, stop)
        numbers = self._parsed[1]
        if not numbers.shape[1]:
            return ak.from_numpy(self._one(branch, start, stop))
        return ak.from_numpy(np.ascontiguousarray(numbers[:, self._place(column)]))

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return the size of the file: columns of a line are not apart."""
        return self._path.stat().st_size

    def _fields(self, line: str) -> list[str]:
        if self._delimiter == " ":
            return line.split()
        try:
            fields = next(csv.reader([line], delimiter=self._delimiter, skipinitialspace=True))
        except csv.Error as error:
            raise DataError(
                f"{self._path}: {line[:60]!r} is no line of a table: {error}"
            ) from error
        return [field.strip() for field in fields]

    def _place(self, column: int) -> int:
        """Return which of the columns of numbers this one is."""
        return column - sum(text < column for text in self._texts)

    def _load(self, start: int, stop: int, columns: list[int]) -> NDArray[np.float64]:
        return np.loadtxt(
            self._lines.read(start + 1, stop + 1),
            delimiter=None if self._delimiter == " " else self._delimiter,
            usecols=columns,
            comments=None,
            quotechar='"',
            ndmin=2,
        )

    def _numbers(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return all columns of numbers; none, where one that may not be needed holds others."""
        columns = [i for i in self._names.values() if i not in self._texts]
        if stop <= start:
            return np.zeros((0, len(columns)))
        try:
            return self._load(start, stop, columns)
        except ValueError:
            return np.zeros((stop - start, 0))

    def _one(self, branch: str, start: int, stop: int) -> NDArray[np.float64]:
        column = self._names[branch]
        try:
            return np.ascontiguousarray(self._load(start, stop, [column])[:, 0])
        except ValueError as error:
            raise self._no_number(branch, start, stop) from error

    def _no_number(self, branch: str, start: int, stop: int) -> DataError:
        """Return what is wrong with some of these rows in a column."""
        column, numbers = self._names[branch], self._lines.numbers[start + 1 : stop + 1]
        for line, number in zip(self._lines.read(start + 1, stop + 1), numbers, strict=True):
            fields = self._fields(line)
            if column >= len(fields) or not _is_number(fields[column]):
                held = (
                    repr(fields[column][:60])
                    if column < len(fields)
                    else f"{len(fields)} columns and nothing"
                )
                return DataError(
                    f"{self._path}, line {number}: found {held} in column {branch}, a number was "
                    "expected"
                )
        return DataError(
            f"{self._path}, lines {numbers[0]} to {numbers[-1]}: column {branch} cannot be read as "
            "numbers"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
