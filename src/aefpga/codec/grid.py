"""Scalar quantization on grids that are the same on every machine, and simple enough for an FPGA.

A grid is a row of values with thresholds midway between them: equally spaced up to where the
relative bound takes over, from there each value the same factor above the one before. Values come
from IEEE additions and multiplications alone, never from a logarithm, which rounds differently from
one library to the next. On an FPGA a step is found by comparing an integer with a table of
integers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.bounds import MARGIN, Bound, Profile
from aefpga.codec.totals import total_of
from aefpga.entropy.rans import MAX_STEPS
from aefpga.errors import UsageError
from aefpga.schema import Schema

Floats = NDArray[np.float32]
Column = NDArray[np.float64]
Steps = NDArray[np.int64]

# Where the geometric part of a grid ends; values beyond are kept exactly. In units of the variable.
LARGEST = 2.0**20
MAX_VALUES = 1 << 20
# Bits of a float64 that do not say in which bucket it is.
BUCKET_SHIFT = 44


@dataclass(frozen=True)
class Grid:
    """Values that are apart by twice the allowed error.

    Parameters
    ----------
    bound : Bound
        The allowed error; one of zero stands for exact integers.

    Raises
    ------
    UsageError
        If the bound is so small that the grid would have millions of values.
    """

    bound: Bound

    def steps(self, values: Column) -> Steps:
        """Return the numbers of the nearest values of the grid; 0 is the value 0."""
        if not self.bound.relative:
            found = np.rint(values / self._spacing)
            return np.clip(found, -MAX_STEPS, MAX_STEPS, out=found).astype(np.int64)
        magnitudes = np.abs(values)
        if self._buckets is None:
            size = np.searchsorted(self._thresholds, magnitudes)
        else:
            first, below = self._buckets
            bucket = magnitudes.view(np.int64) >> BUCKET_SHIFT
            bucket -= first
            size = below[np.clip(bucket, 0, len(below) - 1, out=bucket)]
            # A bucket has one threshold at most.
            size += magnitudes > np.append(self._thresholds, np.inf)[size]
        return np.asarray(np.where(values < 0, -size, size), np.int64)

    def values(self, steps: Steps) -> Column:
        """Return the values of these numbers; of numbers beyond the grid, its last."""
        if not self.bound.relative:
            return np.asarray(steps * self._spacing, np.float64)
        size = self._magnitudes[np.minimum(np.abs(steps), len(self._magnitudes) - 1)]
        return np.asarray(np.where(steps < 0, -size, size))

    @property
    def _spacing(self) -> float:
        return 2 * self.bound.absolute * (1 - MARGIN) if self.bound.absolute else 1.0

    @cached_property
    def _magnitudes(self) -> Column:
        relative = self.bound.relative * (1 - MARGIN)
        # Midway between v and v (1 + g), an error of v g / 2 is g / (2 + g) of the original.
        growth = 2 * relative / (1 - relative)
        linear = int(np.ceil(1 / growth))
        factors = np.full(MAX_VALUES, 1 + growth)
        factors[0] = linear * self._spacing
        with np.errstate(over="ignore"):
            grown = np.multiply.accumulate(factors)
        grown = grown[: np.searchsorted(grown, LARGEST) + 1]
        if linear + len(grown) > MAX_VALUES:
            raise UsageError(
                f"a relative error of {self.bound.relative:.1e} makes over {MAX_VALUES:,} steps; "
                "allow a larger one"
            )
        return np.append(np.arange(linear) * self._spacing, grown)

    @cached_property
    def _thresholds(self) -> Column:
        return (self._magnitudes[1:] + self._magnitudes[:-1]) / 2

    @cached_property
    def _buckets(self) -> tuple[int, Steps] | None:
        """Of values by their exponent and first bits, how many thresholds are below all of them.

        With the number of the first bucket; None where thresholds are too close for that.
        """
        first, last = self._thresholds[[0, -1]].view(np.int64) >> BUCKET_SHIFT
        edges = (np.arange(first, last + 2) << BUCKET_SHIFT).view(np.float64)
        below = np.searchsorted(self._thresholds, edges)
        return None if np.diff(below).max() > 1 else (int(first), below)


class Grids:
    """Each variable as steps of its own grid; what is a sum of others as the difference to it.

    Parameters
    ----------
    profile : Profile
        The bounds.
    schema : Schema
        The columns.
    """

    def __init__(self, profile: Profile, schema: Schema) -> None:
        kinds = {v.kind: Grid(profile.of(v.kind)) for v in schema.variables}
        self.of_columns = [kinds[v.kind] for v in schema.variables]
        self._periods = [v.period for v in schema.variables]
        self._order = schema.totals

    def steps(self, values: Floats) -> Steps:
        """Return integers, shape (n_records, n_variables), of records in physical units."""
        return self.quantized(values)[0]

    def quantized(self, values: Floats) -> tuple[Steps, Floats]:
        """Return integers of records in physical units, and the records that they stand for."""
        steps = np.empty(values.shape, np.int64, order="F")
        back = np.empty(values.shape, np.float32, order="F")
        for j, parts in self._order:
            found = self._steps_of(j, values[:, j].astype(np.float64))
            steps[:, j] = found
            if parts:
                predicted = self.of_columns[j].steps(total_of(back, parts))
                steps[:, j] = np.clip(found - predicted, -MAX_STEPS, MAX_STEPS)
                found = predicted + steps[:, j]
            back[:, j] = self._value(j, found)
        return steps, back

    def values(self, steps: Steps) -> Floats:
        """Return records in physical units, the same on every machine, of integers."""
        back = np.empty(steps.shape, np.float32, order="F")
        for j, parts in self._order:
            predicted = self.of_columns[j].steps(total_of(back, parts)) if parts else 0
            back[:, j] = self._value(j, steps[:, j] + predicted)
        return back

    def _steps_of(self, j: int, column: Column) -> Steps:
        period = self._periods[j]
        if period is None:
            return self.of_columns[j].steps(column)
        turned = column - period * np.rint(column / period)
        # Of an angle so large that nothing is left of it within a turn.
        (half_turn,) = self.of_columns[j].steps(np.array([period / 2]))
        return np.clip(self.of_columns[j].steps(turned), -half_turn, half_turn)

    def _value(self, j: int, steps: Steps) -> Floats:
        values = self.of_columns[j].values(steps)
        if period := self._periods[j]:
            # The last step may be beyond half a turn.
            half = period / 2
            values = values - period * (values > half) + period * (values < -half)
        return values.astype(np.float32)
