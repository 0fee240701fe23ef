"""Functions of one whole number: compared with each other at every value of its range.

What follows a sum in a network - an activation, rounding, saturation - is a function of that sum.
Two such functions are the same if they agree everywhere; one that is another's multiple plus a
constant is written as that. So every function of a specification gets an atom once, and logic that
computes the same, however it does, is recognised.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.proof.forms import Atom, Form

Integers = NDArray[np.int64]
# Values of a range that are computed together: they stay in the cache.
CHUNK = 1 << 15
# Of a range; where these tell two functions apart, no more are looked at.
N_SAMPLES = 500
# Ranges are walked through with 64-bit numbers, and results kept well inside them.
LARGEST = 1 << 60


class Timeout(Exception):
    """The time for a proof is over."""


@dataclass(eq=False)
class Function:
    """A whole number that depends on another.

    Parameters
    ----------
    root : Form
        The number that it depends on: a form without constant or common factor.
    compute : callable
        Takes `Values` of a root and returns this number's, an array of int64 or one int.
    """

    root: Form
    compute: Callable[["Values"], Any]


Value = Form | Function


@dataclass(eq=False)
class Values:
    """Numbers of which a root has certain values, computed when they are asked for."""

    root: Form
    values: Integers
    _known: dict[Function, Any] = field(default_factory=dict)

    def of(self, value: Value) -> Any:
        """Return the values of a form or function of this root."""
        if isinstance(value, Function):
            if value not in self._known:
                self._known[value] = value.compute(self)
            return self._known[value]
        if value.is_constant:
            return value.constant
        if value.root == self.root:
            return self.values * value.factor + value.constant
        return self.of(_origin(value.root)) * value.factor + value.constant


def roots(value: Value) -> Iterator[Form]:
    """Yield the numbers that a value is a function of; the nearest first."""
    yield value.root
    atom = _only_atom(value.root)
    if atom is not None and atom.origin is not None:
        yield from roots(atom.origin)


def common_root(values: Sequence[Value]) -> Form | None:
    """Return the nearest number that all values, of which not all are constant, depend on alone.

    None, too, where numbers are too large to be walked through.
    """
    if not all(_is_small(v.root if isinstance(v, Function) else v) for v in values):
        return None
    varying = [v for v in values if isinstance(v, Function) or not v.is_constant]
    others = [set(roots(v)) for v in varying[1:]]
    return next((r for r in roots(varying[0]) if all(r in o for o in others)), None)


def _is_small(form: Form) -> bool:
    return form.low >= -LARGEST and form.high <= LARGEST


def _only_atom(root: Form) -> Atom | None:
    return next(iter(root.terms)) if len(root.terms) == 1 else None


def _origin(root: Form) -> Function:
    atom = _only_atom(root)
    assert atom is not None
    assert isinstance(atom.origin, Function)
    return atom.origin


class Functions:
    """The functions that have an atom, by what they are functions of.

    Parameters
    ----------
    seconds : float
        How long comparisons may go on.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._known: dict[Form, list[Atom]] = {}
        self._samples: dict[Form, Values] = {}
        self._larger: dict[frozenset[Form], Form] = {}
        self.n_compared = 0

    def define(self, function: Function, label: str) -> Form:
        """Return a function as a form: of an atom that is known, or of a new one.

        Raises
        ------
        Timeout
            If the range cannot be walked through in time.
        """
        known = self.recognised(function)
        if isinstance(known, Form):
            return known
        low, high, step = LARGEST, -LARGEST, 0
        for values in self._chunks(function.root):
            words = np.broadcast_to(values.of(function), values.values.shape)
            low, high = min(low, int(words.min())), max(high, int(words.max()))
            if step != 1:
                step = int(np.gcd(step, np.gcd.reduce(words - words[0])))
                step = int(np.gcd(step, int(words[0]) - low))
        # Its values' differences have no common factor: what is a multiple of it is a whole one.
        origin = Function(function.root, lambda values: (values.of(function) - low) // step)
        atom = Atom(label, 0, (high - low) // step, origin)
        for root in roots(origin):
            self._known.setdefault(root, []).append(atom)
        return Form.of(atom) * step + low

    def larger(self, a: Form, b: Form) -> Form:
        """Return the larger of two numbers: an atom, the same for the same two."""
        if (a - b).is_constant:
            return a if (a - b).constant > 0 else b
        # As many steps as both are multiples of count as one, wherever the binary point is.
        step = gcd(a.constant, b.constant, *a.terms.values(), *b.terms.values())
        pair = frozenset(part for form in (a, b) if (part := form.divided(step)))
        if pair not in self._larger:
            low, high = (max(ends) // step for ends in ((a.low, b.low), (a.high, b.high)))
            self._larger[pair] = Form.of(Atom("larger of two numbers", low, high))
        return self._larger[pair] * step

    def chosen(self, a: Form, b: Form, key: Value) -> Form | None:
        """Return ``b if key else a`` where that is always the larger, or always the smaller."""
        difference = b - a
        if difference.is_constant or common_root([difference, key]) != difference.root:
            return None
        always_larger = always_smaller = True
        for values in self._chunks(difference.root):
            signs, is_b = values.of(difference), values.of(key) != 0
            always_larger &= bool(np.all((signs == 0) | ((signs > 0) == is_b)))
            always_smaller &= bool(np.all((signs == 0) | ((signs < 0) == is_b)))
            if not (always_larger or always_smaller):
                return None
        return self.larger(a, b) if always_larger else self.larger(a * -1, b * -1) * -1

    def recognised(self, function: Function) -> Value:
        """Return the form of a function that is linear in its root or a known atom, else itself."""
        samples = self._sampled(function.root)
        found = np.broadcast_to(samples.of(function), samples.values.shape)
        candidates = [function.root, *map(Form.of, self._known.get(function.root, ()))]
        for candidate in candidates:
            form = _fitted(candidate, samples.of(candidate), found)
            if form is not None and _is_small(form) and self._is(function, form):
                return form
        return function

    def _is(self, function: Function, form: Form) -> bool:
        """Whether a function is a form, at every value of its root."""
        return all(
            bool(np.all(values.of(function) == values.of(form)))
            for values in self._chunks(function.root)
        )

    def _sampled(self, root: Form) -> Values:
        if root not in self._samples:
            low, high = root.low, root.high
            ends = [low, low + 1, low + 2, high - 2, high - 1, high]
            near = np.arange(-4, 5)
            random = np.random.default_rng(0).integers(low, high + 1, N_SAMPLES)
            points = np.unique(np.clip(np.concatenate([ends, near, random]), low, high))
            self._samples[root] = Values(root, points.astype(np.int64))
        return self._samples[root]

    def _chunks(self, root: Form) -> Iterator[Values]:
        for start in range(root.low, root.high + 1, CHUNK):
            if time.monotonic() > self._end:
                raise Timeout
            stop = min(start + CHUNK, root.high + 1)
            self.n_compared += stop - start
            yield Values(root, np.arange(start, stop))


def _fitted(form: Form, at: Any, found: Integers) -> Form | None:
    """Return the multiple of a form, plus a constant, that has the values found; None if none."""
    at = np.broadcast_to(at, found.shape)
    least, most = int(at.argmin()), int(at.argmax())
    span = int(at[most]) - int(at[least])
    factor, rest = divmod(int(found[most]) - int(found[least]), span) if span else (0, 0)
    if rest:
        return None
    constant = int(found[least]) - factor * int(at[least])
    return form * factor + constant if np.array_equal(at * factor + constant, found) else None
