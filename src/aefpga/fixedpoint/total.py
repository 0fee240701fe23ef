"""`Total`: the sum of a record's cells, by which they are divided, and the word that it is sent as.

The network reads shares of the sum, whatever the sum is. That goes beside the latent words as a
small floating-point number, as in CMS's ECON-T chip.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.compand import compand, expand
from aefpga.fixedpoint.types import EXACT_BITS, FixedType

# A step is at most 1/16 of the sum: half of it is 3 %, less than a calorimeter resolves.
MANTISSA = 4


@dataclass(frozen=True)
class Total:
    """The sum of whole numbers, and its companded word.

    Parameters
    ----------
    width : int
        Bits of the largest sum; one beyond is sent as the largest.
    mantissa : int
        Bits of mantissa of the word's scale (`compand.py`).
    """

    width: int
    mantissa: int = MANTISSA

    def __post_init__(self) -> None:
        if not (
            type(self.width) is type(self.mantissa) is int
            and 1 <= self.width <= EXACT_BITS
            and 1 <= self.mantissa <= EXACT_BITS
        ):
            raise ValueError(
                f"a sum of {self.width!r:.20} bits, with {self.mantissa!r:.20} of mantissa"
            )

    @classmethod
    def fitting(cls, records: NDArray[np.floating[Any]]) -> Self:
        """Return the sum of training records, with twice the room of the largest."""
        return cls(max(int(sums(records).max()), 1).bit_length() + 1)

    @property
    def type(self) -> FixedType:
        """Type of the word, one entry."""
        bits = int(compand(2.0**self.width - 1, self.mantissa)).bit_length()
        return FixedType([False], [bits], [bits])

    def outside(self, records: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Return of which records the sum is beyond the largest, shape (n_records,)."""
        return np.asarray(sums(records) >= 2.0**self.width)

    def words(self, records: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the sums of records as words, shape (n_records,)."""
        counts = np.clip(np.rint(sums(records)), 0, 2.0**self.width - 1)
        return np.floor(compand(counts, self.mantissa)).astype(np.int64)

    def values(self, words: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Return the middle of the sums that have these words."""
        least, next_least = (expand(words + i, self.mantissa) for i in (0, 1))
        return np.asarray((least + next_least - 1) / 2)

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {"width": self.width, "mantissa": self.mantissa}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the total from what `to_config` returns; ValueError or KeyError if it is none."""
        return cls(config["width"], config["mantissa"])


def sums(records: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the sum of each record's cells, shape (n_records,)."""
    return np.asarray(records.sum(axis=1, dtype=np.float64))


def shares(records: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return records, shape (n_records, n_cells), divided by their sums; of nothing, zeros."""
    total = sums(records)[:, None]
    return np.asarray(np.divide(records, total, out=np.zeros(records.shape), where=total > 0))
