import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aefpga.codec.coders import CODERS, FIXED, decode, encode
from aefpga.errors import DataError


@st.composite
def tables(draw):
    widths = np.array(draw(st.lists(st.integers(1, 40), min_size=1, max_size=6)))
    n_jets = draw(st.integers(1, 9))
    rows = [[draw(st.integers(0, 2 ** int(w) - 1)) for w in widths] for _ in range(n_jets)]
    return np.array(rows, np.int64), widths


@pytest.mark.parametrize("coder", CODERS)
@given(table=tables())
def test_words_come_back(coder, table):
    words, widths = table
    data = encode(words, widths, coder)
    np.testing.assert_array_equal(decode(data, widths, coder, len(words)), words)


@given(tables())
def test_the_fixed_rate_is_that_of_the_widths(table):
    words, widths = table
    assert len(encode(words, widths, FIXED)) == -(-len(words) * widths.sum() // 8)


@pytest.mark.parametrize("coder", CODERS)
def test_damaged_or_foreign_bytes_are_refused(coder):
    words, widths = np.arange(32).reshape(8, 4) % 7, np.array([3, 3, 3, 3])
    data = encode(words, widths, coder)
    with pytest.raises(DataError, match="no words of"):
        decode(data[:-3], widths, coder, 8)
    with pytest.raises(DataError, match="no words of"):
        decode(data, widths, coder, 90)
    if coder != FIXED:
        with pytest.raises(DataError, match="no words of"):
            decode(b"something else", widths, coder, 8)
