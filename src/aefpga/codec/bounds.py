"""Error bounds: what is stated for each kind of variable, and the corrections that keep it.

A correction is the number of steps between a decoded value and the original, on a scale on which
the allowed error is the same everywhere: linear up to where the relative bound takes over,
logarithmic from there. A step is twice the allowed error, so that the nearest one is within it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aefpga.codec.rans import MAX_STEPS
from aefpga.errors import UsageError
from aefpga.variables import SUMS, Kind, Variable

Floats = NDArray[np.float32]

# What float32 and another machine's rounding of the decoder may add to an error.
MARGIN = 1e-4
# rad for each part of a relative error, as float truncation has it at |eta| of about 1.5.
ANGLE_FOR_RELATIVE = 1.5


class Bound(BaseModel):
    """Allowed error: the larger of `relative` times the original, and `absolute` in its unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    relative: float = Field(0.0, ge=0, lt=1)
    absolute: float = Field(0.0, ge=0)


class Profile(BaseModel):
    """The bound of every kind of variable; multiplicities are exact unless said otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    momentum: Bound
    energy: Bound
    area: Bound
    angle: Bound
    position: Bound
    multiplicity: Bound = Bound()

    @model_validator(mode="after")
    def _reachable(self) -> "Profile":
        for kind in ("momentum", "energy", "area", "angle", "position"):
            bound: Bound = getattr(self, kind)
            if not bound.absolute:
                raise ValueError(f"{kind}: absolute must be above 0: zero is near no other number")
        return self

    @classmethod
    def relative(cls, share: float) -> "Profile":
        """Return the profile of one relative error: of at least 1 GeV for momenta and energies.

        Angles get 1.5 rad times it, positions that many cm.
        """
        energy, other = Bound(relative=share, absolute=share), Bound(absolute=share)
        angle = Bound(absolute=ANGLE_FOR_RELATIVE * share)
        area = Bound(relative=share, absolute=share / 100)
        return cls(momentum=energy, energy=energy, area=area, angle=angle, position=other)

    def of(self, kind: Kind) -> Bound:
        """Return the bound of a kind of variable."""
        bound: Bound = getattr(self, kind)
        return bound


def parse_profile(text: str) -> Profile:
    """Return the profile that `--max-error` names: ``1%``, or a YAML file with a bound a kind.

    Raises
    ------
    UsageError
        If it is neither, or out of range.
    """
    if text.endswith("%"):
        try:
            share = float(text[:-1]) / 100
        except ValueError:
            share = 0.0
        if not 0 < share < 1:
            raise UsageError(f"--max-error {text}: expected a percentage above 0, such as 1%")
        return Profile.relative(share)
    try:
        return Profile.model_validate(yaml.safe_load(Path(text).read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(
            f"--max-error {text}: expected a percentage such as 1%, or a YAML file ({error})"
        ) from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()
        )
        raise UsageError(f"{text} is no error profile: {problems}") from error


@dataclass(frozen=True)
class Corrector:
    """Turns originals into steps from decoded values, and back.

    Parameters
    ----------
    profile : Profile
        The bounds.
    variables : sequence of Variable
        The columns.
    """

    profile: Profile
    variables: Sequence[Variable]

    def allowed(self, original: Floats) -> NDArray[np.float64]:
        """Return the allowed error of every value, shape (n_jets, n_variables)."""
        columns = [
            np.maximum(bound.relative * np.abs(x, dtype=np.float64), bound.absolute)
            for bound, x in self._columns(original)
        ]
        return np.stack(columns, axis=1)

    def steps(
        self, original: Floats, decoded: Floats, kept: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return how many steps lie between decoded values and originals, and which are too far.

        Where a value is `kept` as it is, or too far, there is nothing to correct: 0 steps.
        """
        steps, far = self._nearest(original, decoded, kept)
        steps_of_sums, far_sums = self._nearest(original, self._with_sums(decoded, steps), kept)
        for total in self._sums:
            steps[:, total], far[:, total] = steps_of_sums[:, total], far_sums[:, total]
        return steps, far

    def corrected(self, decoded: Floats, steps: NDArray[np.int64]) -> Floats:
        """Return decoded values moved by so many steps, totals from the sum of their parts."""
        return self._moved(self._with_sums(decoded, steps), steps)

    @cached_property
    def _sums(self) -> dict[int, list[int]]:
        """Columns of the totals, with the columns of their parts, where all are there."""
        place = {v.name: j for j, v in enumerate(self.variables)}
        return {
            place[total]: [place[part] for part in parts]
            for total, parts in SUMS.items()
            if total in place and all(part in place for part in parts)
        }

    def _with_sums(self, decoded: Floats, steps: NDArray[np.int64]) -> Floats:
        """Return decoded values with totals replaced by the sums of their corrected parts."""
        parts, found = self._moved(decoded, steps), decoded.copy()
        with np.errstate(over="ignore"):
            for total, columns in self._sums.items():
                found[:, total] = parts[:, columns].sum(axis=1, dtype=np.float64)
        # Beyond float32 the decoder's own total will do.
        return np.where(np.isfinite(found), found, decoded)

    def _nearest(
        self, original: Floats, decoded: Floats, kept: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        found = []
        for j, (bound, x) in enumerate(self._columns(original)):
            apart = _to_scale(x, bound) - _to_scale(self._rounded(j, decoded[:, j]), bound)
            if self.variables[j].name == "phi":
                apart = np.mod(apart + np.pi, 2 * np.pi) - np.pi
            found.append(np.rint(apart / _step(bound)))
        steps = np.stack(found, axis=1)
        far = np.abs(steps) > MAX_STEPS
        return np.where(far | kept, 0, steps).astype(np.int64), far

    def _moved(self, decoded: Floats, steps: NDArray[np.int64]) -> Floats:
        columns = []
        for j, (bound, y) in enumerate(self._columns(decoded)):
            start = _to_scale(self._rounded(j, y), bound)
            moved = _from_scale(start + steps[:, j] * _step(bound), bound)
            # What needs no correction stays what the decoder said.
            moved = np.where(steps[:, j] == 0, self._rounded(j, y), moved)
            if self.variables[j].name == "phi":
                wrapped = np.mod(moved + np.pi, 2 * np.pi) - np.pi
                moved = np.where(np.abs(moved) <= np.pi, moved, wrapped)
            columns.append(moved)
        with np.errstate(over="ignore"):
            return np.stack(columns, axis=1).astype(np.float32)

    def within(self, original: Floats, back: Floats) -> NDArray[np.bool_]:
        """Return which values are within their bound, an angle's error taken around the circle."""
        error = np.abs(back.astype(np.float64) - original)
        for j, variable in enumerate(self.variables):
            if variable.name == "phi":
                error[:, j] = np.minimum(error[:, j], np.abs(2 * np.pi - error[:, j]))
        return np.asarray(error <= self.allowed(original))

    def _rounded(self, j: int, values: Floats) -> NDArray[np.float64]:
        exact = self.variables[j].kind == "multiplicity" and not self.profile.multiplicity.absolute
        return np.rint(values).astype(np.float64) if exact else values.astype(np.float64)

    def _columns(self, jets: Floats) -> list[tuple[Bound, Floats]]:
        return [(self.profile.of(v.kind), jets[:, j]) for j, v in enumerate(self.variables)]


def _turn(bound: Bound) -> float:
    """Return the magnitude at which the relative bound takes over; infinite where there is none."""
    return bound.absolute / bound.relative if bound.relative else np.inf


def _step(bound: Bound) -> float:
    """Return the distance of two steps on the scale; 1 for exact integers."""
    if bound.relative:
        return 2 * float(np.log1p(bound.relative)) * (1 - MARGIN)
    return 2 * bound.absolute * (1 - MARGIN) if bound.absolute else 1.0


def _to_scale(values: NDArray[Any], bound: Bound) -> NDArray[np.float64]:
    x, turn = values.astype(np.float64), _turn(bound)
    if not np.isfinite(turn):
        return x
    size = np.abs(x) / turn
    return np.sign(x) * np.where(size < 1, size, 1 + np.log(np.maximum(size, 1)))


def _from_scale(scaled: NDArray[np.float64], bound: Bound) -> NDArray[np.float64]:
    turn = _turn(bound)
    if not np.isfinite(turn):
        return scaled
    size = np.abs(scaled)
    grown = np.exp(np.minimum(size - 1, 700))
    return np.asarray(np.sign(scaled) * turn * np.where(size < 1, size, grown))


def to_config(profile: Profile | None) -> Mapping[str, Any] | None:
    """Return plain JSON content."""
    return None if profile is None else profile.model_dump()
