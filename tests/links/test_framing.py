"""Frames, whole and damaged."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aefpga.fixedpoint import Score, Trigger
from aefpga.fixedpoint.example import random_spec
from aefpga.fixedpoint.total import Total
from aefpga.links.framing import (
    CHECKSUM,
    FIELDS,
    HEADER_BYTES,
    MAGIC,
    MAX_RECORDS,
    Damage,
    Frame,
    Framing,
)
from aefpga.links.packing import Packing

SPEC = random_spec((3, 4, 3), 5)
FRAMING = Framing(SPEC)
N_BYTES = FRAMING.record_bytes


def frame(event, n, seed=0):
    rng = np.random.default_rng(seed)
    return Frame(event, rng.integers(0, 256, (n, N_BYTES)).astype(np.uint8))


FRAMES = [frame(7, 3, 1), frame(2**64 - 1, 0), frame(8, 1, 2), frame(9, 20, 3)]
PARTS = [FRAMING.to_bytes(f) for f in FRAMES]
CAPTURE = b"".join(PARTS)


def read(content):
    found = list(FRAMING.frames(content))
    events = [f.event for f in found if isinstance(f, Frame)]
    return events, [f for f in found if isinstance(f, Damage)]


def test_frames_come_back():
    found = list(FRAMING.frames(CAPTURE))
    assert [f.event for f in found] == [f.event for f in FRAMES]
    for one, other in zip(found, FRAMES, strict=True):
        np.testing.assert_array_equal(one.packed, other.packed)


def test_the_bytes_are_those_of_the_documentation():
    content = PARTS[0]
    assert content[:4] == b"AEFR"
    assert int.from_bytes(content[4:6], "little") == 1
    assert int.from_bytes(content[6:8], "little") == N_BYTES
    assert content[8:16] == bytes.fromhex(SPEC.latent_hash[:16])
    assert int.from_bytes(content[16:24], "little") == 7
    assert int.from_bytes(content[24:28], "little") == 3
    assert int.from_bytes(content[28:32], "little") == crc32(content[:28])
    assert content[32:-4] == FRAMES[0].packed.tobytes()
    assert int.from_bytes(content[-4:], "little") == crc32(content[:-4])


@given(st.integers(0, len(CAPTURE) - 1), st.integers(1, 255))
def test_a_changed_byte_costs_its_frame_alone(place, change):
    content = bytearray(CAPTURE)
    content[place] ^= change
    events, damaged = read(bytes(content))
    ends = np.cumsum([len(part) for part in PARTS])
    hit = int(np.searchsorted(ends, place, side="right"))
    assert events == [f.event for i, f in enumerate(FRAMES) if i != hit]
    assert [(d.offset, d.n_bytes) for d in damaged] == [
        (ends[hit] - len(PARTS[hit]), len(PARTS[hit]))
    ]


@given(st.integers(0, len(CAPTURE)), st.binary(max_size=40), st.integers(0, 50))
def test_bytes_lost_or_added_cost_no_frame_that_they_do_not_touch(place, added, lost):
    content = CAPTURE[:place] + added + CAPTURE[place + lost :]
    events, damaged = read(content)
    ends = np.cumsum([len(part) for part in PARTS])
    starts = ends - [len(part) for part in PARTS]
    untouched = (ends <= place) | (starts >= place + lost)
    assert {f.event for f, kept in zip(FRAMES, untouched, strict=True) if kept} <= set(events)
    sound = [part for f, part in zip(FRAMES, PARTS, strict=True) if f.event in events]
    assert bool(damaged) == (content != b"".join(sound))


@given(st.binary(max_size=200))
def test_nothing_is_made_of_noise(noise):
    events, damaged = read(noise)
    assert not events
    assert sum(d.n_bytes for d in damaged) == len(noise)


def header(n_bytes=N_BYTES, event=1, n_records=1, version=1, encoder=SPEC.latent_hash):
    fields = FIELDS.pack(MAGIC, version, n_bytes, bytes.fromhex(encoder)[:8], event, n_records)
    return fields + CHECKSUM.pack(crc32(fields))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (header(n_records=2**32 - 1), "claims 4,294,967,295 records; expected 4096 at most"),
        (header(n_records=MAX_RECORDS), "is cut off: it claims 4096 records"),
        (header(n_bytes=65535), "65535 bytes a record"),
        (header(version=2), "version 2"),
        (header(encoder="ab" * 32), "of encoder abababababababab"),
        (header()[:20], "cut off within its header"),
        (MAGIC * 8, "does not match its checksum"),
    ],
)
def test_what_a_header_claims_is_checked(content, reason):
    events, damaged = read(content + PARTS[0])
    assert events == [7]
    assert (damaged[0].offset, damaged[0].n_bytes) == (0, len(content))
    assert reason in str(damaged[0]) or len(content) < HEADER_BYTES


def test_a_record_that_is_the_event_is_alone_in_its_frame():
    found = list(Framing(SPEC, one_per_event=True).frames(CAPTURE))
    assert [getattr(f, "event", None) for f in found] == [None, None, 8, None]
    assert "claims 3 records; expected 1" in str(found[0])


def test_scores_are_no_words_of_a_decoder_and_sums_are():
    spec = random_spec((1, 2), 5)
    spec = replace(
        spec,
        input=replace(spec.input, total=Total(14)),
        trigger=Trigger(Score.exact("absolutes", spec.latent_type), 3),
    )
    framing = Framing(spec)
    latent, records = np.array([[1, -2], [-8, 7]]), np.array([[5.0], [1000.0]])
    words = spec.sent(records, spec.outputs_of(latent))
    packed = framing.pack(words)
    # What the firmware sends, and a byte for the sum's word.
    assert framing.record_bytes == Packing(spec.output_type).n_bytes + 1
    np.testing.assert_array_equal(packed[:, -1], Total(14).words(records))
    np.testing.assert_array_equal(framing.sent(packed), spec.sent(records, latent))


def test_more_records_than_a_frame_holds_are_refused():
    with pytest.raises(ValueError, match="4097 records"):
        FRAMING.to_bytes(frame(1, MAX_RECORDS + 1))


def test_an_encoder_is_known_whatever_its_trigger():
    triggers = [Trigger(Score.exact("absolutes", SPEC.latent_type), n) for n in (3, 9)]
    one, other = (Framing(replace(SPEC, trigger=trigger)) for trigger in triggers)
    packed = np.zeros((1, one.record_bytes), np.uint8)
    assert one.to_bytes(Frame(1, packed)) == other.to_bytes(Frame(1, packed))
