"""Making records obey the relations that their schema states, and which columns those rule."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aefpga.schema.schema import Schema


@dataclass(frozen=True)
class Gate:
    """The column that another one depends on: where it is 0, so is the other, as a rule.

    Where the gate is an object's pt and `is_descending`, the other is the pt of the next one.
    """

    column: int
    is_descending: bool = False


def gates(schema: Schema) -> tuple[Gate | None, ...]:
    """Return the gate of each column that has one: energies, and variables of objects.

    An object's pt is the gate of its other variables, and of the pt of the next of its kind.
    """
    found: list[Gate | None] = [None] * len(schema)
    for particles in schema.classes:
        if schema.holds(particles.energy, particles.count):
            found[schema.index(particles.energy)] = Gate(schema.index(particles.count))
    last: dict[str, int] = {}
    for one in schema.objects:
        if not schema.holds(one.pt):
            continue
        pt = schema.index(one.pt)
        if one.kind in last:
            found[pt] = Gate(last[one.kind], is_descending=True)
        if one.kind:
            last[one.kind] = pt
        for name in filter(schema.holds, one.rest):
            found[schema.index(name)] = Gate(pt)
    return tuple(found)


def objects_of(schema: Schema) -> Iterator[tuple[int, list[int]]]:
    """Yield the column of each object's pt, and those of all its variables that are there."""
    for one in schema.objects:
        if schema.holds(one.pt):
            yield schema.index(one.pt), [schema.index(n) for n in one.names if schema.holds(n)]


def alike(schema: Schema) -> tuple[tuple[int, ...], ...]:
    """Return groups of columns: the same quantity of all objects of a kind, and others alone.

    The pt of a kind's first object is alone: those of the next are smaller.
    """
    groups: dict[tuple[str, int], list[int]] = {}
    alone = set(range(len(schema)))
    for one in schema.objects:
        if not one.kind or not schema.holds(one.pt):
            continue
        for place, name in enumerate(one.names):
            is_first = not place and (one.kind, 1) not in groups
            if schema.holds(name) and not is_first:
                groups.setdefault((one.kind, place), []).append(schema.index(name))
                alone.discard(schema.index(name))
    return (*((column,) for column in sorted(alone)), *map(tuple, groups.values()))


def present(
    schema: Schema, values: NDArray[np.float32], lacking: Collection[str] = ()
) -> NDArray[np.bool_]:
    """Return which values are of objects that are there, shape (n_records, n_variables).

    An object with less than half of the pt that one has at least is taken for absent. What belongs
    to no object is there. Parameters as of `consistent`.
    """
    found = np.ones(values.shape, bool)
    for one in schema.objects:
        if schema.holds(one.pt) and one.pt not in lacking:
            pt = values[:, schema.index(one.pt)]
            columns = [schema.index(name) for name in one.names if schema.holds(name)]
            found[:, columns] = ((pt > 0) & (pt >= one.least / 2))[:, None]
    return found


def consistent(
    schema: Schema, values: NDArray[np.float32], lacking: Collection[str] = ()
) -> NDArray[np.float32]:
    """Return records in which what is absent is 0, and sums are sums of their terms.

    A decoder returns small energies and momenta where there are none, and totals that miss their
    parts a bit.

    Parameters
    ----------
    schema : Schema
        The columns.
    values : ndarray of float32, shape (n_records, n_variables)
        Physical units; counts are integers, as normalisers return them.
    lacking : collection of str
        Variables that the data never had: their zeros say nothing of others.
    """
    values = values.copy(order="K")
    for particles in schema.classes:
        if schema.holds(particles.energy, particles.count) and particles.count not in lacking:
            absent = values[:, schema.index(particles.count)] == 0
            values[absent, schema.index(particles.energy)] = 0
    if schema.objects:
        values[~present(schema, values, lacking)] = 0
    for total, parts in schema.totals:
        if parts and not {schema.names[j] for j in (total, *parts)} & set(lacking):
            terms = values[:, list(parts)]
            values[:, total] = terms.sum(axis=1, dtype=np.float64).astype(np.float32)
    return values
