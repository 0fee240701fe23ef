"""Reading compressed records; `docs/format.md` is the specification of the file.

A chunk's members, each under ``chunks/NNNNNN/``: `events` (records per event and what the file says
of events), the codec's tables of integers (`words` and `corrections`, or `steps`) and `exact`
(values that those do not reach).
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.container import HEADER, MANIFEST, Reader
from aefpga.codec.format import Chunk, Header, Manifest, read_header, read_manifest
from aefpga.codec.members import chunk, number_of, restore_exact, unpack_events
from aefpga.codec.protocol import Codec
from aefpga.codec.registry import find_codec
from aefpga.data.records import Records
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.histograms import Coder
from aefpga.entropy.learned import load_models
from aefpga.entropy.rans import check_size
from aefpga.errors import DataError, RunError, UsageError
from aefpga.schema import Schema

Words = NDArray[np.int64]


class Archive:
    """Compressed records, opened for reading.

    Parameters
    ----------
    path : Path
        The file.
    model : Path or None
        Folder of the files that the codec needs, if this one only refers to them.
    salvage : bool
        Read what is left of a damaged or truncated file; see `skipped`.

    Raises
    ------
    DataError
        If the file cannot be read, or its header is damaged.
    """

    def __init__(self, path: Path, model: Path | None = None, *, salvage: bool = False) -> None:
        self.reader, self._salvage = Reader(path, salvage=salvage), salvage
        self.path, self._model_folder = path, model
        self.header: Header = read_header(self.reader.header, f"{path}: {HEADER}")
        # Chunks that were left out, with the reason.
        self.skipped: dict[int, str] = {}
        self._of_events: set[str] | None = None

    @cached_property
    def schema(self) -> Schema:
        """The columns of the records."""
        return self.header.task({}).schema

    @cached_property
    def manifest(self) -> Manifest:
        """What the writer knew at the end.

        Raises
        ------
        DataError
            If it is damaged, or lists other chunks than there are.
        """
        content = self.reader.manifest
        listed, there = content.get("chunks"), self._numbers()
        # What has no members need not become objects first.
        if isinstance(listed, list) and not len(there) <= len(listed) <= len(self.reader.sizes()):
            raise DataError(
                f"{self.path}: its manifest lists {len(listed):,} chunks, there are {len(there):,}"
            )
        where = f"{self.path}: {MANIFEST}"
        names, version = self.schema.names, self.reader.header["schema"]
        manifest = read_manifest(content, version, names, where)
        if there and there[-1] >= len(manifest.chunks):
            raise DataError(f"{self.path}: its manifest does not list chunk {there[-1]}")
        return manifest

    @property
    def is_cut(self) -> bool:
        """Whether a salvaged file has lost its manifest: what followed is not known."""
        return self._listed() is None

    def chunks(self) -> Sequence[int]:
        """Return the numbers of the file's chunks, as far as they are known."""
        listed, there = self._listed(), self._numbers()
        return range(len(listed) if listed is not None else there[-1] + 1 if there else 0)

    def iterate(self, first: int = 0, last: int | None = None) -> Iterator[Records]:
        """Yield the records of the events from `first` to below `last`, chunk by chunk.

        Of a file without events, one table that says what it kept of them.

        Raises
        ------
        DataError
            If a chunk is damaged (unless salvaging; then it is left out, and named in `skipped`).
        """
        coders, listed = self._coders(), self._listed()
        if listed is None and (first or last is not None):
            raise UsageError(
                f"{self.path} has lost its manifest: which events a chunk holds is not known; "
                "leave --entries out"
            )
        start = 0
        for number in self.chunks():
            stop = start + listed[number].events if listed is not None else sys.maxsize
            if (stop > first and (last is None or start < last)) or start == stop:
                try:
                    records = self._chunk(number, coders)
                except DataError as error:
                    if not self._salvage:
                        raise DataError(
                            f"{error}; `aefpga decompress --skip-damaged` reads other chunks"
                        ) from error
                    self.skipped[number] = str(error)
                else:
                    n = len(records.counts)
                    yield records.between(
                        max(first - start, 0), n if last is None else min(last - start, n)
                    )
            start = stop if listed is not None else 0

    def words(self) -> Iterator[Words]:
        """Yield the latent words of every chunk, as the firmware would send them."""
        coders = self._coders()
        if "words" not in coders:
            raise UsageError(f"{self.path} was made without an autoencoder: it has no latent words")
        for number in self.chunks():
            counts, *_ = unpack_events(
                self.reader.member(f"{chunk(number)}/events"), str(self.path)
            )
            yield coders["words"].decode(self.reader.member(f"{chunk(number)}/words"), counts)

    def models(self) -> dict[str, bytes]:
        """Return the models of conditional entropy coding, by the table that they are for."""
        there = self.reader.sizes()
        members = {name: f"entropy/{name}" for name in self.header.learned}
        # Until version 3 of the format they are NumPy's archives.
        return {
            name: self.reader.member(member if member in there else f"{member}.npz")
            for name, member in members.items()
        }

    @cached_property
    def codec(self) -> Codec:
        """What makes records of tables.

        Raises
        ------
        DataError
            If the header does not say all that it needs.
        RunError
            If it needs the files of a run, and others or none were given.
        """
        header = self.header
        try:
            kind = find_codec(header.codec)
            if header.files.keys() not in [set(files) for files in kind.needs or ((),)]:
                expected = " or ".join(map(str, map(sorted, kind.needs or ((),))))
                raise UsageError(f"its files are {sorted(header.files)}, not {expected}")
            return kind.from_config(header.options, header.task(self._files()))
        except UsageError as error:
            raise DataError(f"{self.path}: {HEADER} is damaged: {error}") from error

    def _files(self) -> dict[str, bytes]:
        """Return the files that the codec needs, compared with their checksums."""
        folder, expected = self._model_folder, self.header.files
        embedded = {name: f"model/{name}" for name in expected}
        if folder is None and embedded and not self.reader.sizes().keys() & embedded.values():
            raise RunError(
                f"{self.path} refers to the model of run {self.header.run} and does not hold it; "
                "name the run that made it with --run"
            )
        try:
            found = {
                name: self.reader.member(member) if folder is None else (folder / name).read_bytes()
                for name, member in embedded.items()
            }
        except OSError as error:
            raise RunError(f"cannot read {error.filename}: {error.strerror}") from error
        if changed := [n for n, c in found.items() if sha256(c).hexdigest() != expected[n]]:
            raise RunError(
                f"{self.path} was made with another {', '.join(changed)} than "
                f"{folder or 'it'} holds: name the run that made it"
            )
        return found

    def _coders(self) -> dict[str, Coder]:
        codec = self.codec
        if unknown := set(self.header.learned) - codec.schemes.keys():
            raise DataError(f"{self.path}: it learned {', '.join(unknown)}, which it does not hold")
        learned: dict[str, Coder] = {
            name: Conditional(codec.schemes[name], load_models(model))
            for name, model in self.models().items()
        }
        return {**codec.coders, **learned}

    def _listed(self) -> Sequence[Chunk] | None:
        """Return what the manifest says of each chunk; None where a salvaged file has lost it."""
        try:
            return self.manifest.chunks
        except DataError:
            if not self._salvage:
                raise
            return None

    def _numbers(self) -> list[int]:
        """Return the numbers of the chunks that there are members of."""
        found = {number_of(name) for name in self.reader.sizes()}
        return sorted(number for number in found if number is not None)

    def _chunk(self, number: int, coders: Mapping[str, Coder]) -> Records:
        where = f"{self.path}: {chunk(number)}"
        packed = self.reader.member(f"{chunk(number)}/events")
        counts, events, is_exact = unpack_events(packed, where)
        self._compare(number, counts, events)
        check_size(int(counts.sum()), len(self.schema), self.path.stat().st_size)
        tables = {}
        for name, coder in coders.items():
            coded = self.reader.member(f"{chunk(number)}/{name}")
            try:
                tables[name] = coder.decode(coded, counts)
            except DataError as error:
                raise DataError(f"{where}/{name}: {error}") from error
        values = self.codec.restore(tables)
        # Until version 3 of the format it is always there, if with nothing in it.
        if is_exact or self.reader.header["schema"] < 4:
            restore_exact(values, self.reader.member(f"{chunk(number)}/exact"), where)
        return Records(self.schema, values, counts, events)

    def _compare(self, number: int, counts: Words, events: Mapping[str, NDArray[Any]]) -> None:
        """Raise DataError if a chunk's events are others than the manifest or other chunks say."""
        where, listed, name = f"{self.path}: {chunk(number)}", self._listed(), self.schema.name
        if listed is not None:
            entry = listed[number]
            if (entry.events, entry.records) != (len(counts), counts.sum()):
                raise DataError(
                    f"{where} holds {len(counts):,} events with {counts.sum():,} {name}, the "
                    f"manifest says {entry.events:,} with {entry.records:,}"
                )
        if self._of_events is None:
            self._of_events = set(events)
        if set(events) != self._of_events:
            raise DataError(f"{where} says other things of its events than the chunks before it")
