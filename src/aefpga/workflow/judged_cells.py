"""The part of `evaluate` that is of records with a shape: cells, beside plain choices of them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import ToolError
from aefpga.evaluation.cells.judge import JudgedCells, Reconstruction, chosen, judge_cells
from aefpga.evaluation.cells.schemes import choices
from aefpga.schema import Schema

Floats = NDArray[np.float32]


def judged_cells(
    schema: Schema,
    table: Floats,
    schemes: Mapping[str, tuple[Floats, float]],
    bits: float,
    notes: list[str],
) -> JudgedCells | None:
    """Judge what comes back of cells; None where there are none, or none that can be judged.

    Parameters
    ----------
    schema : Schema
        The columns.
    table : ndarray of float32, shape (n_records, n_variables)
        The originals.
    schemes : Mapping of str to tuple
        What each scheme makes of them, and in how many bits.
    bits : float
        What other choices may take for a record.
    notes : list of str
        Takes what is to be said.
    """
    image = schema.image()
    if image is None:
        return None
    cells = table[:, image.cells]
    if not cells.any() or cells.min() < 0:
        notes.append("cells are judged by the earth mover's distance where none is negative")
        return None
    rows = chosen(cells)
    before = cells[rows]
    found = {
        name: Reconstruction(back[np.ix_(rows, image.cells)], size)
        for name, (back, size) in schemes.items()
    }
    if all(schema.variables[j].kind.is_count for j in image.cells):
        for choice in choices(before, image, bits):
            found[choice.name] = Reconstruction(choice.back, choice.bits, choice.how)
    try:
        return judge_cells(
            before,
            found,
            image.positions,
            schema.position_unit,
            empty=int((~cells.any(axis=1)).sum()),
        )
    except ToolError as error:
        notes.append(f"no earth mover's distance: {error}")
        return None
