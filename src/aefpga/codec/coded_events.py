"""What files say of events as integers that are entropy-coded: records per event, and columns.

Integers are coded as differences to the event before, or to the smallest one; text as its place
among all texts that occur; other numbers are kept as they are, byte by byte.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.gated import GatedHistograms
from aefpga.entropy.rans import MAX_CELLS, MAX_STEPS

Words = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

# Begins what is coded so; other members of events begin otherwise.
MAGIC = b"E"
NUMBERS = (
    "bool",
    *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)),
    "float32",
    "float64",
)
# What begins a member: this, number of events, and size of the description.
_HEADER = struct.Struct("<cII")


def can_code(columns: Mapping[str, NDArray[Any]]) -> bool:
    """Whether there are events, and a reader would believe in tables of this size."""
    return 0 < len(columns) * max(map(len, columns.values())) <= MAX_CELLS


def pack(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Return bytes for columns of equal length."""
    said: list[list[Any]] = []
    steps, raw = [], []
    for name, column in columns.items():
        form, found = _form(column)
        said.append([name, column.dtype.name, *form])
        if found is None:
            raw.append(np.ascontiguousarray(column).view(np.uint8).reshape(len(column), -1).T)
        else:
            steps.append(found)
    description = json.dumps(said, separators=(",", ":")).encode() + b"\n"
    described = zlib.compress(description + b"".join(r.tobytes() for r in raw), 9)
    n = len(next(iter(columns.values())))
    coded = b""
    if steps:
        table = np.stack(steps, axis=1)
        coded = _coder(len(steps)).encode(table, np.array([n]))
    return _HEADER.pack(MAGIC, n, len(described)) + described + coded


def unpack(data: bytes, limit: int) -> Columns:
    """Return what `pack` was given; raise ValueError if it is damaged, or takes more bytes."""
    try:
        _, n, size = _HEADER.unpack_from(data)
        start = _HEADER.size + size
        content = zlib.decompressobj().decompress(data[_HEADER.size : start], limit)
        description, _, raw = content.partition(b"\n")
        said = [_Said(*entry) for entry in json.loads(description)]
        n_coded = sum(one.is_coded for one in said)
        table = np.zeros((n, 0), np.int64)
        if n_coded:
            table = _coder(n_coded).decode(data[start:], np.array([n]))
        numbers, found = iter(table.T), Columns()
        for one in said:
            if one.is_coded:
                found[one.name] = one.column(next(numbers), limit)
                continue
            width = n * np.dtype(one.kind).itemsize
            octets, raw = np.frombuffer(raw[:width], np.uint8), raw[width:]
            found[one.name] = octets.reshape(-1, n).T.copy().view(one.kind).reshape(n)
        if raw or len(found) != len(said):
            raise ValueError("it holds more than it says")
        return found
    except (
        struct.error, TypeError, IndexError, RecursionError, zlib.error, OverflowError
    ) as error:  # fmt: skip
        raise ValueError(str(error)) from error


class _Said:
    """What is said of a column: its name, its type, and how it became steps, if it did."""

    def __init__(self, name: str, kind: str, how: str, start: Any = None) -> None:
        self.name, self.kind, self._how, self._start = name, kind, how, start
        is_text = how == "texts"
        if not isinstance(name, str) or how not in ("sums", "offsets", "texts", "bytes"):
            raise ValueError("a column without a name, or made in a way that is not known")
        if not is_text and kind not in NUMBERS:
            raise ValueError(f"a column of {str(kind)[:100]}")
        if how in ("sums", "offsets"):
            self._start = int(start)
        if is_text and not all(isinstance(text, str) for text in start):
            raise ValueError("texts that are none")

    @property
    def is_coded(self) -> bool:
        """Whether there are steps of it."""
        return self._how != "bytes"

    def column(self, steps: Words, limit: int) -> NDArray[Any]:
        """Return the column of which these are the steps."""
        if self._how == "texts":
            texts = np.array(self._start, np.str_)
            if len(steps) * texts.dtype.itemsize > limit:
                raise ValueError("texts are too long")
            return np.asarray(texts[steps])
        found = (np.cumsum(steps) if self._how == "sums" else steps) + self._start
        return np.asarray(found.astype(self.kind))


def _form(column: NDArray[Any]) -> tuple[list[Any], Words | None]:
    """Return how a column is made of steps, and these; None where it is kept byte by byte."""
    if column.dtype.kind == "U":
        texts, places = np.unique(column, return_inverse=True)
        return ["texts", texts.tolist()], places.astype(np.int64)
    if column.dtype.kind in "iub" and len(column) and int(column.max()) < 1 << 62:
        numbers = column.astype(np.int64)
        least, first = int(numbers.min()), int(numbers[0])
        offsets, differences = numbers - least, np.diff(numbers, prepend=first)
        ways = {"offsets": (least, offsets), "sums": (first, differences)}
        how = min(ways, key=lambda name: _bits(ways[name][1]))
        start, steps = ways[how]
        if least > -(1 << 62) and np.abs(steps).max() <= MAX_STEPS:
            # As text, for readers whose numbers are floats.
            return [how, str(start)], steps
    return ["bytes"], None


def _bits(steps: Words) -> float:
    """Return about how many bits steps take, with a histogram of what occurs."""
    _, often = np.unique(steps, return_counts=True)
    return float(often @ np.log2(len(steps) / often)) + 8 * len(often)


def _coder(n_columns: int) -> GatedHistograms:
    return GatedHistograms([None] * n_columns, [(j,) for j in range(n_columns)])
