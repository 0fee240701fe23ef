from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aefpga.fixedpoint import FixedType, smallest_type


@st.composite
def fixed_types(draw, overflow="SAT"):
    width = draw(st.integers(2, 20))
    return FixedType(
        draw(st.booleans()),
        width,
        draw(st.integers(-4, width + 4)),
        draw(st.sampled_from(["RND", "RND_CONV", "TRN"])),
        overflow,
    )


def exact_word(kind: FixedType, value: float) -> int:
    """The definition, in rational numbers: scale, round, overflow."""
    scaled = Fraction(value) * Fraction(2) ** int(kind.fraction)
    word = {
        "TRN": floor(scaled),
        "RND": floor(scaled + Fraction(1, 2)),
        "RND_CONV": round(scaled),  # Python's own rounds halves to even
    }[kind.rounding]
    low, high = int(kind.min_word), int(kind.max_word)
    if kind.overflow == "SAT":
        return min(max(word, low), high)
    return (word - low) % (1 << int(kind.width)) + low


NUMBERS = st.one_of(
    st.floats(-1e6, 1e6), st.integers(-(1 << 20), 1 << 20).map(lambda eighths: eighths / 8)
)


@given(fixed_types(), NUMBERS)
def test_quantizing_is_the_rational_definition(kind, value):
    assert int(kind.to_words(value)) == exact_word(kind, value)


@given(fixed_types(overflow="WRAP"), NUMBERS)
def test_wrapping_is_the_rational_definition(kind, value):
    assert int(kind.to_words(value)) == exact_word(kind, value)


@given(fixed_types(), st.integers(-(1 << 22), 1 << 22))
def test_words_come_back_from_their_values(kind, word):
    word = min(max(word, int(kind.min_word)), int(kind.max_word))
    assert int(kind.to_words(kind.to_values(word))) == word


def test_just_below_a_half_is_not_lifted():
    assert int(FixedType(True, 8, 8).to_words(0.49999999999999994)) == 0


@pytest.mark.parametrize(
    ("rounding", "words"),
    [("RND", [-1, 0, 1, 2, 3]), ("RND_CONV", [-2, 0, 0, 2, 2]), ("TRN", [-2, -1, 0, 1, 2])],
)
def test_where_ties_go(rounding, words):
    kind = FixedType(True, 8, 8, rounding)
    assert kind.to_words([-1.5, -0.5, 0.5, 1.5, 2.5]).tolist() == words


@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6), st.integers(0, 12))
def test_smallest_type_holds_both_ends_and_no_less(low, span, fraction):
    ends = np.ldexp([low, low + span], -fraction)
    kind = smallest_type(*ends, fraction)
    assert np.array_equal(kind.to_values(kind.to_words(ends)), ends)
    if kind.width > 1:
        narrower = FixedType(kind.signed, kind.width - 1, kind.integer - 1)
        assert not narrower.holds(np.ldexp(ends, fraction))


def test_elements_may_have_types_of_their_own():
    kind = FixedType([True, False], [4, 6], [1, 2])
    assert kind.to_words([[0.5, 0.5]]).tolist() == [[4, 8]]
    assert FixedType.from_config(kind.to_config()) == kind
    assert not kind.is_uniform
    assert str(kind) == "ufixed<6,2,RND,SAT> | fixed<4,1,RND,SAT>"


@pytest.mark.parametrize(
    "options",
    [
        {"width": 0},
        {"width": 60},
        {"rounding": "UP"},
        {"overflow": ["SAT"]},
        {"integer": 1000},
        {"width": [8, 8], "integer": [1, 2, 3]},
    ],
)
def test_impossible_types_are_refused(options):
    with pytest.raises(ValueError, match=r"width|rounding|integer|broadcast"):
        FixedType(**{"signed": True, "width": 8, "integer": 2, **options})


@pytest.mark.parametrize(
    "change", [{"width": 8.0}, {"width": "8"}, {"width": [[8], 8]}, {"signed": 1}, {"integer": []}]
)
def test_content_of_other_types_is_refused(change):
    content = {**FixedType(True, 8, 2).to_config(), **change}
    with pytest.raises((TypeError, ValueError)):
        FixedType.from_config(content)
