"""One figure of merit for all variables of a record, in physical units, for whoever must rank."""

import numpy as np

from aefpga.errors import DataError
from aefpga.evaluation.metrics import Quality
from aefpga.schema import Schema

DEFINITION = (
    "mean over the variables of the residual that 68 % of records stay below: relative where the "
    "variable's kind is, else over the error that goes with a relative one of 1 (1.5 rad of an "
    "angle); of counts, the share that is not exactly right"
)


def merit(quality: Quality, schema: Schema) -> float:
    """Return the mean residual of a quality; see `DEFINITION`.

    Variables of which no record enters the residual are left out.

    Raises
    ------
    DataError
        If that leaves none.
    """
    figures = []
    for found in quality.variables:
        kind, width = schema.variable(found.name).kind, found.residual.half_width_68
        if found.exact is not None:
            figures.append(1 - found.exact)
        elif width is not None:
            figures.append(width if kind.is_relative else width / kind.bound)
    if not figures:
        raise DataError(f"no variable of these {schema.name} has a residual to rank encoders by")
    return float(np.mean(figures))
