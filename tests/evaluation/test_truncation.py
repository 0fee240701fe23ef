import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aefpga.errors import DataError
from aefpga.evaluation.truncation import FloatTruncation, nearest_compressed, nearest_fixed

mantissas = st.integers(0, 22)
# Normal numbers, far from where rounding up would overflow.
normal = st.floats(2.0**-120, 2.0**120, width=32)
numbers = st.one_of(st.just(0.0), normal, normal.map(lambda v: -v))
tables = arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 5)), elements=numbers)


@given(tables, mantissas)
def test_every_number_is_within_half_a_step(x, mantissa):
    y = FloatTruncation(mantissa).round(x)
    error = np.abs(y.astype(np.float64) - x)
    assert np.all(error <= 2.0 ** -(mantissa + 1) * np.abs(x.astype(np.float64)))


@given(tables, mantissas)
def test_both_byte_formats_return_the_rounded_jets(x, mantissa):
    truncation = FloatTruncation(mantissa)
    rounded = truncation.round(x)
    for encode, decode in (
        (truncation.encode, truncation.decode),
        (truncation.pack, truncation.unpack),
    ):
        again = decode(encode(x), x.shape)
        assert again.dtype == np.float32
        assert np.array_equal(again.view(np.uint32), rounded.view(np.uint32))


@given(tables, mantissas)
def test_fixed_rate_is_that_of_real_bytes(x, mantissa):
    truncation = FloatTruncation(mantissa)
    bits = truncation.fixed_bits(x.shape[1]) * len(x)
    assert len(truncation.pack(x)) == -(-bits // 8)


def test_columns_of_a_larger_array_are_taken_as_they_are():
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    truncation = FloatTruncation(10)
    for view in (x[:, ::2], x.T):
        assert np.array_equal(truncation.decode(truncation.encode(view), view.shape), view)
        assert np.array_equal(truncation.unpack(truncation.pack(view), view.shape), view)


def test_damaged_or_foreign_bytes_are_refused():
    x = np.ones((8, 3), np.float32)
    truncation = FloatTruncation(5)
    data = truncation.encode(x)
    for bad, shape in ((data[:-9], x.shape), (b"no lzma", x.shape), (data, (8, 4))):
        with pytest.raises(DataError):
            truncation.decode(bad, shape)
    with pytest.raises(DataError):
        truncation.unpack(truncation.pack(x)[:-1], x.shape)


@pytest.mark.parametrize("mantissa", [-1, 23])
def test_impossible_mantissa_is_refused(mantissa):
    with pytest.raises(ValueError, match="0 to 22"):
        FloatTruncation(mantissa)


@pytest.mark.parametrize(("bits", "mantissa"), [(1, 0), (216, 0), (239, 1), (240, 1), (9999, 22)])
def test_nearest_fixed(bits, mantissa):
    assert nearest_fixed(24, bits).mantissa == mantissa


def test_nearest_compressed_is_the_nearest_of_all():
    rng = np.random.default_rng(5)
    x = rng.lognormal(3, 1, (1500, 4)).astype(np.float32)
    rates = [FloatTruncation(m).compressed_bits(x) for m in range(23)]
    for target in (5, 40, 55, 70, 500):
        best = int(np.argmin(np.abs(np.array(rates) - target)))
        assert nearest_compressed(x, target).mantissa == best
