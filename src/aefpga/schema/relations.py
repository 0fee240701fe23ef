"""Making records obey the relations that their schema states."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from aefpga.schema.schema import Schema


def present(
    schema: Schema, values: NDArray[np.float32], lacking: Collection[str] = ()
) -> NDArray[np.bool_]:
    """Return which values are of objects that are there, shape (n_records, n_variables).

    An object with less than half of the pt that one has at least is taken for absent. What belongs
    to no object is there. Parameters as of `consistent`.
    """
    found = np.ones(values.shape, bool)
    for one in schema.objects:
        if schema.holds(one.pt) and one.pt not in lacking:
            pt = values[:, schema.index(one.pt)]
            columns = [schema.index(name) for name in one.names if schema.holds(name)]
            found[:, columns] = ((pt > 0) & (pt >= one.least / 2))[:, None]
    return found


def consistent(
    schema: Schema, values: NDArray[np.float32], lacking: Collection[str] = ()
) -> NDArray[np.float32]:
    """Return records in which what is absent is 0, and sums are sums of their terms.

    A decoder returns small energies and momenta where there are none, and totals that miss their
    parts a bit.

    Parameters
    ----------
    schema : Schema
        The columns.
    values : ndarray of float32, shape (n_records, n_variables)
        Physical units; counts are integers, as normalisers return them.
    lacking : collection of str
        Variables that the data never had: their zeros say nothing of others.
    """
    values = values.copy(order="K")
    for particles in schema.classes:
        if schema.holds(particles.energy, particles.count) and particles.count not in lacking:
            absent = values[:, schema.index(particles.count)] == 0
            values[absent, schema.index(particles.energy)] = 0
    if schema.objects:
        values[~present(schema, values, lacking)] = 0
    for total, parts in schema.totals:
        if parts and not {schema.names[j] for j in (total, *parts)} & set(lacking):
            terms = values[:, list(parts)]
            values[:, total] = terms.sum(axis=1, dtype=np.float64).astype(np.float32)
    return values
