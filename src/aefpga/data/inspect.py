"""What a ROOT file holds for this toolkit."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.data.reader import iterate_records, open_file
from aefpga.errors import DataError
from aefpga.schema import JETS


@dataclass(frozen=True)
class Range:
    """Least, median and largest value of a variable, in its physical unit.

    The median is that of the first chunk of events.
    """

    name: str
    minimum: float
    median: float
    maximum: float


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    `sets` says for each variable set what is missing: None if the set cannot be fed, else the
    variables that would be read as zeros.
    """

    path: str
    format: str
    tree: str
    collection: str
    collections: tuple[str, ...]
    events: int
    jets: int
    sets: dict[str, tuple[str, ...] | None]
    ranges: tuple[Range, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


def inspect(path: Path, collection: str | None = None) -> Contents:
    """Read through a file and describe it; memory does not grow with its size."""
    with open_file(path, collection) as file:
        available = [n for n in JETS.names if n in file.format.available()]
        sets = {
            name: file.missing(names) if file.feeds(JETS.select(names)) else None
            for name, names in JETS.sets.items()
        }
        held = file.format.collections(file.branches)
        kind, used = file.format, file.format.collection
    jets = events = 0
    low = np.full(len(available), np.inf)
    high, median = -low, np.zeros(len(available))
    for chunk in iterate_records([str(path)], JETS.select(available), collection):
        if len(chunk):
            if not jets:
                median = np.median(chunk.values, axis=0)
            low = np.minimum(low, chunk.values.min(axis=0))
            high = np.maximum(high, chunk.values.max(axis=0))
        jets += len(chunk)
        events += len(chunk.counts)
    if not jets:
        raise DataError(f"{path}: the collection {used} holds no jet in {events} events")
    ranges = tuple(
        Range(n, float(a), float(m), float(b))
        for n, a, m, b in zip(available, low, median, high, strict=True)
    )
    return Contents(str(path), kind.name, kind.tree, used, tuple(held), events, jets, sets, ranges)
