"""Changes, drawn by chance, to what the members of a compressed file hold."""

import hashlib
import io
import json
import struct
import zlib

import numpy as np
from hypothesis import strategies as st

from aefpga.codec.coded_events import unpack

NASTY = [
    None, True, -1, 0, 1, 7, 1 << 31, 1 << 70, 0.5, 1e308, 5e-324, "", "x", "\ud800", "pt",
    [], {}, [[]], [None], ["pt"], {"a": 1},
]  # fmt: skip
TYPES = ["?", "i1", "<i4", "<i8", "<u8", "<f4", "<f8", ">i8", "<U3", "<c16"]


def json_changed(draw, content):
    """JSON with one value at a place of chance exchanged, left out or repeated."""
    whole = place = json.loads(content)
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        deeper = isinstance(place[key], dict | list) and place[key]
        if not deeper or draw(st.booleans()):
            break
        place = place[key]
    if draw(st.booleans()):
        place[key] = draw(st.sampled_from(NASTY))
    elif draw(st.booleans()):
        del place[key]
    elif isinstance(place, list):
        place += place
    else:
        place["more"] = place[key]
    if isinstance(whole, dict) and "checksum" in whole:
        rest = {k: v for k, v in whole.items() if k not in ("schema", "checksum")}
        whole["checksum"] = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    return json.dumps(whole).encode()


def arrays_changed(draw, content):
    """An archive of arrays, one of them of another type, shape or value, or missing."""
    with np.load(io.BytesIO(content)) as saved:
        arrays = dict(saved)
    name = draw(st.sampled_from(sorted(arrays)))
    array = arrays[name]
    match draw(st.sampled_from(["type", "shape", "value", "cut", "twice", "drop", "add"])):
        case "type":
            arrays[name] = array.astype(draw(st.sampled_from(TYPES)))
        case "shape":
            arrays[name] = array.reshape(draw(st.sampled_from([(-1, 1), (1, -1), (-1,)])))
        case "value" if array.size:
            array = arrays[name] = array.copy()
            value = draw(st.sampled_from([-(1 << 40), -129, -1, 0, 1, 255, 1 << 20, 1 << 40]))
            array.flat[draw(st.integers(0, array.size - 1))] = np.array(value).astype(array.dtype)
        case "cut":
            arrays[name] = array.ravel()[: draw(st.integers(0, 3))]
        case "twice":
            arrays[name] = np.tile(array, 2)
        case "drop":
            del arrays[name]
        case _:
            arrays[draw(st.sampled_from(["event/pt", "event/a b", "event/", "x"]))] = array
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def bytes_changed(draw, content):
    """Bytes with some of them written over, cut off or repeated."""
    found = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        # The start of a stream says how long it is.
        place = draw(st.integers(0, min(16, len(found))) | st.integers(0, len(found)))
        match draw(st.sampled_from(["write", "cut", "repeat"])):
            case "write":
                found[place : place + 4] = draw(st.binary(min_size=1, max_size=4))
            case "cut":
                del found[place:]
            case _:
                found[place:place] = found[:40]
    return bytes(found)


def events_changed(draw, content):
    """Coded events that are described otherwise, or events not coded, with one column changed."""
    if draw(st.booleans()):
        stream = io.BytesIO()
        np.savez(stream, **unpack(content, 1 << 20))
        return zlib.compress(arrays_changed(draw, stream.getvalue()))
    _, n, size = struct.unpack_from("<cII", content)
    said, _, raw = zlib.decompress(content[9 : 9 + size]).partition(b"\n")
    described = zlib.compress(json_changed(draw, said) + b"\n" + raw)
    return struct.pack("<cII", b"E", n, len(described)) + described + content[9 + size :]


def member_changed(draw, name, content):
    """A member's content, changed in a way that goes deep."""
    if name.endswith(".json"):
        return json_changed(draw, content)
    if draw(st.booleans()):
        return bytes_changed(draw, content)
    if name.endswith(".npz"):
        return arrays_changed(draw, content)
    if name.startswith("entropy/"):
        return zlib.compress(arrays_changed(draw, zlib.decompress(content)))
    if name.endswith("events"):
        return events_changed(draw, content)
    if name.endswith("exact"):
        return zlib.compress(bytes_changed(draw, zlib.decompress(content) or bytes(16)))
    return bytes_changed(draw, content)
