"""Whole numbers as linear forms of quantities whose ranges are known."""

from collections.abc import Mapping
from functools import cached_property
from math import gcd
from typing import Any


class Atom:
    """A whole number that is not resolved any further.

    Parameters
    ----------
    label : str
        What it is.
    low, high : int
        Its range.
    origin : object or None
        What it is a function of, if of one number.
    """

    def __init__(self, label: str, low: int, high: int, origin: Any = None) -> None:
        self.label = label
        self.low = low
        self.high = high
        self.origin = origin

    def __repr__(self) -> str:
        return self.label


class Unresolved(Atom):
    """A number that is nothing of the specification; its label says where it is, and why."""


class Form:
    """``constant + sum(coefficient * atom)``, all of them whole numbers of any size."""

    __slots__ = ("__dict__", "constant", "terms")

    def __init__(self, constant: int, terms: Mapping[Atom, int] | None = None) -> None:
        self.constant = constant
        self.terms = {atom: c for atom, c in (terms or {}).items() if c}

    @classmethod
    def of(cls, atom: Atom) -> "Form":
        """Return the form that is just an atom."""
        return cls(0, {atom: 1})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and (self.constant, self.terms) == (
            other.constant,
            other.terms,
        )

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.constant, frozenset(self.terms.items())))

    def __add__(self, other: "Form | int") -> "Form":
        if isinstance(other, int):
            return Form(self.constant + other, self.terms)
        terms = dict(self.terms)
        for atom, coefficient in other.terms.items():
            terms[atom] = terms.get(atom, 0) + coefficient
        return Form(self.constant + other.constant, terms)

    def __mul__(self, factor: int) -> "Form":
        return Form(self.constant * factor, {a: c * factor for a, c in self.terms.items()})

    def __sub__(self, other: "Form") -> "Form":
        return self + other * -1

    @property
    def is_constant(self) -> bool:
        """Whether it has no terms."""
        return not self.terms

    @cached_property
    def low(self) -> int:
        """The least number that it can be, if its atoms are independent."""
        return self.constant + sum(min(c * a.low, c * a.high) for a, c in self.terms.items())

    @cached_property
    def high(self) -> int:
        """The largest number that it can be, if its atoms are independent."""
        return self.constant + sum(max(c * a.low, c * a.high) for a, c in self.terms.items())

    def divided(self, divisor: int) -> "Form | None":
        """Return the form divided by a number; None where that is not whole for sure."""
        if self.constant % divisor or any(c % divisor for c in self.terms.values()):
            return None
        return Form(self.constant // divisor, {a: c // divisor for a, c in self.terms.items()})

    @cached_property
    def root(self) -> "Form":
        """The form without constant and common factor, of which it is ``constant + factor*root``.

        Forms that are functions of each other have the same.
        """
        return Form(0, {a: c // self.factor for a, c in self.terms.items()})

    @cached_property
    def factor(self) -> int:
        """The common factor of the coefficients, with the sign of the first."""
        common = gcd(*self.terms.values())
        # In an order that does not depend on how the form came about.
        first = min(self.terms, key=id, default=None)
        return -common if first is not None and self.terms[first] < 0 else common
