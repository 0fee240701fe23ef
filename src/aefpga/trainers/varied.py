"""Records that could as well have been measured: larger or smaller, and turned.

A decoder that trains for long learns the few records that have something rare by heart. In those
it takes chance for a rule: in which steps words happen to be rounded, at which angle.
"""

import numpy as np
from numpy.typing import NDArray

from aefpga.schema import Schema

# A record's momenta and energies grow or shrink by this factor at most.
LARGEST_FACTOR = np.e

Floats = NDArray[np.float32]


def can_vary(schema: Schema) -> bool:
    """Return whether `varied` records differ from the others, and teach.

    Of records of many objects words say too little: what sizes are usual is half of what a decoder
    knows, and varied records are unusual. Momenta of events were up to a fifth worse.
    """
    return not schema.objects and any(v.kind.is_companded or v.period for v in schema.variables)


def varied(records: Floats, schema: Schema, seed: int | tuple[int, ...]) -> Floats:
    """Return records of which each has another size, and is turned by an angle.

    All momenta and energies of a record are multiplied by one factor, so that sums stay sums, and
    none leaves the range that the records have of it: words are made for that. What goes around a
    circle turns. The rest stays.

    Parameters
    ----------
    records : ndarray of float32, shape (n_records, n_variables)
        In physical units.
    schema : Schema
        Their columns.
    seed : int or tuple of int
        The same seed varies the same records the same way.
    """
    rng = np.random.default_rng(seed)
    powers, turns = rng.uniform(-1, 1, len(records)), rng.uniform(-0.5, 0.5, len(records))
    sized = [j for j, v in enumerate(schema.variables) if v.kind.is_companded]
    found = records.copy()
    if sized:
        factor = np.clip(LARGEST_FACTOR**powers, *_room(records[:, sized]))
        found[:, sized] *= factor.astype(np.float32)[:, None]
    for j, variable in enumerate(schema.variables):
        if period := variable.period:
            turned = records[:, j] + period * turns
            found[:, j] = turned - period * np.floor(turned / period + 0.5)
    return found


def _room(values: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the largest factor at which each record's values stay in the range."""
    filled, size = values > 0, np.where(values > 0, values, 1).astype(np.float64)
    least = np.where(filled, values.min(axis=0) / size, 0.0).max(axis=1)
    largest = np.where(filled, values.max(axis=0) / size, np.inf).min(axis=1)
    return least, largest
