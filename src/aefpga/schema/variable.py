"""`Variable`: one column of a record; `Kind`: what kind of quantity it is, and what follows."""

from functools import cached_property
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)

from aefpga.schema.expression import Expression, quoted


class Kind(BaseModel):
    """A kind of quantity, and what follows from it for whoever computes with it.

    Parameters
    ----------
    name : str
        Under which configurations, error profiles and files know it.
    is_count : bool
        Integers from 0, exact unless said otherwise.
    is_relative : bool
        Errors count relative to the original, of values above 0 and of at least `threshold`.
    threshold : float
        In the variable's unit.
    is_companded : bool
        Spans orders of magnitude from 0 on: firmware and normalisers may take its logarithm.
    resolution : float
        What a training weighs equally: relative for companded kinds, a share of the variable's
        typical value where `of_typical`, else in the variable's unit.
    of_typical : bool
        See `resolution`.
    bound : float
        Absolute error, in the variable's unit, that goes with a relative error of one: a profile of
        1 % bounds companded kinds at 1 % of at least 0.01 times this. 0 for exact integers.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    is_count: bool = False
    is_relative: bool = False
    threshold: float = 0.0
    is_companded: bool = False
    resolution: float
    of_typical: bool = False
    bound: float


# Resolutions: of momenta and energies relative, of angles in rad, of counts far below the half that
# rounds to another integer. Below 5 GeV a relative residual would divide by next to nothing. Angles
# are bounded at 1.5 rad times the relative error, as float truncation has it at |eta| of about 1.5.
MOMENTUM, ENERGY = (
    Kind(
        name=name, is_relative=True, threshold=5.0, is_companded=True, resolution=0.01, bound=1.0
    )
    for name in ("momentum", "energy")
)  # fmt: skip
ANGLE = Kind(name="angle", resolution=0.004, bound=1.5)
POSITION = Kind(name="position", resolution=0.0005, of_typical=True, bound=1.0)
AREA = Kind(name="area", is_relative=True, resolution=0.0005, of_typical=True, bound=0.01)
MULTIPLICITY = Kind(name="multiplicity", is_count=True, resolution=0.06, bound=0.0)
# Of a cell, in counts: most are small integers, and a calorimeter measures large ones in shares.
CHARGE = Kind(
    name="charge", is_count=True, is_relative=True, threshold=5.0, resolution=1.0, bound=10.0
)

KINDS = {k.name: k for k in (MOMENTUM, ENERGY, ANGLE, POSITION, AREA, MULTIPLICITY, CHARGE)}


def _kind(value: object) -> object:
    if isinstance(value, str):
        if value not in KINDS:
            raise ValueError(f"unknown kind {value}; the kinds are {', '.join(KINDS)}")
        return KINDS[value]
    return value


def _parsed(text: str) -> str:
    if text:
        Expression.parse(text)
    return text


# Empty where nothing is said.
ExpressionText = Annotated[str, AfterValidator(_parsed)]


class Variable(BaseModel):
    """One variable of a record.

    Parameters
    ----------
    name, unit, description : str
        Its name in this toolkit, its physical unit, its meaning.
    kind : Kind
        In configurations and files, the kind's name.
    symbol : str
        For the axes of plots, such as ``$p_T$``.
    period : float or None
        Where values go around a circle, the whole turn in the variable's unit: they lie within half
        of it to either side of 0.
    is_optional : bool
        A file may lack it and still feed a record.
    of_event : bool
        The same for all records of an event.
    source : str
        Of what branches of other people's files it is computed, an `Expression`; the branch of its
        own name, if empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100)
    unit: str = Field("", max_length=20)
    kind: Annotated[Kind, BeforeValidator(_kind), PlainSerializer(lambda kind: kind.name)]
    description: str = Field("", max_length=500)
    symbol: str = Field("", max_length=100)
    period: float | None = Field(None, gt=0, allow_inf_nan=False)
    is_optional: bool = False
    of_event: bool = False
    source: ExpressionText = ""

    @cached_property
    def expression(self) -> Expression:
        """What computes it."""
        return Expression.parse(self.source or quoted(self.name))

    @property
    def label(self) -> str:
        """Symbol, or name, with the unit: what an axis says."""
        unit = f" [{self.unit}]" if self.unit else ""
        return (self.symbol or self.name.replace("_", " ")) + unit
