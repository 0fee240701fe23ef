"""`Jets`: a table of jets in physical units that remembers which event each belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    counts: NDArray[np.int64]

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
        return Jets(self.names, self.values[mask], counts)

    @classmethod
    def concatenate(cls, parts: Sequence["Jets"]) -> "Jets":
        """Join tables with the same columns."""
        return cls(
            parts[0].names,
            np.concatenate([p.values for p in parts]),
            np.concatenate([p.counts for p in parts]),
        )
