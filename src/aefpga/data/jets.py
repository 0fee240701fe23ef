"""`Jets`: a table of jets in physical units that remembers which event each belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Jets:
    """Jets of a number of events.

    Parameters
    ----------
    names : tuple of str
        The columns, names of the catalogue.
    values : ndarray of float32, shape (n_jets, n_variables)
        Physical units, as in the catalogue.
    counts : ndarray of int64, shape (n_events,)
        Jets per event; jets of one event are neighbours.
    events : Mapping of str to ndarray, shape (n_events,)
        What the file says of each event: run, number, weight.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    counts: NDArray[np.int64]
    events: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of jets."""
        return len(self.values)

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one variable of all jets."""
        return self.values[:, self.names.index(name)]

    def keep(self, mask: NDArray[np.bool_]) -> "Jets":
        """Return the jets where `mask` (one entry a jet) is true, events kept even if empty."""
        event = np.repeat(np.arange(len(self.counts)), self.counts)
        counts = np.bincount(event[mask], minlength=len(self.counts))
        return Jets(self.names, self.values[mask], counts, self.events)

    def between(self, first: int, last: int) -> "Jets":
        """Return the jets of the events from `first` to below `last`."""
        start, stop = self.counts[:first].sum(), self.counts[:last].sum()
        events = {name: column[first:last] for name, column in self.events.items()}
        return Jets(self.names, self.values[start:stop], self.counts[first:last], events)

    def select(self, names: Sequence[str]) -> "Jets":
        """Return the jets with these variables alone."""
        if tuple(names) == self.names:
            return self
        columns = [self.names.index(name) for name in names]
        return Jets(tuple(names), self.values[:, columns], self.counts, self.events)

    def to_awkward(self) -> Any:
        """Return an Awkward record array of events, with a list of jets a variable."""
        import awkward as ak

        return ak.zip({**self.events, **self.lists()}, depth_limit=1)

    def lists(self) -> dict[str, Any]:
        """Return each variable as an Awkward array with a list of jets for every event."""
        import awkward as ak

        return {
            n: ak.unflatten(np.ascontiguousarray(self.column(n)), self.counts) for n in self.names
        }

    def to_pandas(self) -> Any:
        """Return a pandas table with a row a jet, indexed by event and jet; needs pandas."""
        import pandas as pd

        event = np.repeat(np.arange(len(self.counts)), self.counts)
        jet = np.arange(len(self)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        index = pd.MultiIndex.from_arrays([event, jet], names=["event", "jet"])
        return pd.DataFrame(self.values, index, list(self.names))

    @classmethod
    def concatenate(cls, parts: Sequence["Jets"]) -> "Jets":
        """Join tables with the same columns."""
        return cls(
            parts[0].names,
            np.concatenate([p.values for p in parts]),
            np.concatenate([p.counts for p in parts]),
            {name: np.concatenate([p.events[name] for p in parts]) for name in parts[0].events},
        )
