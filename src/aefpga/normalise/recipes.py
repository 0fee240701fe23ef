"""Recipes: which map each variable of a record gets, learned from training data.

* ``min-max``: each variable's range in the training data to [0, 1].
* ``standard``: each variable's mean to 0, its standard deviation to 1.
* ``four-momentum``: pt to (log10 pt - 1.3) / 1.2, m to log10(m + 1) / 1.8 (GeV), eta / 5, phi / 3,
  the rest min-max: the code of the study that this toolkit comes from.
* ``physics``: every variable in units of the resolution that is asked of it, so that the mean
  squared error weighs what matters: companded quantities close to logarithmic above 2 units, angles
  around the beam brought back into one turn, counts rounded to integers.
* ``shares``: cells divided by the sum of their record's, which is sent as a word of its own.
* ``natural``: physical units, companded quantities logarithmic; for scalar quantizers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.compand import FINE_BITS, MANTISSA_BITS
from aefpga.normalise.maps import Affine, Companded, Constant, Count, Log, Map, Wrapped
from aefpga.schema import Schema, Variable

# Resolutions in a unit of a column, so that columns are of the order of one.
RESOLUTIONS = 400.0
# Below it, in the variable's unit, the natural scale is linear, as zero must have a place.
SOFT = 1.0

Recipe = Callable[[Schema, Variable, NDArray[Any]], Map]


def _min_max(schema: Schema, variable: Variable, x: NDArray[Any]) -> Map:
    span = float(np.ptp(x))
    return Affine(float(x.min()), span) if span else Constant(float(x.min()))


def _standard(schema: Schema, variable: Variable, x: NDArray[Any]) -> Map:
    return Affine(float(x.mean()), float(x.std()) or 1.0)


def _four_momentum(schema: Schema, variable: Variable, x: NDArray[Any]) -> Map:
    momentum = schema.momentum
    known: dict[str, Map] = {}
    if momentum is not None:
        known = {
            momentum.pt: Log(0.0, 1.3, 1.2, lowest=1e-3),
            momentum.mass: Log(1.0, 0.0, 1.8, lowest=0.0),
            momentum.eta: Affine(0.0, 5.0),
            momentum.phi: Affine(0.0, 3.0),
        }
    return known.get(variable.name) or _min_max(schema, variable, x)


def _physics(schema: Schema, variable: Variable, x: NDArray[Any]) -> Map:
    kind = variable.kind
    scale = RESOLUTIONS * kind.resolution
    if kind.is_companded:
        return Companded(FINE_BITS, MANTISSA_BITS, scale / float(np.log(2)))
    if kind.is_count:
        return Count(0.0, scale)
    if variable.period:
        return Wrapped(0.0, scale, variable.period)
    if kind.of_typical:
        typical = float(np.median(np.abs(x))) or 1.0
        return Affine(float(np.median(x)), scale * typical)
    return Affine(0.0, scale)


def _natural(schema: Schema, variable: Variable, x: NDArray[Any]) -> Map:
    """Relative changes of what has relative errors; else the variable's unit."""
    kind = variable.kind
    if kind.is_companded:
        return Log(SOFT, float(np.log10(SOFT)), float(1 / np.log(10)), lowest=0.0)
    if kind.is_count:
        return Count(0.0, 1.0)
    return Affine(0.0, (float(np.median(x)) or 1.0) if kind.is_relative else 1.0)


def _share(schema: Schema, variable: Variable, x: NDArray[Any]) -> Map:
    return Affine(0.0, 1.0)


SHARES = "shares"
RECIPES: dict[str, Recipe] = {
    "min-max": _min_max,
    "standard": _standard,
    "four-momentum": _four_momentum,
    "physics": _physics,
    SHARES: _share,
    "natural": _natural,
}
