"""The sum that cells are divided by, and its word."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aefpga.fixedpoint import EncoderInput, FixedType
from aefpga.fixedpoint.example import random_spec
from aefpga.fixedpoint.total import Total

CELLS = st.lists(st.integers(0, 3000), min_size=3, max_size=3)


def shares(bits: int, width: int = 14) -> EncoderInput:
    return EncoderInput(
        variables=("a", "b", "c"),
        units=("",) * 3,
        type=FixedType([False] * 3, [bits] * 3, [0] * 3),
        exponent=np.zeros(3, np.int64),
        mantissa=np.full(3, -1),
        total=Total(width),
    )


@given(CELLS, st.integers(1, 12))
def test_shares_are_the_rational_quotients_rounded_to_nearest(cells, bits):
    (words,) = shares(bits).to_words(np.array([cells], np.float32))
    for cell, word in zip(cells, words.tolist(), strict=True):
        share = Fraction(cell, sum(cells)) if sum(cells) else Fraction(0)
        assert word == min(floor(share * 2**bits + Fraction(1, 2)), 2**bits - 1)


@given(st.integers(0, 2**14 - 1), st.integers(1, 8))
def test_a_sum_comes_back_within_half_a_step(total, mantissa):
    one = Total(14, mantissa)
    record = np.array([[total, 0, 0]], np.float64)
    (word,) = one.words(record)
    assert one.type.holds(np.array([[word]]))
    (back,) = one.values(np.array([word]))
    assert abs(back - total) <= total * 2.0 ** -(mantissa + 1)


def test_a_sum_beyond_the_largest_is_that_and_outside():
    one = Total(6)
    records = np.array([[63, 0], [40, 30]], np.float64)
    assert one.words(records).tolist() == [one.words(records)[0]] * 2
    assert one.outside(records).tolist() == [False, True]
    outside = shares(8, 6).outside(np.array([[9.0, 9, 9], [60, 60, 0]]))
    assert outside.tolist() == [[False] * 3, [True] * 3]


def test_an_input_of_shares_survives_json_and_refuses_what_they_are_not():
    source = shares(8)
    again = EncoderInput.from_config(source.to_config())
    assert again.to_config() == source.to_config()
    assert again.total == Total(14)
    with pytest.raises(ValueError, match="without sign"):
        replace(source, type=FixedType([True] * 3, [8] * 3, [0] * 3))
    for width in (0, 60, "8", 8.0):
        wrong = {**source.to_config(), "total": {"width": width, "mantissa": 4}}
        with pytest.raises(ValueError, match="a sum of"):
            EncoderInput.from_config(wrong)


def test_the_word_of_the_sum_is_sent_after_the_latent_words():
    spec = replace(random_spec((3, 2)), input=shares(6), layers=random_spec((3, 2)).layers)
    records = np.array([[5, 3, 2], [0, 0, 0]], np.float32)
    latent = np.array([[1, -2], [0, 3]])
    assert spec.sent(records, latent).tolist() == [[1, -2, 10], [0, 3, 0]]
    assert spec.bits_per_jet == int(spec.latent_type.width.sum()) + int(Total(14).type.width.item())
    assert spec.hash != replace(spec, input=shares(6, 15)).hash
