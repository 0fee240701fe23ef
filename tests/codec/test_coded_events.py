"""What files say of events, entropy-coded: it comes back to the bit, and damage is noticed."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.codec.coded_events import pack, unpack
from aefpga.codec.members import pack_events, unpack_events
from aefpga.data.records import Records
from aefpga.errors import DataError
from aefpga.schema import JETS

LIMIT = 1 << 20
KINDS = ["bool", "int8", "uint16", "int32", "uint64", "int64", "float32", "float64", "U5"]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_columns_come_back(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    n, columns = data.draw(st.integers(1, 300)), {}
    for i, kind in enumerate(data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))):
        if kind == "U5":
            columns[f"c{i}"] = rng.choice(["", "qcd", "ttbar", "é☃"], n)
            continue
        octets = rng.integers(0, 256, n * np.dtype(kind).itemsize, np.uint8)
        made = (octets % 2 if kind == "bool" else octets).view(kind)
        # Runs are constant, numbers of events rise, and some are of any size.
        how = data.draw(st.sampled_from(["any", "constant", "rising"]))
        if how == "constant":
            made = np.full_like(made, made[0])
        elif how == "rising" and made.dtype.kind in "iu":
            made = np.sort(made // made.dtype.type(64))
        columns[f"c{i}"] = made
    found = unpack(pack(columns), LIMIT)
    assert list(found) == list(columns)
    for name, column in columns.items():
        np.testing.assert_array_equal(
            found[name].tobytes(), column.astype(found[name].dtype).tobytes()
        )
        assert found[name].dtype.kind == column.dtype.kind


def test_counts_take_what_they_are_worth():
    rng = np.random.default_rng(1)
    counts = rng.choice([2, 3, 4, 5], 16_000, p=[0.5, 0.25, 0.125, 0.125])
    assert 8 * len(pack({"counts": counts})) < 1.1 * 1.75 * 16_000


def test_events_without_jets_and_no_events():
    for n in (0, 3):
        records = Records(JETS, np.zeros((0, len(JETS)), np.float32), np.zeros(n, np.int64),
                          {"run": np.ones(n, np.uint32)})  # fmt: skip
        packed = pack_events(records, is_exact=n == 3)
        counts, events, is_exact = unpack_events(packed, "here")
        assert is_exact == (n == 3)
        assert counts.tolist() == [0] * n
        assert events["run"].dtype == np.uint32


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_damage_is_an_error_or_other_columns_but_never_a_crash(position, bit):
    rng = np.random.default_rng(5)
    columns = {"counts": rng.integers(0, 9, 60), "event/n": rng.integers(0, 10**6, 60)}
    columns |= {"event/x": rng.normal(size=60), "event/kind": rng.choice(["a", "bc"], 60)}
    data = bytearray(pack(columns))
    data[position % len(data)] ^= 1 << bit
    try:
        counts, events, _ = unpack_events(bytes(data), "here")
    except DataError:
        return
    assert all(len(column) == len(counts) for column in events.values())


@pytest.mark.parametrize(
    "said",
    [
        [["counts", "int64", "offsets", 0], 7],
        [["counts", "int64", "offsets", "x"]],
        [["counts", "int64", "offsets", 1 << 200]],
        [["counts", "object", "bytes"]],
        [["counts", "int64", "guesses"]],
        [["counts", "str", "texts", [1]]],
        [["counts", "str", "texts", ["x" * 3_000_000]]],
        [["counts", "int64", "bytes"]],
        {},
        None,
    ],
)
def test_descriptions_that_make_no_sense(said):
    described = zlib.compress(json.dumps(said).encode() + b"\n")
    table = pack({"counts": np.arange(40)})
    _, _, size = struct.unpack_from("<cII", table)
    data = struct.pack("<cII", b"E", 40, len(described)) + described + table[9 + size :]
    with pytest.raises(DataError, match="here/events is damaged"):
        unpack_events(data, "here")
