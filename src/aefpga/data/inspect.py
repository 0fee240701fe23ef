"""What a file holds for this toolkit."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.data.opening import open_file
from aefpga.data.reader import iterate_records
from aefpga.schema import Schema


@dataclass(frozen=True)
class Range:
    """Least, median and largest value of a variable, in its physical unit.

    The median is that of the first chunk of events that holds any record.
    """

    name: str
    kind: str
    unit: str
    minimum: float
    median: float
    maximum: float


@dataclass(frozen=True)
class Feed:
    """Whether a set of variables can be read, if need be with zeros for what is `missing`."""

    can_be_read: bool
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Parameters
    ----------
    record : str
        What `records` counts, such as ``jets``.
    sets : dict of str to Feed
        What of each named set of variables the file has.
    ranges : tuple of Range
        Empty, if there is no record.
    """

    path: str
    format: str
    record: str
    tree: str
    collection: str
    collections: tuple[str, ...]
    events: int
    records: int
    sets: dict[str, Feed]
    ranges: tuple[Range, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


def inspect(path: Path, collection: str | None = None, record: Schema | None = None) -> Contents:
    """Read through a file and describe it; memory does not grow with its size.

    Parameters
    ----------
    path : Path
        The file.
    collection : str or None
        Which collection, where it holds several; None takes the usual one.
    record : Schema or None
        What is looked for, where it holds several; None takes the first.
    """
    with open_file(path, collection, record) as file:
        held_record, schema, used = file.format.schema, file.columns, file.format.collection
        sets = {
            name: Feed(file.feeds(held_record.select(names)), file.missing(names))
            for name, names in held_record.sets.items()
        }
        held, kind = file.format.collections(file.source.branches), file.format
    n_records = n_events = 0
    low = np.full(len(schema), np.inf)
    high, median = -low, np.zeros(len(schema))
    for chunk in iterate_records([str(path)], schema, collection):
        if len(chunk):
            if not n_records:
                median = np.median(chunk.values, axis=0)
            low = np.minimum(low, chunk.values.min(axis=0))
            high = np.maximum(high, chunk.values.max(axis=0))
        n_records += len(chunk)
        n_events += len(chunk.counts)
    ranges = tuple(
        Range(v.name, v.kind.name, v.unit, float(a), float(m), float(b))
        for v, a, m, b in zip(schema.variables, low, median, high, strict=True)
        if n_records
    )
    return Contents(
        path=str(path),
        format=kind.name,
        record=held_record.name,
        tree=kind.tree,
        collection=used,
        collections=tuple(held),
        events=n_events,
        records=n_records,
        sets=sets,
        ranges=ranges,
    )
