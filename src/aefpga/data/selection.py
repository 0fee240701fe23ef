"""Which jets are used, and for what: selection, and the split into train, validation and test."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aefpga.data.jets import Jets
from aefpga.errors import DataError


@dataclass(frozen=True)
class SelectionCounts:
    """How many jets came in, and how many each cut removed (in this order)."""

    read: int
    pt: int
    mass: int

    @property
    def kept(self) -> int:
        """Jets that pass both cuts."""
        return self.read - self.pt - self.mass


@dataclass(frozen=True)
class Selection:
    """Keep jets with pt and mass below these, in GeV."""

    max_pt: float = 8000.0
    max_mass: float = 800.0

    def apply(self, jets: Jets) -> tuple[Jets, SelectionCounts]:
        """Return the jets that pass, and the counts of those that did not.

        Raises
        ------
        DataError
            If no jet passes.
        """
        low_pt = jets.column("pt") < self.max_pt
        low_mass = jets.column("mass") < self.max_mass
        keep = low_pt & low_mass
        counts = SelectionCounts(
            read=len(jets), pt=int((~low_pt).sum()), mass=int((low_pt & ~low_mass).sum())
        )
        if not keep.any():
            raise DataError(
                f"no jet passes pt < {self.max_pt:g} GeV and mass < {self.max_mass:g} GeV: of "
                f"{counts.read} read, {counts.pt} fail pt and {counts.mass} fail mass; "
                "check the input or raise data.max_pt and data.max_mass"
            )
        return jets.keep(keep), counts


@dataclass(frozen=True)
class Split:
    """Row indices of the three parts."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split(n_jets: int, validation: float, test: float, seed: int) -> Split:
    """Divide `n_jets` rows at random, the same way for the same seed.

    Parameters
    ----------
    n_jets : int
        Number of rows.
    validation, test : float
        Shares of the two held-out parts.
    seed : int
        Seed of the permutation.

    Raises
    ------
    DataError
        If a part would be empty.
    """
    n_validation, n_test = int(n_jets * validation), int(n_jets * test)
    n_train = n_jets - n_validation - n_test
    if min(n_train, n_validation, n_test) < 1:
        raise DataError(
            f"{n_jets} jets are too few to split into training, validation and test; "
            "read more files"
        )
    order = np.random.default_rng(seed).permutation(n_jets)
    train, held_out, last = np.split(order, [n_train, n_train + n_validation])
    return Split(train, held_out, last)
