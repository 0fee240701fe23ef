"""What is known of a number before it is decoded: the contexts of conditional entropy coding.

A scheme walks through the columns of a table of integers in a fixed order and says of each what the
numbers before it tell: integers that a network takes, and a reference from which the number is
counted. All of it is integers or IEEE arithmetic of correctly rounded operations, so that every
machine computes the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.functions import cosh
from aefpga.schema import Schema
from aefpga.schema.relations import Gate

Words = NDArray[np.int64]
Rows = NDArray[np.int64]

# The distance that stands for the number 0 where that is told apart; no other is so far.
ZERO = -(1 << 40)
# Jets of an event after which the others are told apart by their number alone.
TOLD_APART = 2


@dataclass(frozen=True)
class Hint:
    """What is known of the next number of some rows.

    Parameters
    ----------
    features : list of ndarray of int64
        What a network takes.
    reference : ndarray of int64, shape (n_rows,)
        The number is counted from here: what is coded is reference minus number.
    half_turn : int
        Where above 0, numbers go around a circle, from minus this to this.
    zero_apart : bool
        Whether 0 is told apart, whatever the reference.
    rows : ndarray of int64 or None
        Of longer features, those that are meant; None: all.
    """

    features: list[Words]
    reference: Words
    half_turn: int = 0
    zero_apart: bool = False
    rows: Rows | None = None

    def block(self, where: slice) -> Words:
        """Return what a network takes at some rows, shape (n_features, n)."""
        return np.stack(self.parts(where))

    def parts(self, where: slice) -> list[Words]:
        """Return what a network takes at some rows, each in one piece of memory, shape (n,)."""
        chosen = where if self.rows is None else self.rows[where]
        return [np.ascontiguousarray(feature[chosen]) for feature in self.features]

    def distances(self, numbers: Words) -> Words:
        """Return what is coded: how far numbers are below the reference, or `ZERO`."""
        found = self._wrapped(self.reference - numbers)
        return np.where(numbers == 0, ZERO, found) if self.zero_apart else found

    def numbers(self, distances: Words) -> Words:
        """Return the numbers of which `distances` returned this."""
        found = self._wrapped(self.reference - distances)
        return np.where(distances == ZERO, 0, found) if self.zero_apart else found

    def at(self, rows: Rows) -> "Hint":
        """Return what is known at some of the rows; none must have been left out before."""
        return replace(self, reference=self.reference[rows], rows=rows)

    def _wrapped(self, x: Words) -> Words:
        if not self.half_turn:
            return x
        return np.mod(x + self.half_turn, 2 * self.half_turn + 1) - self.half_turn


class Scale(Protocol):
    """What steps of a variable mean."""

    def steps(self, values: NDArray[np.float64]) -> Words:
        """Return the steps of values in physical units."""

    def values(self, steps: Words) -> NDArray[np.float64]:
        """Return the values of steps in physical units, the same on every machine."""


class Scheme(Protocol):
    """An order of a table's columns and of its rows, and what is known at each place.

    Where a column's gate, which comes before it, is 0, it is 0, too, and nothing is coded.

    Attributes
    ----------
    n_columns : int
        Of a table.
    gates : sequence of Gate or None
        Of each column.
    model_of : sequence of int
        The number of each column's model; columns with the same one have the same features.
    """

    n_columns: int
    gates: Sequence[Gate | None]
    model_of: Sequence[int]

    def walk(self, counts: Words, known: Words) -> Iterator[tuple[int, Rows, Hint]]:
        """Yield columns, rows of them, and what `known` says there where earlier ones are in it.

        Each number of the table is yielded once, of `counts` rows per event. The caller fills it in
        before it asks for the next. Of a table without rows, columns come in their order, too.
        """


class PlainScheme:
    """Each column given those before it, for numbers whose meaning is not known."""

    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self.gates: Sequence[Gate | None] = [None] * n_columns
        self.model_of: Sequence[int] = range(n_columns)

    def walk(self, counts: Words, known: Words) -> Iterator[tuple[int, Rows, Hint]]:
        """Yield columns in order."""
        rows, reference = np.arange(len(known)), np.zeros(len(known), np.int64)
        for column in range(self.n_columns):
            yield column, rows, Hint(list(known[:, :column].T), reference)


class JetScheme:
    """Steps of what has a four-momentum: each variable given others, and those before in the event.

    The energies of a jet's particles add up to what pt, eta and mass say: each is counted from what
    those before it have left over. Jets of an event are in order of pt, and the second is back to
    back with the first.

    So until version 3 of the format, and for words of a link, of which each jet is alone.

    Parameters
    ----------
    schema : Schema
        The columns; the four-momentum is among them.
    scales : sequence of Scale
        What the steps of each column mean.
    gates : sequence of Gate or None
        Of each column; empty: it has none.
    """

    # Whether it is known where within its step a computed reference is.
    _is_fine = False

    def __init__(
        self, schema: Schema, scales: Sequence[Scale], gates: Sequence[Gate | None] = ()
    ) -> None:
        assert schema.momentum
        self._scales, self._momentum = scales, schema.momentum
        self._place = {name: j for j, name in enumerate(schema.names)}
        self.n_columns = len(schema)
        self.gates: Sequence[Gate | None] = gates or [None] * len(schema)
        self.model_of: Sequence[int] = range(len(schema))
        self._totals = [(j, parts) for j, parts in schema.totals if parts]
        apart = {*schema.momentum.names, *(schema.names[j] for j, _ in self._totals)}
        left = [v for v in schema.variables if v.name not in apart]
        self._of_event = [v.name for v in left if v.of_event]
        self._counts = [v.name for v in left if v.kind.is_count]
        self._count_of = {c.energy: c.count for c in schema.classes if schema.holds(c.energy)}
        known = {*self._of_event, *self._counts, *self._count_of}
        self._others = [v.name for v in left if v.name not in known]
        angle = self._scales[self._place[schema.momentum.phi]]
        period = schema.variable(schema.momentum.phi).period or 2 * np.pi
        # Half a turn may be counted as minus half a turn.
        self._half_turn = abs(int(angle.steps(np.array([period / 2]))[0]))

    def walk(self, counts: Words, known: Words) -> Iterator[tuple[int, Rows, Hint]]:
        """Yield the columns of the first jets of all events, of the second ones, and of others."""
        first, rank = np.repeat(np.cumsum(counts) - counts, counts), rank_of(counts)
        groups = [np.flatnonzero(rank == r) for r in range(TOLD_APART)]
        groups.append(np.flatnonzero(rank >= TOLD_APART))
        # Where there are no jets, columns come once, too.
        for rows in [rows for rows in groups if len(rows)] or groups[:1]:
            n_jets = np.repeat(counts, counts)[rows]
            for column, hint in self._jets(rows, first[rows], n_jets, known):
                yield column, rows, hint

    def _jets(
        self, rows: Rows, first: Rows, n_jets: Words, known: Words
    ) -> Iterator[tuple[int, Hint]]:
        """Yield all columns of some jets: kinematics, and what follows."""
        # Of a jet without a predecessor nothing is taken from there.
        second = np.minimum(first + 1, len(known) - 1)
        rank, zeros = rows - first, np.zeros(len(rows), np.int64)

        def steps(name: str, where: Rows = rows) -> Words:
            return np.asarray(known[where, self._place[name]])

        def of_first(name: str) -> Words:
            return np.where(rank > 0, steps(name, first), 0)

        def of_second(name: str) -> Words:
            return np.where(rank > 1, steps(name, second), 0)

        pt, eta, phi, _ = self._momentum.names
        features = [np.minimum(rank, 6), flag(rank == 0), flag(rank == 1)]
        features += [np.minimum(n_jets, 8), np.abs(of_first(eta))]
        features += [f(name) for name in (pt, eta, phi) for f in (of_first, of_second)]
        turned = Hint([], of_second(phi), self._half_turn).distances(of_first(phi))
        features.append(turned)
        previous = np.where(rank == 1, of_first(pt), of_second(pt))
        yield self._place[pt], Hint(list(features), previous)
        features.append(steps(pt))
        yield self._place[eta], Hint(list(features), zeros)
        features += [steps(eta), np.abs(steps(eta))]
        across = np.where(rank > 0, of_first(phi) + self._half_turn, 0)
        yield self._place[phi], Hint(list(features), across, self._half_turn)
        for name in self._of_event:
            yield self._place[name], Hint([], of_first(name))
        yield from self._content(rows, features, known)

    def _content(
        self, rows: Rows | slice, features: list[Words], known: Words
    ) -> Iterator[tuple[int, Hint]]:
        """Yield what jets consist of: multiplicities, mass and area, energies, and totals."""
        zeros = np.zeros(len(known[rows]), np.int64)

        def steps(name: str) -> Words:
            return np.asarray(known[rows, self._place[name]])

        pt, eta, _, mass = self._momentum.names
        for name in self._counts:
            yield self._place[name], Hint(list(features), zeros)
            features += [steps(name), flag(steps(name) > 0)]
        yield self._place[mass], Hint(list(features), steps(pt))
        features += [steps(mass), steps(mass) - steps(pt)]
        for name in self._others:
            yield self._place[name], Hint(list(features), zeros)
            features.append(steps(name))

        def value(name: str) -> NDArray[np.float64]:
            return self._scales[self._place[name]].values(steps(name))

        def multiplicity(energy: str) -> Words:
            name = self._count_of[energy]
            return steps(name) if name in self._place else zeros

        scale = self._scales[self._place[mass]]
        left = np.sqrt(np.square(value(pt) * cosh(value(eta))) + np.square(value(mass)))
        whole = scale.steps(left)
        features.append(whole)
        present = [multiplicity(name) > 0 for name in self._count_of]
        for i, name in enumerate(self._count_of):
            rest = scale.steps(np.maximum(left, 0))
            to_come = np.sum(present[i + 1 :], axis=0, dtype=np.int64) + zeros
            count = multiplicity(name)
            about = [rest, rest - whole, to_come, flag(to_come == 0)]
            about += [count, flag(count == 1), flag(count > 0)]
            if self._is_fine and i + 1 == len(present):
                about.append(fraction(scale, left, rest))
            yield self._place[name], Hint(features + about, rest, zero_apart=True)
            features += [steps(name), steps(name) - whole]
            left = left - value(name)
        for j, parts in self._totals:
            yield j, Hint(self._of_sum(j, known[rows][:, parts]) if self._is_fine else [], zeros)

    def _of_sum(self, total: int, terms: Words) -> list[Words]:
        """Return what the steps of terms, shape (n_rows, n_terms), say of their sum's rounding."""
        scale = self._scales[total]
        whole = np.sum([scale.values(term) for term in terms.T], axis=0)
        steps = scale.steps(whole)
        found = [steps, fraction(scale, whole, steps)]
        return found + [x for term in terms.T for x in (flag(term > 0), steps - term)]


def dense_scheme_for(
    schema: Schema, scales: Sequence[Scale], gates: Sequence[Gate | None] = ()
) -> Scheme:
    """Return what is known of records whose columns are all there: the more, the more is said."""
    if has_momentum(schema):
        return JetScheme(schema, scales, gates)
    return PlainScheme(len(schema))


def has_momentum(schema: Schema) -> bool:
    """Whether a four-momentum is among the columns."""
    return schema.momentum is not None and schema.holds(*schema.momentum.names)


def fraction(scale: Scale, values: NDArray[np.float64], steps: Words) -> Words:
    """Return how far values are above those of their steps, in 64ths of the way to the next one."""
    here, above = scale.values(steps), scale.values(steps + 1)
    way = np.where(above > here, above - here, 1)
    return np.rint(np.clip((values - here) / way, -1, 1) * 64).astype(np.int64)


def rank_of(counts: Words) -> Words:
    """Return the place of each row in its event, from 0, of `counts` rows per event."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def flag(condition: NDArray[np.bool_]) -> Words:
    """Return 1 where something holds, 0 elsewhere."""
    return condition.astype(np.int64)
