"""Words as bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aefpga.fixedpoint import FixedType
from aefpga.links.packing import Packing


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 53)), min_size=1, max_size=30), st.data())
def test_a_record_is_one_integer_of_little_endian_bytes(kinds, data):
    signed, width = (np.array(column) for column in zip(*kinds, strict=True))
    kind = FixedType(signed, width, width)
    ranges = zip(kind.min_word.tolist(), kind.max_word.tolist(), strict=True)
    words = [data.draw(st.integers(low, high)) for low, high in ranges]
    total, place = 0, 0
    for word, bits in zip(words, width.tolist(), strict=True):
        total |= (word & ((1 << bits) - 1)) << place
        place += bits
    packing = Packing(kind)
    packed = packing.pack(np.array([words]))
    assert packed.tobytes() == total.to_bytes(-(-place // 8), "little")
    assert packing.unpack(packed).tolist() == [words]


def test_what_is_left_of_the_last_byte_is_not_looked_at():
    packing = Packing(FixedType([True, False], [3, 2], [3, 2]))
    assert packing.unpack(np.array([[0b111_10_100]], np.uint8)).tolist() == [[-4, 2]]
