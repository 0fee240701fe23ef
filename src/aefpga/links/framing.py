"""Events on a link, one after the other: a header, the packed words of the records, checksums.

A capture is such frames and nothing else. Whatever is damaged in it is known by its place, and the
reading goes on with the next frame. The format is documented in docs/link.md.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from aefpga.fixedpoint import EncoderSpec
from aefpga.links.packing import Bytes, Packing, Words

MAGIC = b"AEFR"
VERSION = 1
# Magic, version, bytes of a record, encoder, event, number of records; then their checksum.
FIELDS = struct.Struct("<4sHH8sQI")
CHECKSUM = struct.Struct("<I")
HEADER_BYTES = FIELDS.size + CHECKSUM.size
# Of a frame. Bounds what one header can make a reader do.
MAX_RECORDS = 4096


@dataclass(frozen=True)
class Frame:
    """One event.

    Parameters
    ----------
    event : int
        Its number, of 64 bits without a sign.
    packed : ndarray of uint8, shape (n_records, n_bytes)
        The words of each record; see `Framing.pack`.
    """

    event: int
    packed: Bytes

    @property
    def n_bytes(self) -> int:
        """Size of the frame with header and checksums."""
        return HEADER_BYTES + self.packed.size + CHECKSUM.size


@dataclass(frozen=True)
class Damage:
    """A part of a capture that is no sound frame.

    Parameters
    ----------
    offset, n_bytes : int
        Where it lies.
    reason : str
        What is wrong.
    """

    offset: int
    n_bytes: int
    reason: str

    def __str__(self) -> str:
        """Say where and what, on a line."""
        return f"{self.n_bytes:,} bytes at offset {self.offset:,}: {self.reason}"


class Framing:
    """The frames of one encoder.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder, known in frames by its latent words: the trigger may be another.
    one_per_event : bool
        Whether each frame has one record, as where the record is the event.
    """

    def __init__(self, spec: EncoderSpec, *, one_per_event: bool = False) -> None:
        total = spec.input.total
        self._latent = spec.outputs["latent words"]
        self._outputs = Packing(spec.output_type)
        # What stands in front of the firmware makes this word, and so it has bytes of its own.
        self._total = None if total is None else Packing(total.type)
        self._one_per_event = one_per_event
        self._encoder = bytes.fromhex(spec.latent_hash)[:8]

    @property
    def record_bytes(self) -> int:
        """Number of bytes of a record."""
        return self._outputs.n_bytes + (self._total.n_bytes if self._total else 0)

    def pack(self, words: Words) -> Bytes:
        """Return the bytes of records.

        Parameters
        ----------
        words : ndarray of int64, shape (n_records, n_words)
            What the firmware puts out, and behind it the word of a sum, where one is sent.

        Returns
        -------
        ndarray of uint8, shape (n_records, record_bytes)
        """
        if self._total is None:
            return self._outputs.pack(words)
        return np.hstack([self._outputs.pack(words[:, :-1]), self._total.pack(words[:, -1:])])

    def sent(self, packed: Bytes) -> Words:
        """Return the words that a decoder takes, as of `EncoderSpec.sent`, of records' bytes."""
        end = self._outputs.n_bytes
        latent = self._outputs.unpack(packed[:, :end])[:, self._latent]
        if self._total is None:
            return latent
        return np.hstack([latent, self._total.unpack(packed[:, end:])])

    def to_bytes(self, frame: Frame) -> bytes:
        """Return a frame as it travels.

        Raises
        ------
        ValueError
            If the event has more than `MAX_RECORDS` records.
        """
        n_records, n_bytes = frame.packed.shape
        if n_records > MAX_RECORDS:
            raise ValueError(f"{n_records} records, a frame holds {MAX_RECORDS} at most")
        header = FIELDS.pack(MAGIC, VERSION, n_bytes, self._encoder, frame.event, n_records)
        content = header + CHECKSUM.pack(crc32(header)) + frame.packed.tobytes()
        return content + CHECKSUM.pack(crc32(content))

    def frames(self, content: Any) -> Iterator[Frame | Damage]:
        """Yield, in order, the frames of a capture and what lies between them.

        Parameters
        ----------
        content : bytes or mmap
            The capture; nothing is copied but one frame at a time.
        """
        place = 0
        while place < len(content):
            found = self._frame(content, place)
            if isinstance(found, Frame):
                yield found
                place += found.n_bytes
            else:
                following = _next_header(content, place + 1)
                yield Damage(place, following - place, found)
                place = following

    def _frame(self, content: Any, place: int) -> Frame | str:
        """Return the frame that begins here, or why there is none."""
        header = content[place : place + HEADER_BYTES]
        if not header.startswith(MAGIC):
            return "no frame begins here"
        if len(header) < HEADER_BYTES:
            return "a frame is cut off within its header"
        if not _is_header(header):
            return "a frame's header does not match its checksum"
        _, version, n_bytes, encoder, event, n_records = FIELDS.unpack_from(header)
        if version != VERSION:
            return f"event {event} is in version {version} of the format, this reads {VERSION}"
        if (encoder, n_bytes) != (self._encoder, self.record_bytes):
            return (
                f"event {event} has {n_bytes} bytes a record of encoder {encoder.hex()}…; expected "
                f"{self.record_bytes} of {self._encoder.hex()}…"
            )
        if n_records > MAX_RECORDS or (self._one_per_event and n_records != 1):
            most = "1" if self._one_per_event else f"{MAX_RECORDS} at most"
            return f"event {event} claims {n_records:,} records; expected {most}"
        end = place + HEADER_BYTES + n_records * n_bytes
        if end + CHECKSUM.size > len(content):
            return f"event {event} is cut off: it claims {n_records} records"
        body = content[place:end]
        if CHECKSUM.pack(crc32(body)) != content[end : end + CHECKSUM.size]:
            return f"event {event} does not match its checksum"
        packed = np.frombuffer(body, np.uint8, offset=HEADER_BYTES)
        return Frame(event, packed.reshape(n_records, n_bytes))


def _is_header(header: bytes) -> bool:
    checksum = CHECKSUM.pack(crc32(header[: FIELDS.size]))
    return len(header) == HEADER_BYTES and checksum == header[FIELDS.size :]


def _next_header(content: Any, start: int) -> int:
    """Return where the next sound header is, or the end."""
    while (place := content.find(MAGIC, start)) >= 0:
        if _is_header(content[place : place + HEADER_BYTES]):
            return int(place)
        start = place + 1
    return len(content)
