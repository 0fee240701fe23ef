"""Parquet files: columns of numbers, of lists of numbers, and those within records."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.data.sources.source import check_claim, reading
from aefpga.data.targets.parquet import PROVENANCE

KIND = "a Parquet"
MAGIC = b"PAR1"


class Parquet:
    """The columns of a Parquet file; of records, with a dot: ``jets.pt``.

    Parameters
    ----------
    path : Path
        Where it is.
    file : pyarrow.parquet.ParquetFile
        Opened.

    Raises
    ------
    DataError
        If it claims to hold what it cannot.
    """

    def __init__(self, path: Path, file: Any) -> None:
        self._path, self._file = path, file
        # Leaves of both schemas are in the same order.
        leaves = [
            (name, field.name)
            for field in file.schema_arrow
            for name in _leaves(field.name, field.type)
        ]
        self._leaves = {name: number for number, (name, _) in enumerate(leaves)}
        self._fields = dict(leaves)
        self._streams: dict[str, _Stream] = {}
        # What is said of columns is left alone until they were read: damaged, it ends the process.
        groups = range(file.metadata.num_row_groups)
        largest = max((file.metadata.row_group(i).total_byte_size for i in groups), default=0)
        check_claim(path, "a group of rows", largest)

    @property
    def n_events(self) -> int:
        """Number of rows."""
        return int(self._file.metadata.num_rows)

    @property
    def provenance(self) -> str | None:
        """What this toolkit said of a file that it wrote, as JSON."""
        said = (self._file.schema_arrow.metadata or {}).get(PROVENANCE)
        return None if said is None else said.decode(errors="replace")

    @property
    def branches(self) -> Collection[str]:
        """The names of the columns."""
        return self._leaves.keys()

    def read(self, branch: str, start: int, stop: int) -> Any:
        """Return the rows from `start` to below `stop` of a column; what is null is NaN."""
        with reading(self._path, KIND):
            if start == stop:
                nothing = self._file.schema_arrow.empty_table().column(self._fields[branch])
                return _values(nothing.combine_chunks())
            stream = self._streams.get(branch)
            if stream is None or stream.row > start:
                stream = _Stream(self._file, self._leaves[branch], stop - start)
                self._streams[branch] = stream
            stream.skip(start)
            return stream.take(stop - start)

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return how much space columns take in the file, after they were read."""
        with reading(self._path, KIND):
            metadata = self._file.metadata
            return sum(
                int(metadata.row_group(group).column(self._leaves[name]).total_compressed_size)
                for name in set(branches)
                for group in range(metadata.num_row_groups)
            )


class _Stream:
    """A column, read from its first row on, a few rows at a time."""

    def __init__(self, file: Any, leaf: int, rows: int) -> None:
        self._batches = file.iter_batches(
            batch_size=rows, columns=[file.schema.column(leaf).path], use_threads=False
        )
        self._left: Any = None
        self.row = 0

    def take(self, rows: int) -> Any:
        """Return the next rows."""
        import awkward as ak

        parts, wanted = [], rows
        while wanted:
            if self._left is None or not len(self._left):
                self._left = next(self._batches).column(0)
            part = self._left[:wanted]
            self._left = self._left[len(part) :]
            parts.append(_values(part))
            wanted -= len(part)
        self.row += rows
        return parts[0] if len(parts) == 1 else ak.concatenate(parts)

    def skip(self, row: int) -> None:
        """Pass over the rows before this one."""
        while self.row < row:
            self.take(min(row - self.row, 10_000))


def _leaves(name: str, kind: Any) -> Iterator[str]:
    import pyarrow.types as types

    if types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{name}.{field.name}", field.type)
    elif types.is_map(kind):
        yield from (f"{name}.key", f"{name}.value")
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        yield from _leaves(name, kind.value_type)
    else:
        yield name


def _values(array: Any) -> Any:
    """Return an Arrow array as an Awkward one; of records, their only field."""
    import awkward as ak
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = array.type
    if types.is_struct(kind):
        return _values(array.flatten()[0])
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        return ak.unflatten(_values(array.flatten()), counts.astype(np.int64))
    if types.is_dictionary(kind):
        return _values(array.dictionary_decode())
    if types.is_string(kind) or types.is_large_string(kind):
        return ak.from_iter(pc.fill_null(array, "").to_pylist())
    if array.null_count:
        array = pc.fill_null(pc.cast(array, "float64"), np.nan)
    return ak.from_numpy(array.to_numpy(zero_copy_only=False))


@contextmanager
def open_parquet(path: Path) -> Iterator[Parquet]:
    """Open a Parquet file; DataError if it is damaged."""
    import pyarrow.parquet as pq

    with reading(path, KIND):
        file = pq.ParquetFile(path, page_checksum_verification=True)
        source = Parquet(path, file)
    with file:
        yield source
