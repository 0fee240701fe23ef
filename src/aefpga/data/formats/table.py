"""Other people's files of any kind, read as the schema of the record says."""

from collections.abc import Mapping
from functools import cached_property, reduce
from operator import add
from typing import Any, ClassVar

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from aefpga.data.formats.format import Columns, Format
from aefpga.schema import Schema
from aefpga.schema.expression import Expression

# How far a sum may be from its terms, relative to their sizes: they may be rounded to float32 after
# the sum was made.
SUM_TOLERANCE = 1e-4


class Table(Format):
    """Columns that a schema's expressions name."""

    name = "table"
    hint: ClassVar[str] = "say `one_per_event: true` in the schema if each row is one of them"
    remedy: ClassVar[str] = "say in the schema what it is made of, as `source` of the variable"

    @classmethod
    def of(cls, schema: Schema) -> type[Format]:
        """Return the format of files that hold this record."""
        names = {"schema": schema, "tree": schema.tree, "default_collection": schema.name}
        return type(cls.__name__, (cls,), names)

    @classmethod
    def collections(cls, branches: Any) -> list[str]:
        """Return the one collection: what is missing is said by whoever reads it."""
        return [cls.default_collection]

    @cached_property
    def _terms(self) -> Mapping[str, tuple[Expression, ...]]:
        """What each variable is the sum of: one expression, or, where its column lacks, several."""
        own = {v.name: v.expression for v in self.schema.variables}
        lacking = {
            name: tuple(own[term] for term in terms)
            for name, terms in self.schema.sums.items()
            if self.schema.holds(name, *terms)
            and not self.schema.variable(name).source
            and name not in self.branches
        }
        return {name: (expression,) for name, expression in own.items()} | lacking

    @cached_property
    def _where(self) -> Expression | None:
        return Expression.parse(self.schema.where) if self.schema.where else None

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return for each variable the branches that it, and the choice of rows, need."""
        always = self._where.branches if self._where else ()
        return {
            name: tuple(dict.fromkeys((*(b for e in terms for b in e.branches), *always)))
            for name, terms in self._terms.items()
        }

    def listed(self, columns: Columns) -> dict[str, Any]:
        """Return the columns that have a number for each record: one an event is for all of it."""
        parts = [e for terms in self._terms.values() for e in terms]
        parts += [self._where] if self._where else []
        whole = {name for expression in parts for name in expression.whole}
        lists = {n: x for n, x in columns.items() if n in whole and checked(n, x).ndim > 1}
        return lists or dict(columns)

    def compute(self, variable: str, columns: Columns) -> Any:
        """Return one variable, with a number an event repeated for each of its records."""
        source = self.schema.variable(variable).source
        try:
            return reduce(add, (self._computed(e, columns) for e in self._terms[variable]))
        except (ValueError, TypeError) as error:
            reason = str(error).strip().partition("\n")[0]
            said = f" = {source[:100]}" if source else ""
            raise ValueError(f"{variable}{said}: {reason}") from error

    def kept(self, columns: Columns) -> NDArray[np.bool_] | None:
        """Return which rows, or entries of lists, are records; None for all."""
        if self._where is None:
            return None
        try:
            answer = self._computed(self._where, columns)
        except (ValueError, TypeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise ValueError(f"where = {self.schema.where[:100]}: {reason}") from error
        return np.asarray(ak.to_numpy(ak.flatten(answer, axis=None)) != 0)

    def _computed(self, expression: Expression, columns: Columns) -> Any:
        needed = {name: checked(name, columns[name]) for name in expression.branches}
        for name in expression.whole:
            if self.schema.one_per_event and needed[name].ndim > 1:
                raise ValueError(
                    f"{name} holds a list for each row, a number was expected; leave "
                    f"`one_per_event` out of the schema, or take one number, {name}[0]"
                )
        value = expression(needed)
        if not self.schema.one_per_event and value.ndim == 1:
            value = ak.broadcast_arrays(value, next(iter(self.listed(columns).values())))[0]
        return value

    def problem(self, schema: Schema, values: NDArray[np.float32]) -> tuple[int, str] | None:
        """Return the first row that is not what the schema says, and why."""
        for i, variable in enumerate(schema.variables):
            column, kind = values[:, i], variable.kind
            wrong, expected = column < 0, f"a {kind.name} is 0 or above"
            if kind.is_count:
                wrong, expected = wrong | (column != np.rint(column)), "a whole number from 0"
            elif not kind.is_companded:
                continue
            if wrong.any():
                row = int(wrong.argmax())
                return row, (
                    f"{variable.name} is {column[row]:g}, expected {expected} "
                    f"({int(wrong.sum())} are not); leave such out with `where`, or choose "
                    "another kind in the schema"
                )
        for total, parts in schema.totals:
            terms = values[:, list(parts)].astype(np.float64)
            apart = np.abs(values[:, total] - terms.sum(axis=1)) if parts else np.zeros(1)
            wrong = apart > SUM_TOLERANCE * np.abs(terms).sum(axis=1) + SUM_TOLERANCE
            if parts and wrong.any():
                row, names = int(wrong.argmax()), [schema.names[j] for j in parts]
                return row, (
                    f"{schema.names[total]} is {values[row, total]:g}, but {' + '.join(names)} is "
                    f"{terms[row].sum():g}; take it out of the schema's sums"
                )
        return None


def checked(name: str, column: Any) -> Any:
    """Return a column of numbers, or of lists of them, with NaN for what is null.

    Raises
    ------
    ValueError
        If it holds anything else.
    """
    each, is_optional = _required(column.type.content)
    if isinstance(each, ak.types.ListType | ak.types.RegularType) and not each.parameters:
        each, is_null = _required(each.content)
        is_optional |= is_null
    # A character is a number too.
    is_plain = isinstance(each, ak.types.NumpyType) and not each.parameters
    if not is_plain or not each.primitive.startswith(("bool", "int", "uint", "float")):
        raise ValueError(
            f"{name} holds {str(column.type.content)[:60]} for each row, expected a number or a "
            "list of numbers"
        )
    if is_optional:
        numbers = ak.fill_none(ak.values_astype(column, np.float64), np.nan)
        column = ak.fill_none(numbers, [], axis=0)
    return column


def _required(kind: Any) -> tuple[Any, bool]:
    """Return a type as it is where nothing is null, and whether something may be."""
    is_optional = isinstance(kind, ak.types.OptionType)
    return kind.content if is_optional else kind, is_optional
