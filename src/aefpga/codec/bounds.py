"""Error bounds: what is stated for each kind of variable, and whether it is kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    field_validator,
    model_validator,
)

from aefpga.config import problems_of
from aefpga.errors import UsageError
from aefpga.schema import KINDS, Kind, Schema
from aefpga.yaml_files import read_yaml

Floats = NDArray[np.float32]

# Of a bound, left for what float32 and another machine's rounding of the decoder add to an error.
MARGIN = 1e-4
# The last bit of a float32 number is about this much of it.
LEAST_BOUND = 1e-7


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


class Profile(RootModel[Mapping[str, Bound]]):
    """The bound of every kind of variable; counts are exact unless said otherwise."""

    model_config = ConfigDict(frozen=True)

    @field_validator("root")
    @classmethod
    def _complete(cls, bounds: Mapping[str, Bound]) -> Mapping[str, Bound]:
        if unknown := sorted(bounds.keys() - KINDS):
            raise ValueError(f"unknown kind {', '.join(unknown)}; expected {', '.join(KINDS)}")
        for kind in KINDS.values():
            if kind.is_count:
                continue
            if kind.name not in bounds:
                raise ValueError(f"{kind.name}: a bound is missing")
            if not bounds[kind.name].absolute:
                raise ValueError(
                    f"{kind.name}: absolute must be above 0: zero is near no other number"
                )
        return {name: bounds.get(name, Bound()) for name in KINDS}

    @classmethod
    def relative(cls, share: float) -> "Profile":
        """Return the profile of one relative error: of at least 1 GeV for momenta and energies.

        Angles get 1.5 rad times it, positions that many cm.
        """
        return cls(
            {
                k.name: Bound(relative=share * k.is_relative, absolute=share * k.bound)
                for k in KINDS.values()
            }
        )

    @property
    def share(self) -> float | None:
        """The relative error, where this is the profile of one."""
        share = self.root["energy"].relative
        return share if share and self == Profile.relative(share) else None

    def of(self, kind: Kind) -> Bound:
        """Return the bound of a kind of variable."""
        return self.root[kind.name]

    def is_exact(self, kind: Kind) -> bool:
        """Whether a kind of variable is integers that must come back as they were."""
        return kind.is_count and not self.of(kind).absolute

    def within(self, schema: Schema, original: Floats, back: Floats) -> NDArray[np.bool_]:
        """Return which values are within their bound."""
        return self.allows(schema, original, errors(schema, original, back))

    def allows(
        self, schema: Schema, original: Floats, found: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return which errors are within the bound of their value."""
        kept = np.empty(found.shape, bool, order="F")
        for j, variable in enumerate(schema.variables):
            bound = self.of(variable.kind)
            allowed = np.abs(original[:, j].astype(np.float64)) * bound.relative
            kept[:, j] = found[:, j] <= np.maximum(allowed, bound.absolute)
        return kept


def errors(schema: Schema, original: Floats, back: Floats) -> NDArray[np.float64]:
    """Return how far values are from the originals, each in its unit, the short way round."""
    found = np.empty(original.shape, np.float64, order="F")
    for j, variable in enumerate(schema.variables):
        found[:, j] = np.abs(back[:, j].astype(np.float64) - original[:, j])
        if variable.period:
            found[:, j] = np.minimum(found[:, j], np.abs(variable.period - found[:, j]))
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
        return Profile.model_validate(read_yaml(Path(text)))
    except UsageError as error:
        raise UsageError(
            f"--max-error {text}: expected a percentage such as 1%, or a YAML file ({error})"
        ) from error
    except ValidationError as error:
        raise UsageError(f"{text} is no error profile:\n{problems_of(error)}") from error


def to_config(profile: Profile | None) -> Mapping[str, Any] | None:
    """Return plain JSON content."""
    return None if profile is None else profile.model_dump()
