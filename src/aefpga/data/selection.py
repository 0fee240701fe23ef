"""Which jets are used, and for what: selection, and the split into train, validation and test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

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

    A quantity is made of those of its variables that they have.

    Raises
    ------
    DataError
        If none passes.
    """
    keep, cut = np.ones(len(records), bool), {}
    for one in cuts:
        column = _column(records, one.variable)
        if column is not None:
            passes = np.ones(len(records), bool)
            if one.below is not None:
                passes &= column < one.below
            if one.least is not None:
                passes &= column >= one.least
            cut[one.variable] = int((keep & ~passes).sum())
            keep &= passes
    if not keep.any():
        limits = " and ".join(
            f"{c.variable} {sign} {limit:g}"
            for c in cuts
            for sign, limit in ((">=", c.least), ("<", c.below))
            if limit is not None
        )
        failed = ", ".join(f"{n} fail {name}" for name, n in cut.items())
        raise DataError(
            f"none of {len(records)} {records.schema.name} passes {limits or 'without any cut'}"
            f"{': ' * bool(failed)}{failed}; check the input or change data.cuts"
        )
    return records.keep(keep), Selected(len(records), cut)


def _column(records: Records, name: str) -> NDArray[np.floating[Any]] | None:
    """Return a variable or a quantity of all records; None if they have nothing of it."""
    schema = records.schema
    if schema.holds(name):
        return records.column(name)
    quantity = schema.quantity(name)
    if quantity is None:
        return None
    parts = [column for n in quantity.of if (column := _column(records, n)) is not None]
    if not parts or (quantity.how == "ratio" and len(parts) < 2):
        return None
    if quantity.how == "ratio":
        part, whole = parts
        return np.asarray(np.divide(part, whole, out=np.zeros(len(records)), where=whole > 0))
    columns = np.stack(parts).astype(np.float64)
    return np.asarray(columns.sum(axis=0) if quantity.how == "sum" else columns.max(axis=0))


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
            f"{n_jets} jets are too few to split into training, validation and test; with shares "
            f"of {validation:g} and {test:g} it takes {ceil(1 / min(validation, test))}: read more "
            "files"
        )
    order = np.random.default_rng(seed).permutation(n_jets)
    train, held_out, last = np.split(order, [n_train, n_train + n_validation])
    return Split(train, held_out, last)
