"""Reading compressed jets; `docs/format.md` is the specification of the file.

A chunk's members, each under ``chunks/NNNNNN/``: `events` (jets per event and what the file says
of events), tables of integers (`words` and `corrections`, or `steps`) and `exact` (values that
those do not reach).
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from aefpga.codec.bounds import Profile
from aefpga.codec.conditional import Conditional
from aefpga.codec.container import Reader
from aefpga.codec.histograms import Coder
from aefpga.codec.learned import load_models
from aefpga.codec.manifest import ChunkEntry, Manifest
from aefpga.codec.members import chunk, number_of, restore_exact, unpack_events
from aefpga.codec.model import MODEL_FILES, Model
from aefpga.codec.quantization import Autoencoding, Quantization, Scalar
from aefpga.codec.rans import check_size
from aefpga.config import problems_of
from aefpga.data.records import Records
from aefpga.errors import DataError, RunError, UsageError
from aefpga.files import sha256_of
from aefpga.schema import JETS, Schema

Words = NDArray[np.int64]


class Header(BaseModel):
    """What a file says of itself at its start; `docs/format.md` explains each."""

    model_config = ConfigDict(frozen=True)

    aefpga: str = "of unknown version"
    run: str | None = None
    variables: tuple[str, ...]
    max_error: Profile | None
    encoder: str | None
    model: Mapping[str, str] = {}
    quantization: Literal["autoencoder", "scalar"] = "autoencoder"
    entropy: Mapping[Literal["words", "corrections", "steps"], Literal["conditional"]] = {}

    @field_validator("variables")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            found = JETS.select(names)
        except UsageError as error:
            raise ValueError(str(error)) from error
        if not found.holds(*JETS.sets["4"]):
            raise ValueError("pt, eta, phi and mass were expected")
        return names


class Archive:
    """Compressed jets, opened for reading.

    Parameters
    ----------
    path : Path
        The file.
    model : Path or None
        Folder of the model, for a file that only refers to it by hash.
    salvage : bool
        Read what is left of a damaged or truncated file; see `skipped`.
    """

    def __init__(self, path: Path, model: Path | None = None, *, salvage: bool = False) -> None:
        self.reader, self._salvage = Reader(path, salvage=salvage), salvage
        self.path, self._model_folder = path, model
        try:
            header = Header.model_validate(self.reader.header)
        except ValidationError as error:
            raise DataError(f"{path}: its header is damaged:\n{problems_of(error)}") from error
        self.schema: Schema = JETS.select(header.variables)
        self.profile, self.header = header.max_error, header
        # Chunks that were left out, with the reason.
        self.skipped: dict[int, str] = {}
        self._of_events: set[str] | None = None

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
        try:
            manifest = Manifest.model_validate(content)
        except ValidationError as error:
            raise DataError(
                f"{self.path}: its manifest is damaged:\n{problems_of(error)[:1000]}"
            ) from error
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
        """Yield the jets of the events from `first` to below `last`, chunk by chunk.

        Raises
        ------
        DataError
            If a chunk is damaged (unless salvaging; then it is left out, and named in `skipped`).
        """
        quantization = self._quantization()
        coders, listed = self._coders(quantization), self._listed()
        if listed is None and (first or last is not None):
            raise UsageError(
                f"{self.path} has lost its manifest: which events a chunk holds is not known; "
                "leave --entries out"
            )
        start = 0
        for number in self.chunks():
            stop = start + listed[number].events if listed is not None else sys.maxsize
            if stop > first and (last is None or start < last):
                try:
                    jets = self._chunk(number, quantization, coders)
                except DataError as error:
                    if not self._salvage:
                        raise
                    self.skipped[number] = str(error)
                else:
                    end = len(jets.counts) if last is None else min(last - start, len(jets.counts))
                    yield jets.between(max(first - start, 0), end)
            start = stop if listed is not None else 0

    def words(self) -> Iterator[Words]:
        """Yield the latent words of every chunk, as the firmware would send them."""
        coders = self._coders(self._quantization())
        if "words" not in coders:
            raise UsageError(f"{self.path} was made without an autoencoder: it has no latent words")
        for number in self.chunks():
            counts, _ = unpack_events(self.reader.member(f"{chunk(number)}/events"), str(self.path))
            yield coders["words"].decode(self.reader.member(f"{chunk(number)}/words"), counts)

    def _listed(self) -> Sequence[ChunkEntry] | None:
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

    def models(self) -> dict[str, bytes]:
        """Return the models of conditional entropy coding, by the table that they are for."""
        return {name: self.reader.member(f"entropy/{name}.npz") for name in self.header.entropy}

    def _chunk(
        self, number: int, quantization: Quantization, coders: Mapping[str, Coder]
    ) -> Records:
        where = f"{self.path}: {chunk(number)}"
        counts, events = unpack_events(self.reader.member(f"{chunk(number)}/events"), where)
        self._compare(number, counts, events)
        check_size(int(counts.sum()), len(self.schema.names), self.path.stat().st_size)
        tables = {}
        for name, coder in coders.items():
            try:
                tables[name] = coder.decode(self.reader.member(f"{chunk(number)}/{name}"), counts)
            except DataError as error:
                raise DataError(f"{where}/{name}: {error}") from error
        back = quantization.jets(tables)
        restore_exact(back, self.reader.member(f"{chunk(number)}/exact"), where)
        return Records(self.schema, back, counts, events)

    def _compare(self, number: int, counts: Words, events: Mapping[str, NDArray[Any]]) -> None:
        """Raise DataError if a chunk's events are others than the manifest or other chunks say."""
        where, listed = f"{self.path}: {chunk(number)}", self._listed()
        if listed is not None:
            entry = listed[number]
            if (entry.events, entry.jets) != (len(counts), counts.sum()):
                raise DataError(
                    f"{where} holds {len(counts):,} events with {counts.sum():,} jets, the "
                    f"manifest says {entry.events:,} with {entry.jets:,}"
                )
        if self._of_events is None:
            self._of_events = set(events)
        if set(events) != self._of_events:
            raise DataError(f"{where} says other things of its events than the chunks before it")

    def _quantization(self) -> Quantization:
        if self.header.quantization == "scalar":
            if self.profile is None:
                raise DataError(f"{self.path}: its header states no error bound; it is damaged")
            return Scalar(self.profile, self.schema)
        if self.profile is None and self.header.encoder is None:
            raise DataError(f"{self.path}: its header names neither an encoder nor a bound")
        return Autoencoding(self._load_model(), self.profile, self.schema)

    def _coders(self, quantization: Quantization) -> dict[str, Coder]:
        if unknown := self.header.entropy.keys() - quantization.schemes.keys():
            raise DataError(f"{self.path}: it learned {', '.join(unknown)}, which it does not hold")
        learned: dict[str, Coder] = {
            name: Conditional(quantization.schemes[name], load_models(model))
            for name, model in self.models().items()
        }
        return {**quantization.coders, **learned}

    def _load_model(self) -> Model | None:
        expected = self.header.encoder
        if expected is None:
            return None
        if self._model_folder is None and "model/encoder.json" not in self.reader.sizes():
            raise RunError(
                f"{self.path} refers to its encoder {expected[:16]}… and does not hold it; name "
                "the run that made it with --run"
            )
        if self._model_folder is not None:
            model = Model.load(self._model_folder, self.schema)
            hashes = {name: sha256_of(self._model_folder / name) for name in MODEL_FILES}
            if changed := [n for n, h in self.header.model.items() if hashes.get(n) != h]:
                raise RunError(
                    f"{self.path} was made with another {', '.join(changed)} than "
                    f"{self._model_folder} holds: name the run that made it"
                )
        else:
            with tempfile.TemporaryDirectory() as scratch:
                for name in MODEL_FILES:
                    (Path(scratch) / name).write_bytes(self.reader.member(f"model/{name}"))
                model = Model.load(Path(scratch), self.schema)
        if model.spec.input.variables != self.schema.names:
            raise DataError(f"{self.path}: its header names other variables than its encoder")
        return model
