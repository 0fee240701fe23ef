"""Making records obey the relations that their schema states."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from aefpga.schema.schema import Schema


def consistent(
    schema: Schema, values: NDArray[np.float32], lacking: Collection[str] = ()
) -> NDArray[np.float32]:
    """Return records in which absent particles have no energy and sums are sums of their terms.

    A decoder returns small energies where there are none, and totals that miss their parts a bit.

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
    for total, parts in schema.totals:
        if parts and not {schema.names[j] for j in (total, *parts)} & set(lacking):
            terms = values[:, list(parts)]
            values[:, total] = terms.sum(axis=1, dtype=np.float64).astype(np.float32)
    return values
