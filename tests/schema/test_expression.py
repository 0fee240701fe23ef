"""Expressions compute what NumPy does, and nothing that is not arithmetic is understood."""

import doctest
import re

import awkward as ak
import numpy as np
import pytest

from aefpga.schema import expression
from aefpga.schema.expression import Expression, quoted

A, B = np.array([0.5, -2.0, 3.0], np.float32), np.array([1, 2, 200], np.uint8)
COLUMNS = {"a": A, "Jet.b": B, "x [m/s]": A, "in": B}
D, E = A.astype(np.float64), B.astype(np.float64)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", A),
        ("Jet.b - 3", E - 3),
        ("-a ** 2", -(D**2)),
        ("Jet.b * Jet.b % 7", E * E % 7),
        ('"x [m/s]" / 3 + "in"', D / 3 + E),
        ("arctan2(a, Jet.b) * 180 / pi", np.arctan2(D, E) * 180 / np.pi),
        ("sqrt(abs(a)) + minimum(log10(Jet.b), 1)", np.sqrt(abs(D)) + np.minimum(np.log10(E), 1)),
        ("0 < a <= 0.5 or not Jet.b < 100", [True, False, True]),
        ("(a > 0) + (a > 2) * 10", [1, 0, 11]),
        ("a > 0 and 1", [True, False, True]),
        ("9e299 * 9e299 * a", [np.inf, -np.inf, np.inf]),
        ("a / 0", [np.inf, -np.inf, np.inf]),
        ("10 ** 10 ** 10 * Jet.b", [np.inf] * 3),
    ],
)
def test_arithmetic_is_numpys_in_double_precision(text, expected):
    found = Expression.parse(text)(COLUMNS)
    np.testing.assert_array_equal(found, expected)
    of_lists = {name: ak.unflatten(column, [2, 0, 1]) for name, column in COLUMNS.items()}
    np.testing.assert_array_equal(ak.flatten(Expression.parse(text)(of_lists)), expected)


def test_a_number_of_each_list_is_taken():
    column = ak.Array([[1, 2], [3, 4, 5]])
    assert Expression.parse("x[1] - 1").items == ("x",)
    assert Expression.parse("x[1] - 1")({"x": column}).tolist() == [1, 3]
    with pytest.raises(ValueError, match=r"x\[2\] is not there in row 0, whose list has 2"):
        Expression.parse("x[2]")({"x": column})
    with pytest.raises(ValueError, match="needs lists"):
        Expression.parse("x[0]")({"x": column[0]})


REFUSED = r"""
a + | a; b | a b | a := 3 | a if b else c | lambda: a | [a] | {a} | (a,) | a[b] | a[-1] | a[True]
a[1:2] | a[0][0] | (a + b)[0] | a.b() | open(a) | eval('a') | sqrt(a, b) | sqrt(*a) | sqrt(x=a)
__import__('os').system(a) | f'{a}' | a & b | a is b | a in b | a @ b | a // b | ~a | a + None
a + True | a + 1j | a + b'x' | 1e999 * a | pi | 2 + 3 | await a | '' | hypot()
"""
LONG = ["", "a\0", "a\nb", "(" * 500, "-" * 1500 + "a", "+".join("a" * 900), "a" * 3000]


@pytest.mark.parametrize("text", [*re.split(r" \| |\n", REFUSED.strip()), *LONG])
def test_what_is_no_arithmetic_is_refused(text):
    with pytest.raises(ValueError, match=r"\S") as caught:
        Expression.parse(text)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["a", "Jet.PT", "pt [GeV]", "in", "pi", 'a"b', "1st", "é", "a\\b"])
def test_any_branch_can_be_named(name):
    assert Expression.parse(quoted(name)).whole == (name,)


def test_the_example_of_the_docstring_is_true():
    assert not doctest.testmod(expression).failed
