"""`Records`: a table in physical units that knows what its columns are, and its events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.schema import Schema


@dataclass(frozen=True)
class Records:
    """Records, such as jets, of a number of events.

    Parameters
    ----------
    schema : Schema
        The columns.
    values : ndarray of float32, shape (n_records, n_variables)
        Physical units, as the schema says.
    counts : ndarray of int64, shape (n_events,)
        Records per event; those of one event are neighbours.
    events : Mapping of str to ndarray, shape (n_events,)
        What the file says of each event: run, number, weight, process.
    filled : tuple of str
        Columns that are zeros only because a table of this schema was asked for: the file that the
        records come from, or one of the files, lacks them.
    """

    schema: Schema
    values: NDArray[np.float32]
    counts: NDArray[np.int64]
    events: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    filled: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of records."""
        return len(self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.schema.names

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one variable of all records."""
        return self.values[:, self.schema.index(name)]

    def of_event(self, name: str, default: Any) -> NDArray[Any]:
        """Return for each record what the file says of its event, or the default for all."""
        if name not in self.events:
            return np.full(len(self), default)
        return np.repeat(self.events[name], self.counts)

    def keep(self, mask: NDArray[np.bool_]) -> "Records":
        """Return the records where `mask` (one entry each) is true.

        Events are kept even if empty, unless the record is the event.
        """
        if self.schema.one_per_event:
            events = {name: column[mask] for name, column in self.events.items()}
            return replace(self, values=self.values[mask], counts=self.counts[mask], events=events)
        event = np.repeat(np.arange(len(self.counts)), self.counts)
        counts = np.bincount(event[mask], minlength=len(self.counts))
        return replace(self, values=self.values[mask], counts=counts)

    def between(self, first: int, last: int) -> "Records":
        """Return the records of the events from `first` to below `last`."""
        start, stop = self.counts[:first].sum(), self.counts[:last].sum()
        events = {name: column[first:last] for name, column in self.events.items()}
        return replace(
            self, values=self.values[start:stop], counts=self.counts[first:last], events=events
        )

    def select(self, names: Iterable[str]) -> "Records":
        """Return the records with these variables alone."""
        schema = self.schema.select(names)
        if schema is self.schema:
            return self
        columns = [self.schema.index(name) for name in schema.names]
        filled = tuple(filter(schema.holds, self.filled))
        return replace(self, schema=schema, values=self.values[:, columns], filled=filled)

    def to_awkward(self) -> Any:
        """Return an Awkward record array of events, with a list of records a variable."""
        import awkward as ak

        return ak.zip({**self.events, **self.lists()}, depth_limit=1)

    def lists(self) -> dict[str, Any]:
        """Return each variable as an Awkward array with a list of records for every event."""
        import awkward as ak
        from awkward.contents import ListOffsetArray, NumpyArray

        # Once for all of them, as they belong to the same records.
        offsets = ak.index.Index64(np.append(0, np.cumsum(self.counts)))
        return {
            n: ak.Array(ListOffsetArray(offsets, NumpyArray(column)))
            for n, column in self.columns().items()
        }

    def columns(self) -> dict[str, NDArray[np.float32]]:
        """Return each variable as an array of its own."""
        return {n: np.ascontiguousarray(self.column(n)) for n in self.names}

    def to_pandas(self) -> Any:
        """Return a pandas table with a row a record, indexed by event and record; needs pandas."""
        import pandas as pd

        event = np.repeat(np.arange(len(self.counts)), self.counts)
        first = np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        index = pd.MultiIndex.from_arrays(
            [event, np.arange(len(self)) - first], names=["event", "record"]
        )
        return pd.DataFrame(self.values, index, list(self.names))

    @classmethod
    def concatenate(cls, parts: Sequence["Records"]) -> "Records":
        """Join tables with the same columns; what one of them lacks, the result does."""
        schema, filled = parts[0].schema, {name for part in parts for name in part.filled}
        return cls(
            schema,
            np.concatenate([p.values for p in parts]),
            np.concatenate([p.counts for p in parts]),
            {name: np.concatenate([p.events[name] for p in parts]) for name in parts[0].events},
            tuple(name for name in schema.names if name in filled),
        )
