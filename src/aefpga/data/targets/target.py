"""`Target`: a new file, opened for records of one schema."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from aefpga.data.records import Records

Write = Callable[[Records], None]
# Of the file, of records like those that will come, and of what the file shall say of them: JSON
# content. What is yielded writes the next chunk.
Target = Callable[[Path, Records, Mapping[str, Any]], AbstractContextManager[Write]]


def columns_of(records: Records) -> dict[str, Any]:
    """Return arrays with an entry an event: what is said of it, and its records, or its record."""
    columns = records.columns() if records.schema.one_per_event else records.lists()
    return {**{name: _plain(column) for name, column in records.events.items()}, **columns}


def _plain(column: NDArray[Any]) -> Any:
    import awkward as ak

    # Of no text at all, Awkward would not know that it is text.
    return ak.from_iter(["", *column.tolist()])[1:] if is_text(column) else column


def is_text(column: NDArray[Any]) -> bool:
    """Whether a column of events is text."""
    return column.dtype.kind == "U"
