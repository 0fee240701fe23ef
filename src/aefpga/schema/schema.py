"""`Schema`: what a record is; it travels with the data, into runs and compressed files."""

import difflib
import fnmatch
import reprlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aefpga.choices import Normalisation
from aefpga.errors import DataError, UsageError
from aefpga.schema.image import Image, Layout, image_of
from aefpga.schema.variable import ExpressionText, Variable


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FourMomentum(_Part):
    """The names of the variables that are a record's four-momentum."""

    pt: str
    eta: str
    phi: str
    mass: str

    @property
    def names(self) -> tuple[str, str, str, str]:
        """All four."""
        return self.pt, self.eta, self.phi, self.mass


class ParticleClass(_Part):
    """Particles of a class within a record: where their `count` is 0, their `energy` is.

    Those of classes that are rare seldom come together.
    """

    energy: str
    count: str
    is_rare: bool = False


class PhysicsObject(_Part):
    """An object within a record: it is absent where its `pt` is 0, and then the `rest` is 0 too.

    Present ones have a pt of at least `least`, in its unit, or of little less. Those of a `kind`,
    if it is named, have the same range.
    """

    pt: str
    rest: tuple[str, ...]
    kind: str = ""
    least: float = Field(0.0, ge=0, allow_inf_nan=False)

    @property
    def names(self) -> tuple[str, ...]:
        """All its variables."""
        return self.pt, *self.rest


class Quantity(_Part):
    """What is cut on, but not encoded: made `how` of the variables or quantities in `of`.

    A ratio is of the first to the second, 0 where that is 0.
    """

    name: str
    how: Literal["sum", "largest", "ratio"]
    of: tuple[str, ...] = Field(min_length=1)


class Cut(_Part):
    """Records are kept whose `variable` or quantity is at least `least` and below `below`.

    In its unit; None is no limit.
    """

    variable: str
    below: float | None = None
    least: float | None = None


class Schema(_Part):
    """A record: its variables, and the relations among them.

    A table need not hold all variables of its record: `select` keeps some, and what is said here of
    others stays. Whoever uses a relation looks whether its variables are there (`holds`).

    Parameters
    ----------
    name : str
        Of the record, in the plural: ``jets``.
    variables : tuple of Variable
        The columns of a table.
    sums : Mapping of str to tuple of str
        Variables that are sums of others, exactly.
    classes : tuple of ParticleClass
        Whose energies add up to the record's, in the order in which counting what is left over from
        it is best: rare ones first.
    objects : tuple of PhysicsObject
        Which variables belong to one object, that may be absent.
    momentum : FourMomentum or None
        Which variables are the four-momentum.
    quantities : tuple of Quantity
        What can be cut on beside variables.
    cuts : tuple of Cut
        Which records are used, unless configured otherwise.
    sets : Mapping of str to tuple of str
        Named choices of variables.
    usual : str or None
        The set that is taken where none is named; None takes all variables.
    normalisation : str
        The recipe that is taken where none is named.
    headline : tuple of str
        What tables and plots show where there is no room for all; empty: the first ones.
    layouts : Mapping of str to Layout
        Where variables are cells: how they lie on an image, the usual way first. In YAML,
        ``shape: [18, 14]`` is a layout of all variables, row by row.
    positions : Mapping of str to tuple of float
        Where cells are; of those that are not named, places of the layout.
    position_unit : str
        Of positions.
    one_per_event : bool
        The record is the event: a file has a number for each, not a list.
    tree : str
        Of other people's files, where in them the branches are: a tree of a ROOT file, a group or a
        data set of an HDF5 file; if empty, the only one.
    where : str
        Of other people's files, which of their rows are records: an `Expression` of branches; all,
        if empty.
    """

    name: str = Field(min_length=1, max_length=100)
    variables: tuple[Variable, ...] = Field(min_length=1, max_length=4096)
    sums: Mapping[str, tuple[str, ...]] = {}
    classes: tuple[ParticleClass, ...] = ()
    objects: tuple[PhysicsObject, ...] = ()
    momentum: FourMomentum | None = None
    quantities: tuple[Quantity, ...] = ()
    cuts: tuple[Cut, ...] = ()
    sets: Mapping[str, tuple[str, ...]] = {}
    usual: str | None = None
    normalisation: Normalisation = "physics"
    headline: tuple[str, ...] = ()
    layouts: Mapping[str, Layout] = {}
    positions: Mapping[str, tuple[float, float]] = {}
    position_unit: str = Field("", max_length=20)
    one_per_event: bool = False
    tree: str = Field("", max_length=1000)
    where: ExpressionText = ""

    @model_validator(mode="before")
    @classmethod
    def _layout_of_a_shape(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "shape" not in content:
            return content
        content = dict(content)
        shape, variables = content.pop("shape"), content.get("variables")
        if "layouts" in content:
            raise ValueError("shape and layouts both say how cells lie; leave one out")
        if not isinstance(shape, list | tuple) or not isinstance(variables, list | tuple):
            raise ValueError(f"shape: {reprlib.repr(shape)}; a list of numbers was expected")
        names = [v.name if isinstance(v, Variable) else dict(v).get("name") for v in variables]
        return {**content, "layouts": {"x".join(map(str, shape)): {"shape": shape, "cells": names}}}

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        if len(set(self.names)) < len(self.names):
            raise ValueError("each variable's name once was expected")
        return self

    def __len__(self) -> int:
        """Number of variables."""
        return len(self.variables)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The variables' names."""
        return tuple(v.name for v in self.variables)

    @property
    def units(self) -> tuple[str, ...]:
        """The variables' units."""
        return tuple(v.unit for v in self.variables)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: column for column, name in enumerate(self.names)}

    def holds(self, *names: str) -> bool:
        """Whether all these variables are there."""
        return all(name in self._place for name in names)

    def index(self, name: str) -> int:
        """Return a variable's column.

        Raises
        ------
        UsageError
            If there is no such variable; the nearest names are given.
        """
        if name not in self._place:
            near = difflib.get_close_matches(name, self.names, n=3) or self.names[:8]
            raise UsageError(f"{self.name} have no variable {name}; did you mean {_list(near)}?")
        return self._place[name]

    def quantity(self, name: str) -> Quantity | None:
        """Return the quantity of this name, if there is one."""
        return next((q for q in self.quantities if q.name == name), None)

    def variable(self, name: str) -> Variable:
        """Return a variable by its name; UsageError as of `index`."""
        return self.variables[self.index(name)]

    def select(self, names: Iterable[str]) -> Self:
        """Return the schema of a table with these variables alone, in this order.

        Raises
        ------
        UsageError
            If a name is unknown, or given twice.
        """
        names = tuple(names)
        if names == self.names:
            return self
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise UsageError(f"{_list(twice)}: each variable once was expected")
        # A copy would take the cached names along.
        content = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**content, "variables": [self.variable(n) for n in names]})

    def choose(self, text: str | None = None) -> Self:
        """Return the schema of what `text` names: a set, or variables with commas between them.

        A name may be a pattern, such as ``j[1-4]_*``, for all variables that it fits.

        Raises
        ------
        UsageError
            If there is no such set or variable.
        """
        text = self.usual if text is None else text.strip()
        if text is None:
            return self
        if text in self.sets:
            return self.select(self.sets[text])
        if text and not set(text) & set(",*?[") and not self.holds(text):
            sets = f"the sets are {_list(self.sets)}; " if self.sets else ""
            near = difflib.get_close_matches(text, self.names, n=3) or self.names[:8]
            raise UsageError(
                f"{self.name} have no set or variable {text}; {sets}did you mean {_list(near)}?"
            )
        return self.select(name for part in text.split(",") for name in self._fitting(part.strip()))

    def _fitting(self, pattern: str) -> list[str]:
        """Return the names that a pattern fits, in the schema's order; else itself."""
        return [n for n in self.names if fnmatch.fnmatchcase(n, pattern)] or [pattern]

    @cached_property
    def totals(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Each column with the columns that it is the sum of, if all are there; those last."""
        found = []
        for column, name in enumerate(self.names):
            terms = self.sums.get(name, ())
            parts = tuple(map(self.index, terms)) if terms and self.holds(*terms) else ()
            found.append((column, parts))
        return tuple(sorted(found, key=lambda pair: bool(pair[1])))

    def image(self, layout: str | None = None) -> Image | None:
        """Return how the cells among the variables lie on an image; None if none are cells.

        Parameters
        ----------
        layout : str or None
            One of `layouts`; None is the first.

        Raises
        ------
        UsageError
            If there is no such layout.
        """
        if layout is not None and layout not in self.layouts:
            known = f"they are {_list(self.layouts)}" if self.layouts else "they have none"
            raise UsageError(f"{self.name} have no layout {layout}; {known}")
        chosen = next((x for n, x in self.layouts.items() if layout in (None, n)), None)
        if chosen is None or not any(map(self.holds, chosen.names)):
            return None
        return image_of(chosen, self._place, self.positions)

    @property
    def n_independent(self) -> int:
        """Number of variables that are no sums of others."""
        return sum(not parts for _, parts in self.totals)

    @property
    def shown(self) -> tuple[str, ...]:
        """The names of the headline variables that are there."""
        return tuple(filter(self.holds, self.headline)) or self.names[:8]

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content; what has its default is left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_config(cls, content: Any, where: str) -> Self:
        """Build a schema from the content that `to_config` returns.

        Raises
        ------
        DataError
            If the content, which was found `where`, is no schema.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            problems = "; ".join(
                f"{_place(content, e['loc'])}: {e['msg'].removeprefix('Value error, ')}, found "
                f"{reprlib.repr(e['input'])}"
                for e in error.errors()[:5]
            )
            raise DataError(f"{where} holds no schema of a record ({problems})") from error


def _place(content: Any, place: tuple[int | str, ...]) -> str:
    """Return where in a schema something is, with the name of the variable that it is in."""
    match place:
        case ("variables", int(number), *rest):
            one = content["variables"][number]
            name = one.get("name") if isinstance(one, dict) else None
            which = name[:100] if isinstance(name, str) and name else f"number {number + 1}"
            return " of ".join([*map(str, rest), f"variable {which}"])
    return ".".join(map(str, place))[:100] or "content"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
