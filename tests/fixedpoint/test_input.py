"""An offset in front of the network, and words that quantities have."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.fixedpoint import EncoderInput, FixedType
from aefpga.fixedpoint.example import random_spec

ROUNDINGS = st.sampled_from(["TRN", "RND", "RND_CONV"])


def quantized(value: Fraction, kind: FixedType, j: int) -> Fraction:
    """The definition, in rational numbers."""
    step = Fraction(2) ** -int(kind.fraction[j])
    scaled, half = value / step, Fraction(1, 2)
    word = {"TRN": floor(scaled), "RND": floor(scaled + half), "RND_CONV": round(scaled)}
    low, high = int(kind.min_word[j]), int(kind.max_word[j])
    found = word[kind.rounding]
    if kind.overflow == "SAT":
        return min(max(found, low), high) * step
    return ((found - low) % (high - low + 1) + low) * step


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), ROUNDINGS, ROUNDINGS, st.sampled_from(["SAT", "WRAP"]))
def test_an_offset_is_the_rational_definition(seed, rounding, cut_rounding, overflow):
    source = random_spec((5, 2), offset=True, rounding=rounding, seed=seed).input
    cut = source.offset.shifted
    cut = FixedType(cut.signed, cut.width, cut.integer, cut_rounding, overflow)
    source = replace(source, offset=replace(source.offset, shifted=cut))
    rng = np.random.default_rng(seed)
    quantities = rng.normal(0, 1, (30, 5)) * rng.choice([1, 20, 400], (30, 5))
    quantities[::2] = np.round(quantities[::2] * 16) / 16
    found = source.network_type.to_values(source.to_words(quantities))
    for row, values in zip(quantities.tolist(), found.tolist(), strict=True):
        for j, (value, word) in enumerate(zip(row, values, strict=True)):
            arrived = quantized(Fraction(value), source.port, j) - Fraction(source.offset.values[j])
            moved = arrived / Fraction(2) ** int(source.exponent[j])
            assert quantized(quantized(moved, cut, j), source.network_type, j) == Fraction(word)


@pytest.mark.parametrize("companded", [-1, 4])
@pytest.mark.parametrize("rounding", ["TRN", "RND", "RND_CONV"])
def test_words_between_least_and_largest_are_those_of_quantities(rounding, companded):
    source = random_spec((9, 3), offset=True, rounding=rounding, companded=companded).input
    words = np.random.default_rng(0).integers(source.min_word, source.max_word + 1, (2000, 9))
    back = source.to_words(source.port.to_values(source.to_counts(words)))
    assert np.array_equal(back, words)
    # Not all words: some ports end before.
    assert (source.max_word < source.network_type.max_word).any()


def test_values_that_do_not_fit_the_port_or_the_words_are_outside():
    source = random_spec((3, 2), offset=True).input
    ends = source.offset.values + source.type.max
    fits = np.minimum(ends, source.port.max)
    assert not source.outside(fits[None]).any()
    assert source.outside((fits + 2 * source.type.lsb)[None]).all()


def test_an_offset_off_the_grid_is_refused():
    source = random_spec((3, 2), offset=True).input
    offset = source.offset
    coarse = FixedType(True, 8, offset.port.integer + 10)
    narrow = FixedType(True, 2, 1)
    for change in (
        {"values": offset.values + offset.port.lsb / 2},
        {"values": offset.values[:2]},
        {"values": offset.values * np.inf},
        {"port": coarse},
        {"shifted": narrow},
    ):
        with pytest.raises(ValueError, match=r"grid|offsets|hold"):
            replace(source, offset=replace(offset, **change))


def test_without_an_offset_nothing_changes():
    source = random_spec((4, 2)).input
    assert "offset" not in source.to_config()
    assert EncoderInput.from_config(source.to_config()).to_config() == source.to_config()
    assert np.array_equal(source.port.width, source.type.width)
