"""A chunk's members that are no tables of integers: its events, and values kept exactly."""

import io
import re
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec import coded_events
from aefpga.data.records import Records
from aefpga.entropy.rans import MAX_LENGTH
from aefpga.errors import DataError
from aefpga.files import load_arrays

Floats = NDArray[np.float32]
Words = NDArray[np.int64]

# What a chunk says of its events, unpacked, at most; and 20 times what it takes packed.
MAX_EVENT_BYTES = 32_000_000
# What a tree may have a branch of.
_BRANCH = re.compile(r"[A-Za-z_]\w{0,199}$", re.ASCII)
_OF_CHUNK = re.compile(r"chunks/([0-9]{6})/(\w+)$", re.ASCII)
# Begins the names of what a file says of its events.
EVENT = "event/"
# The column that is there where values are kept exactly.
EXACT = "exact"


def chunk(number: int) -> str:
    """Return where a chunk's members are."""
    return f"chunks/{number:06d}"


def number_of(name: str) -> int | None:
    """Return the number of the chunk that a member belongs to, if to any."""
    match = _OF_CHUNK.match(name)
    return int(match[1]) if match else None


def part_of(name: str) -> str | None:
    """Return which part of what a chunk holds a member is, ``models`` of what was learned."""
    match = _OF_CHUNK.match(name)
    return match[2] if match else "models" if name.startswith("entropy/") else None


def pack_events(records: Records, *, is_exact: bool) -> bytes:
    """Return records per event and what the file says of events.

    Where values of the records are kept exactly, it is said here: nobody misses what may be left
    out.
    """
    columns: dict[str, NDArray[Any]] = {"counts": records.counts}
    if is_exact:
        columns[EXACT] = np.ones(len(records.counts), bool)
    columns |= {f"{EVENT}{name}": column for name, column in records.events.items()}
    if coded_events.can_code(columns):
        return coded_events.pack(columns)
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **columns)
    # As a whole, for names and descriptions of columns repeat each other.
    return zlib.compress(stream.getvalue())


def unpack_events(data: bytes, where: str) -> tuple[Words, dict[str, NDArray[Any]], bool]:
    """Return what `pack_events` was given: records per event, columns, whether values are exact.

    Raises
    ------
    DataError
        If it is damaged.
    """
    try:
        limit = MAX_EVENT_BYTES + 20 * len(data)
        saved = _columns(data, limit)
        counts, is_exact = saved.pop("counts"), saved.pop(EXACT, None) is not None
    except (ValueError, KeyError, DataError, zlib.error) as error:
        raise DataError(f"{where}/events is damaged ({error})") from error
    events = {name.removeprefix(EVENT): column for name, column in saved.items()}
    if counts.ndim != 1 or counts.dtype.kind not in "iu":
        raise DataError(f"{where}/events is damaged: records per event are no row of integers")
    for name, column in events.items():
        is_known = column.dtype.name in coded_events.NUMBERS or column.dtype.kind == "U"
        if not _BRANCH.match(name) or not is_known:
            raise DataError(f"{where}/events is damaged: {name[:100]!r} of {column.dtype}")
        if column.shape != counts.shape:
            raise DataError(f"{where}/events is damaged: its columns differ in length")
    if np.any((counts < 0) | (counts > MAX_LENGTH)) or counts.sum(dtype=np.uint64) > MAX_LENGTH:
        raise DataError(f"{where}/events is damaged: a chunk has at most {MAX_LENGTH} records")
    counts = counts.astype(np.int64)
    return counts, events, is_exact


def _columns(data: bytes, limit: int) -> dict[str, NDArray[Any]]:
    if data.startswith(coded_events.MAGIC):
        return coded_events.unpack(data, limit)
    # Until version 2 of the format, a ZIP archive.
    if not data.startswith(b"PK"):
        data = zlib.decompressobj().decompress(data, limit)
    return load_arrays(io.BytesIO(data), limit)


def pack_exact(exact: NDArray[np.bool_], values: Floats) -> bytes:
    """Return the values that are kept as they are, with their places."""
    places = np.flatnonzero(exact)
    apart = np.diff(places, prepend=0).astype("<u4").tobytes()
    return zlib.compress(apart + values[exact].astype("<f4").tobytes(), 9)


def restore_exact(back: Floats, data: bytes, where: str) -> None:
    """Put the values that were kept into their places; raise DataError if they are damaged."""
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(data, 8 * back.size + 8)
        if not unpacking.eof:
            raise ValueError("it is cut off, or more than there are values")
        places = np.cumsum(np.frombuffer(content[: len(content) // 2], "<u4").astype(np.int64))
        back.flat[places] = np.frombuffer(content[len(content) // 2 :], "<f4")
    except (zlib.error, ValueError, IndexError) as error:
        raise DataError(f"{where}/exact is damaged ({error})") from error
