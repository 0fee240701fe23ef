"""Earth mover's distance: how far energy must be moved to make one record's cells of another's.

Both are divided by their sums before, so that it is about where energy is, not how much: in the
unit of the positions, the mean way of all energy. Of a record of which nothing is left nobody knows
where it was: it counts as spread evenly over all cells.
"""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import ToolError

Floats = NDArray[np.float64]
# Shares that differ by less are equal.
SAME = 1e-9


def earth_movers(before: NDArray[Any], after: NDArray[Any], positions: Floats) -> Floats:
    """Return the distance of each pair of records, shape (n_records,).

    Parameters
    ----------
    before, after : ndarray, shape (n_records, n_cells)
        Energies, none of them negative; each record of `before` has some.
    positions : ndarray of float64, shape (n_cells, 2)
        Where the cells are.

    Raises
    ------
    ToolError
        If POT is not installed.
    """
    move = _solver()
    way = np.hypot(*(positions[:, None] - positions).transpose(2, 0, 1))
    # What both have at a place stays there: the rest alone is moved.
    surplus = _shares(before) - _shares(after)
    found = np.zeros(len(surplus))
    for i, row in enumerate(surplus):
        here, there = np.flatnonzero(row > SAME), np.flatnonzero(row < -SAME)
        if len(here) and len(there):
            given, taken = row[here], -row[there]
            amount = given.sum()
            ways = np.ascontiguousarray(way[np.ix_(here, there)])
            found[i] = amount * move(given / amount, taken / taken.sum(), ways)
    return found


def _shares(records: NDArray[Any]) -> Floats:
    energy = records.astype(np.float64)
    total = energy.sum(axis=1, keepdims=True)
    evenly = np.full(energy.shape, 1 / energy.shape[1])
    return np.asarray(np.divide(energy, total, out=evenly, where=total > 0))


def _solver() -> Any:
    """Return POT's exact solver."""
    # POT would load whatever of these is installed.
    for backend in ("PYTORCH", "JAX", "CUPY", "TENSORFLOW"):
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")
    try:
        import ot
    except ImportError as error:
        raise ToolError(
            "the earth mover's distance needs POT; install it with `pip install "
            "'aefpga[baselines]'`"
        ) from error
    return ot.emd2
