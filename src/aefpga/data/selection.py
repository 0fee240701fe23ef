"""Which jets are used, and for what: selection, and the split into train, validation and test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aefpga.data.records import Records
from aefpga.errors import DataError
from aefpga.schema import Cut


@dataclass(frozen=True)
class Selected:
    """How many records came in, and how many each cut removed, by variable, in order."""

    read: int
    cut: Mapping[str, int]


def select(records: Records, cuts: Sequence[Cut]) -> tuple[Records, Selected]:
    """Return the records that pass all cuts on variables they have, and how many did not.

    Raises
    ------
    DataError
        If none passes.
    """
    keep, cut = np.ones(len(records), bool), {}
    for one in cuts:
        if records.schema.holds(one.variable):
            fails = keep & ~(records.column(one.variable) < one.below)
            cut[one.variable] = int(fails.sum())
            keep &= ~fails
    if not keep.any():
        limits = " and ".join(f"{c.variable} < {c.below:g}" for c in cuts)
        failed = ", ".join(f"{n} fail {name}" for name, n in cut.items())
        raise DataError(
            f"none of {len(records)} {records.schema.name} passes {limits or 'without any cut'}"
            f"{': ' * bool(failed)}{failed}; check the input or raise data.cuts"
        )
    return records.keep(keep), Selected(len(records), cut)


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
