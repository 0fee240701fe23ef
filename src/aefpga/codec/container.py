"""The file format of compressed records: a ZIP archive whose members are checked one by one.

`docs/format.md` is the specification, and says why ZIP. Members are stored, for they are dense
already; header and manifest, which are JSON, are deflated. The manifest comes last, so that a file
without one was never finished. Archives stay below 4 GB: that is some 250 million jets.
"""

import hashlib
import json
import math
import mmap
import re
import struct
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from aefpga.errors import DataError
from aefpga.files import atomic_path

SCHEMA_VERSION = 4
MIMETYPE = b"application/x-aejets"
HEADER, MANIFEST = "header.json", "manifest.json"
_DEFLATED = (HEADER, MANIFEST)
# ZIP counts time from here; a file is the same whenever it is written.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# The record at the end of a ZIP archive, before its comment; and the one before a member.
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
# Bytes of the checksum at the end, in base 64; in hexadecimal, as until version 3 of the format.
_BASE64, _HEXADECIMAL = 44, 64
# What `zipfile` raises when it meets damaged fields.
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, struct.error)
# Names of members, and how many there may be.
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,200}$", re.ASCII)
MAX_MEMBERS = 0xFFFF
# Bytes of a header or a manifest, at most.
MAX_JSON = 1 << 24
# How often the length of a file may be read in vain in search of members.
MAX_WASTE = 16


class Writer:
    """Adds members to an archive that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.add("mimetype", MIMETYPE)

    def add(self, name: str, content: bytes) -> int:
        """Store a member and return its size in bytes."""
        info = zipfile.ZipInfo(name, _EPOCH)
        info.external_attr = 0o644 << 16
        info.compress_type = zipfile.ZIP_DEFLATED if name in _DEFLATED else zipfile.ZIP_STORED
        self._archive.writestr(info, content, compresslevel=9)
        return len(content)


@contextmanager
def writing(path: Path, header: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[Writer]:
    """Yield a writer; `header` begins the file, `manifest` as it then is and a checksum end it.

    Complete or not at all: the file gets its name when the body has ended without an error.
    """
    with atomic_path(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            writer = Writer(archive)
            writer.add(HEADER, _json({"schema": SCHEMA_VERSION, **header}))
            yield writer
            writer.add(MANIFEST, _json(manifest))
        with temporary.open("r+b") as stream:
            digest = _digest(stream, temporary.stat().st_size - _END.size, _BASE64)
            # The archive's comment is the one place that a directory leaves for it.
            stream.seek(-2, 2)
            stream.write(struct.pack("<H", len(digest)) + digest)


@dataclass(frozen=True, slots=True)
class _Member:
    offset: int
    size: int
    crc: int
    is_deflated: bool

    def content(self, stored: bytes) -> bytes | None:
        """Return the content that was stored as these bytes, if they are not damaged."""
        if self.is_deflated:
            try:
                # More than is ever written does not fit its checksum either.
                stored = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stored, MAX_JSON + 1)
            except zlib.error:
                return None
        return stored if zlib.crc32(stored) == self.crc else None


_NOTHING = _Member(0, 0, 0, False)


class Reader:
    """An archive opened for reading; members are read when asked for.

    Parameters
    ----------
    path : Path
        File that `writing` made.
    salvage : bool
        Where the directory at the end is damaged or missing, look for members from the start.

    Raises
    ------
    DataError
        If the file is missing, truncated, of another kind, damaged, or of a newer schema.
    """

    def __init__(self, path: Path, *, salvage: bool = False) -> None:
        self.path = path
        try:
            self._stream = path.open("rb")
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        if not self._stream.seekable():
            raise DataError(f"{path} is a pipe; expected a file, which is not read in one go")
        if self._stream.read(30 + 8 + len(MIMETYPE))[30:] != b"mimetype" + MIMETYPE and not salvage:
            raise DataError(
                f"{path} is no file of compressed jets (.aejets), or its start is damaged"
            )
        try:
            self._members = self._directory()
        except _DAMAGED as error:
            if not salvage:
                raise DataError(
                    f"{path} is truncated or its directory is damaged ({error}); "
                    "`aefpga decompress --skip-damaged` reads what is left of it"
                ) from error
            self._members = self._found()
        self.header = self._content(HEADER)
        schema = self.header.get("schema")
        if not isinstance(schema, int) or not 1 <= schema <= SCHEMA_VERSION:
            raise DataError(
                f"{path} has format version {schema}; this program reads up to {SCHEMA_VERSION}: "
                "install a newer aefpga"
            )

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """What the writer knew at the end: numbers of records and chunks, error statistics."""
        return self._content(MANIFEST)

    def member(self, name: str) -> bytes:
        """Return a member's content, checked against its CRC-32.

        Raises
        ------
        DataError
            If it is missing or damaged; it is named.
        """
        if name not in self._members:
            raise DataError(f"{self.path} has no {name}: it is damaged, truncated or incomplete")
        member = self._members[name]
        self._stream.seek(member.offset)
        stored = self._stream.read(member.size)
        content = member.content(stored) if len(stored) == member.size else None
        if content is None:
            raise DataError(f"{self.path}: {name} is damaged (checksum)")
        return content

    def sizes(self) -> dict[str, int]:
        """Return the bytes of every member."""
        return {name: member.size for name, member in self._members.items()}

    def damaged(self) -> list[str]:
        """Return the names of all members that are damaged, and ``directory`` if anything else is.

        A member's CRC-32 covers the member, the SHA-256 at the end all before it, and the record
        that holds the SHA-256 is compared with what it must be.
        """
        found = []
        for name in self._members:
            try:
                self.member(name)
            except DataError:
                found.append(name)
        size = self.path.stat().st_size - _END.size - self._digest_size
        expected = _digest(self._stream, size, self._digest_size)
        self._stream.seek(max(size, 0))
        tail = self._stream.read()
        if not found and tail != self._end(size) + expected:
            found.append("directory")
        return found

    def _content(self, name: str) -> Mapping[str, Any]:
        """Return the object in a member, of numbers that are finite and texts that can be printed.

        Raises
        ------
        DataError
            If there is anything else, or more than is ever written.
        """
        if self._members.get(name, _NOTHING).size > MAX_JSON:
            raise DataError(f"{self.path}: {name} has over {MAX_JSON:,} bytes; it is damaged")
        try:
            content = json.loads(self.member(name), parse_float=_finite, parse_constant=_finite)
            # Halves of surrogate pairs cannot be.
            json.dumps(content, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.path}: {name} is damaged ({error})") from error
        if not isinstance(content, dict):
            raise DataError(f"{self.path}: {name} holds no object; it is damaged")
        return content

    def _directory(self) -> dict[str, _Member]:
        with zipfile.ZipFile(self._stream) as archive:
            self._digest_size = len(archive.comment)
            if self._digest_size not in (_BASE64, _HEXADECIMAL):
                raise ValueError("its end is missing")
            self._start = archive.start_dir
            found = {}
            for info in archive.infolist():
                offset = info.header_offset + _LOCAL.size + len(info.filename.encode())
                method, size = info.compress_type, info.compress_size
                inside = 0 <= info.header_offset <= self._start - size
                if not _is_known(info.filename, method) or not inside:
                    raise ValueError(f"the entry of {info.filename[:100]!r} is damaged")
                found[info.filename] = _Member(offset, size, info.CRC, bool(method))
            if len(found) != len(archive.infolist()) or len(found) > MAX_MEMBERS:
                raise ValueError("names are there twice, or too many")
        # Where members share bytes, reading all would take longer than the file is long.
        places = sorted((member.offset, member.size) for member in found.values())
        if any(end + size > start for (end, size), (start, _) in pairwise(places)):
            raise ValueError("members overlap")
        return found

    def _found(self) -> dict[str, _Member]:
        """Walk from one local header to the next, skipping what is no header."""
        found: dict[str, _Member] = {}
        self._start, self._digest_size = 0, _BASE64
        position, length = 0, self.path.stat().st_size
        if not length:
            return found
        # What only looks like headers must not take forever.
        left = MAX_WASTE * length
        with mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            while left > 0 and (position := data.find(b"PK\3\4", position)) >= 0:
                if position + _LOCAL.size > length:
                    break
                fields = _LOCAL.unpack_from(data, position)
                method, crc, size, name_size = fields[3], fields[6], fields[7], fields[9]
                start = position + _LOCAL.size
                position += len(b"PK\3\4")
                name = data[start : start + name_size].decode("ascii", "replace")
                start += name_size
                if name in found or not _is_known(name, method) or start + size > length:
                    continue
                member = _Member(start, size, crc, bool(method))
                is_whole = member.content(data[start : start + size]) is not None
                if is_whole and len(found) < MAX_MEMBERS:
                    found[name] = member
                    position = start + size
                else:
                    left -= size
        return found

    def _end(self, size: int) -> bytes:
        n = len(self._members)
        return _END.pack(b"PK\5\6", 0, 0, n, n, size - self._start, self._start, self._digest_size)


def _is_known(name: str, method: int) -> bool:
    """Whether a member may have this name, and be packed by this method."""
    deflated = method == zipfile.ZIP_DEFLATED and name in _DEFLATED
    return bool(_NAME.match(name)) and (method == zipfile.ZIP_STORED or deflated)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:20]} is no number that is written")
    return number


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def _digest(stream: Any, size: int, length: int) -> bytes:
    """Return the SHA-256 of the first `size` bytes, in so many characters."""
    digest = hashlib.sha256()
    stream.seek(0)
    while size > 0 and (block := stream.read(min(size, 1 << 20))):
        digest.update(block)
        size -= len(block)
    return b64encode(digest.digest()) if length == _BASE64 else digest.hexdigest().encode()
