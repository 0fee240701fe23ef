import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aefpga.entropy import speed
from aefpga.entropy.rans import (
    MAX_LANES,
    MAX_STEPS,
    MAX_SYMBOL,
    decode_columns,
    decode_steps,
    encode_columns,
    encode_steps,
)
from aefpga.errors import DataError


@given(st.data())
def test_columns_come_back(data):
    n = data.draw(st.integers(0, 700))
    symbols = st.lists(st.integers(0, data.draw(st.sampled_from([0, 1, 7, MAX_SYMBOL]))))
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    alphabet = np.array(data.draw(symbols) or [0])
    columns = [rng.choice(alphabet, n) for _ in range(data.draw(st.integers(1, 4)))]
    coded = encode_columns(columns)
    for before, after in zip(columns, decode_columns(coded, n, len(columns)), strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_size_is_close_to_the_entropy():
    rng = np.random.default_rng(2)
    share = np.array([0.9, 0.05, 0.03, 0.02])
    columns = [rng.choice(4, 100_000, p=share) for _ in range(3)]
    entropy = -(share * np.log2(share)).sum() * 300_000
    states_and_tables = 8 * (4 * MAX_LANES + 100)
    assert entropy < 8 * len(encode_columns(columns)) < 1.005 * entropy + states_and_tables


def test_a_constant_column_costs_next_to_nothing():
    assert len(encode_columns([np.full(50_000, 9)])) < 1100


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_damage_is_an_error_or_changes_words_but_never_crashes(position, bit):
    rng = np.random.default_rng(0)
    data = bytearray(encode_columns([rng.integers(0, 50, 1000), rng.integers(0, 3, 1000)]))
    data[position % len(data)] ^= 1 << bit
    try:
        columns = list(decode_columns(bytes(data), 1000, 2))
    except DataError:
        return
    assert len(columns) == 2


@given(st.lists(st.integers(-MAX_STEPS, MAX_STEPS), min_size=1, max_size=300))
def test_steps_come_back(steps):
    table = np.array([steps, steps[::-1]]).T
    np.testing.assert_array_equal(decode_steps(encode_steps(table), *table.shape), table)


@pytest.mark.parametrize("cut", [0, 5, 12, 200, -1])
def test_a_shortened_stream_is_an_error(cut):
    data = encode_columns([np.arange(3000) % 77])
    with pytest.raises(DataError, match="damaged"):
        list(decode_columns(data[:cut], 3000, 1))


@pytest.mark.parametrize(("n", "n_columns"), [(2999, 1), (3000, 2), (3000, 0)])
def test_another_size_than_expected_is_an_error(n, n_columns):
    with pytest.raises(DataError, match="1 columns of 3000, expected"):
        list(decode_columns(encode_columns([np.arange(3000) % 77]), n, n_columns))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([np.array([-1])], "from 0 to 4095"),
        ([np.array([4096])], "from 0 to 4095"),
        ([np.zeros(2, int), np.zeros(3, int)], "equal length"),
    ],
)
@pytest.mark.parametrize("enough", [0, sys.maxsize])
def test_symbols_out_of_range_are_refused(monkeypatch, enough, columns, expected):
    monkeypatch.setattr(speed, "ENOUGH", enough)
    with pytest.raises(ValueError, match=expected):
        encode_columns(columns)
