"""Corrections that bring what a decoder returned within the bounds.

A correction is the number of steps between a decoded value and the original, on a scale on which
the allowed error is the same everywhere: linear up to where the relative bound takes over,
logarithmic from there. A step is twice the allowed error, so that the nearest one is within it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.bounds import MARGIN, Bound, Profile
from aefpga.codec.totals import total_of
from aefpga.entropy.rans import MAX_STEPS
from aefpga.schema import Schema
from aefpga.schema.relations import objects_of
from aefpga.threads import over_blocks

Floats = NDArray[np.float32]
Column = NDArray[np.float64]

# Records corrected together: their columns stay in a core's cache.
BLOCK = 8192


@dataclass(frozen=True)
class Corrector:
    """Turns originals into steps from decoded values, and back.

    Parameters
    ----------
    profile : Profile
        The bounds.
    schema : Schema
        The columns.
    """

    profile: Profile
    schema: Schema

    def steps(
        self, original: Floats, decoded: Floats, kept: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return how many steps lie between decoded values and originals, and which are too far.

        Where a value is `kept` as it is, or too far, there is nothing to correct: 0 steps.
        """
        steps = np.zeros(original.shape, np.int64, order="F")
        far = np.zeros(original.shape, bool, order="F")

        def find(rows: slice) -> None:
            given, found = (original[rows], decoded[rows], kept[rows]), (steps[rows], far[rows])
            self._find(*given, *found)

        over_blocks(find, len(original), BLOCK)
        return steps, far

    def _find(
        self,
        original: Floats,
        decoded: Floats,
        kept: NDArray[np.bool_],
        steps: NDArray[np.int64],
        far: NDArray[np.bool_],
    ) -> None:
        """Put what `steps` returns of some records into the last two."""
        back = np.empty_like(decoded)
        for j, start in self._starts(decoded, back):
            bound = self.profile.of(self.schema.variables[j].kind)
            apart = _to_scale(original[:, j].astype(np.float64), bound) - _to_scale(start, bound)
            if period := self.schema.variables[j].period:
                apart = np.mod(apart + period / 2, period) - period / 2
            found = np.rint(apart / _step(bound))
            far[:, j] = np.abs(found) > MAX_STEPS
            steps[:, j] = np.where(far[:, j] | kept[:, j], 0, found)
            back[:, j] = self._moved(j, start, steps[:, j])
        for absent, columns in self._absent(back):
            # That the pt says.
            steps[np.ix_(absent, columns[1:])] = 0

    def corrected(self, decoded: Floats, steps: NDArray[np.int64]) -> Floats:
        """Return decoded values moved by so many steps, totals from the sum of their parts.

        An object that is moved as near to no pt as errors may be is absent.
        """
        back = np.empty_like(decoded)

        def correct(rows: slice) -> None:
            self._correct(decoded[rows], steps[rows], back[rows])

        over_blocks(correct, len(decoded), BLOCK)
        return back

    def _correct(self, decoded: Floats, steps: NDArray[np.int64], back: Floats) -> None:
        """Put what `corrected` returns of some records into the last one."""
        for j, start in self._starts(decoded, back):
            back[:, j] = self._moved(j, start, steps[:, j])
        for absent, columns in self._absent(back):
            back[np.ix_(absent, columns)] = 0

    def _absent(self, back: Floats) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
        """Yield where each object is absent after its correction, and its columns, pt first."""
        for pt, columns in objects_of(self.schema):
            bound = self.profile.of(self.schema.variables[pt].kind)
            yield back[:, pt] <= bound.absolute, np.array(columns)

    def _starts(self, decoded: Floats, back: Floats) -> Iterator[tuple[int, Column]]:
        """Yield columns and where their corrections start, totals when `back` has their parts."""
        for j, parts in self.schema.totals:
            start = decoded[:, j].astype(np.float64)
            if parts:
                # Beyond float32 the decoder's own total will do.
                total = total_of(back, parts)
                start = np.where(np.isfinite(total.astype(np.float32)), total, start)
            yield (
                j,
                np.rint(start) if self.profile.is_exact(self.schema.variables[j].kind) else start,
            )

    def _moved(self, j: int, start: Column, steps: NDArray[np.int64]) -> Floats:
        bound = self.profile.of(self.schema.variables[j].kind)
        moved = _from_scale(_to_scale(start, bound) + steps * _step(bound), bound)
        # What needs no correction stays what the decoder said.
        moved = np.where(steps == 0, start, moved)
        if period := self.schema.variables[j].period:
            wrapped = np.mod(moved + period / 2, period) - period / 2
            moved = np.where(np.abs(moved) <= period / 2, moved, wrapped)
        with np.errstate(over="ignore"):
            return moved.astype(np.float32)


def _turn(bound: Bound) -> float:
    """Return the magnitude at which the relative bound takes over; infinite where there is none."""
    return bound.absolute / bound.relative if bound.relative else np.inf


def _step(bound: Bound) -> float:
    """Return the distance of two steps on the scale; 1 for exact integers."""
    if bound.relative:
        return 2 * float(np.log1p(bound.relative)) * (1 - MARGIN)
    return 2 * bound.absolute * (1 - MARGIN) if bound.absolute else 1.0


def _to_scale(x: Column, bound: Bound) -> Column:
    turn = _turn(bound)
    if not np.isfinite(turn):
        return x
    size = np.abs(x) / turn
    return np.asarray(np.sign(x) * np.where(size < 1, size, 1 + np.log(np.maximum(size, 1))))


def _from_scale(scaled: Column, bound: Bound) -> NDArray[Any]:
    turn = _turn(bound)
    if not np.isfinite(turn):
        return scaled
    size = np.abs(scaled)
    grown = np.exp(np.minimum(size - 1, 700))
    return np.asarray(np.sign(scaled) * turn * np.where(size < 1, size, grown))
