"""Error bounds: what is stated for each kind of variable, and whether it is kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aefpga.config import problems_of
from aefpga.errors import UsageError
from aefpga.variables import Kind, Variable

Floats = NDArray[np.float32]

# Of a bound, left for what float32 and another machine's rounding of the decoder add to an error.
MARGIN = 1e-4
# The last bit of a float32 number is about this much of it.
LEAST_BOUND = 1e-7
# rad for each part of a relative error, as float truncation has it at |eta| of about 1.5.
ANGLE_FOR_RELATIVE = 1.5


class Bound(BaseModel):
    """Allowed error: the larger of `relative` times the original, and `absolute` in its unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    relative: float = Field(0.0, ge=0, lt=1)
    absolute: float = Field(0.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _reachable(self) -> "Bound":
        if self.relative and not self.absolute:
            raise ValueError("absolute must be above 0: zero is near no other number")
        if 0 < max(self.relative, self.absolute) < LEAST_BOUND:
            raise ValueError(f"an error below {LEAST_BOUND} is below what float32 holds")
        return self


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

    def is_exact(self, kind: Kind) -> bool:
        """Whether a kind of variable is integers that must come back as they were."""
        return kind == "multiplicity" and not self.multiplicity.absolute

    def within(
        self, variables: Sequence[Variable], original: Floats, back: Floats
    ) -> NDArray[np.bool_]:
        """Return which values are within their bound."""
        bounds = [self.of(v.kind) for v in variables]
        relative = np.abs(original.astype(np.float64)) * [b.relative for b in bounds]
        allowed = np.maximum(relative, [b.absolute for b in bounds])
        return np.asarray(errors(variables, original, back) <= allowed)


def errors(variables: Sequence[Variable], original: Floats, back: Floats) -> NDArray[np.float64]:
    """Return how far values are from the originals, each in its unit, phi around the circle."""
    found = np.abs(back.astype(np.float64) - original)
    for j, variable in enumerate(variables):
        if variable.name == "phi":
            found[:, j] = np.minimum(found[:, j], np.abs(2 * np.pi - found[:, j]))
    return found


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
        if not LEAST_BOUND <= share < 1:
            raise UsageError(
                f"--max-error {text}: expected a percentage of at least {100 * LEAST_BOUND:g}% "
                "and below 100%, such as 1%"
            )
        return Profile.relative(share)
    try:
        return Profile.model_validate(yaml.safe_load(Path(text).read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(
            f"--max-error {text}: expected a percentage such as 1%, or a YAML file ({error})"
        ) from error
    except ValidationError as error:
        raise UsageError(f"{text} is no error profile:\n{problems_of(error)}") from error


def to_config(profile: Profile | None) -> Mapping[str, Any] | None:
    """Return plain JSON content."""
    return None if profile is None else profile.model_dump()
