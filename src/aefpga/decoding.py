"""What every decoder of latent words returns."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Decoded:
    """What words were decoded to.

    Parameters
    ----------
    values : ndarray of float32, shape (n_records, n_variables)
        Physical units; the relations that a schema states are not imposed yet.
    improbable : ndarray of bool, shape (n_records,), or None
        Records that are likely to be others; None from a decoder that cannot tell.
    """

    values: NDArray[np.float32]
    improbable: Mask | None = None

    def ends(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return between which values those of another machine may lie; here all are the same."""
        return self.values, self.values


class RecordDecoder(Protocol):
    """From latent words to records in physical units."""

    @property
    def n_words(self) -> int:
        """Number of words of a record."""

    @property
    def n_variables(self) -> int:
        """Number of variables of a record."""

    def decode(self, words: NDArray[np.int64]) -> Decoded:
        """Return the records of words, shape (n_records, n_words)."""

    def rounded(self, records: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Return what becomes of records whose words are decoded rightly.

        None from a decoder of which no record is right or wrong, only nearer or further.
        """
