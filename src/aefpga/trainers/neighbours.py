"""Errors of sums of neighbouring cells: a loss that follows geometry.

Charge that is found in the cell next door is less of an error than charge far away; squared errors
of cells do not tell these apart. ECON-T's telescoping loss (arXiv:2105.01683; the code of
fastml-science, `telescope.py`) adds squared errors of sums over 2 × 2 and 4 × 4 cells. Here sums
are over discs around each cell, from positions, so that it takes no layout.
"""

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import UsageError
from aefpga.normalise import Normaliser
from aefpga.schema import Schema

# Radii of discs, in distances of the nearest two cells; what their squared errors count beside
# those of cells, as if all errors of a disc were independent.
RADII, WEIGHT = (1, 2), 0.5
# Positions are rounded: cells this much further off are still within a radius.
ROUNDING = 0.1


def sums_of_neighbours(normaliser: Normaliser, schema: Schema) -> NDArray[np.float32]:
    """Return what columns are multiplied by for sums whose squared errors count.

    Returns
    -------
    ndarray of float32, shape (n_columns, 2 * n_cells)
        Weighted discs around each cell, the small ones first.

    Raises
    ------
    UsageError
        If there are no two cells, or columns are logarithmic, of which sums say nothing.
    """
    image = schema.image()
    if image is None or len(image.cells) < 2:
        raise UsageError(
            f"training.loss neighbours sums cells, and the variables of {schema.name} are no cells "
            "of an image: leave it out, or give the schema a `shape`"
        )
    if normaliser.logarithmic:
        raise UsageError(
            f"training.loss neighbours sums cells, and normalisation {normaliser.recipe} takes "
            "their logarithms: choose min-max, or leave it out"
        )
    apart = image.positions[:, None] - image.positions
    distance = np.sqrt(np.square(apart).sum(axis=-1))
    pitch = distance[distance > 0].min()
    sums = np.zeros((len(schema), len(RADII) * len(image.cells)), np.float32)
    for i, radius in enumerate(RADII):
        disc = distance <= (radius + ROUNDING) * pitch
        columns = slice(i * len(disc), (i + 1) * len(disc))
        sums[image.cells, columns] = disc * np.sqrt(WEIGHT / disc.sum(axis=0).max())
    return sums
