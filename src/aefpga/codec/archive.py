"""Compressed jets: chunks of latent words, corrections and exact values, written and read.

A chunk's members, each under ``chunks/NNNNNN/``: `events` (jets per event and what the file says of
events), `words` (latent words), `corrections` (steps to the bound, where there is one) and `exact`
(values that neither reaches). `docs/format.md` is the specification.
"""

import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.bounds import Corrector, Profile
from aefpga.codec.container import Reader, Writer
from aefpga.codec.decoder import Decoder
from aefpga.codec.rans import (
    MAX_LENGTH,
    MAX_SYMBOL,
    SYMBOL_BITS,
    decode_columns,
    decode_steps,
    encode_columns,
    encode_steps,
)
from aefpga.data.jets import Jets
from aefpga.errors import DataError, RunError, UsageError
from aefpga.files import sha256_of
from aefpga.fixedpoint import Emulator, EncoderSpec
from aefpga.normalise import Normaliser, load_normaliser
from aefpga.variables import variable

Floats = NDArray[np.float32]
Words = NDArray[np.int64]

MODEL_FILES = ("encoder.json", "encoder.npz", "decoder.onnx", "normaliser.json")
# A decoder on another machine may round otherwise: no integer may hang on that.
UNSTABLE = 1e-4
# Begins the names of what a file says of its events.
EVENT = "event/"


@dataclass(frozen=True)
class Model:
    """What encodes and decodes: a run's encoder, decoder and normaliser, from a folder."""

    spec: EncoderSpec
    decoder: Decoder
    normaliser: Normaliser

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """Read a model; raise RunError if it is damaged or its parts do not belong together."""
        spec = EncoderSpec.load(folder)
        decoder = Decoder(folder / "decoder.onnx", spec.hash)
        return cls(spec, decoder, load_normaliser(folder / "normaliser.json"))

    def decoded(self, words: Words) -> Floats:
        """Return jets in physical units."""
        return self.normaliser.inverse_transform(self.decoder(words))

    def unstable(self, words: Words) -> NDArray[np.bool_]:
        """Return which integers hang on the decoder's last digits."""
        columns = self.decoder(words)
        low, high = (
            np.rint(self.normaliser.inverse_transform(columns + np.float32(e)))
            for e in (-UNSTABLE, UNSTABLE)
        )
        counts = [v.kind == "multiplicity" for v in map(variable, self.spec.input.variables)]
        return np.asarray((low != high) & counts)


@dataclass
class Statistics:
    """What compression did to jets, summed over chunks."""

    jets: int = 0
    events: int = 0
    saturated: int = 0
    exact_values: int = 0
    corrections: int = 0
    bits: dict[str, int] = field(default_factory=dict)
    # Of each variable: sum of squared errors, and the largest error, absolute, in its unit.
    squares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    largest: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def add(self, original: Floats, back: Floats, names: Sequence[str]) -> None:
        """Take the errors of a chunk."""
        error = np.abs(back.astype(np.float64) - original)
        if "phi" in names:
            phi = error[:, names.index("phi")]
            np.minimum(phi, np.abs(2 * np.pi - phi), out=phi)
        if not len(self.squares):
            self.squares, self.largest = np.zeros((2, len(names)))
        if len(error):
            self.squares = self.squares + np.square(error).sum(axis=0)
            self.largest = np.maximum(self.largest, error.max(axis=0))


class Encoder:
    """Writes chunks of jets.

    Parameters
    ----------
    names : sequence of str
        The variables; with a model, its inputs.
    model : Model or None
        What encodes and decodes; None corrects every value from zero: a scalar quantizer.
    profile : Profile or None
        Bounds that every value keeps; None sends latent words alone.
    keep_outliers : bool
        Keep jets exactly that have a value outside the encoder's range.
    """

    def __init__(
        self,
        names: Sequence[str],
        model: Model | None,
        profile: Profile | None,
        *,
        keep_outliers: bool,
    ) -> None:
        self.names, self._model, self._keep_outliers = names, model, keep_outliers
        self._emulator = Emulator(model.spec) if model else None
        variables = [variable(name) for name in names]
        self._corrector = Corrector(profile, variables) if profile else None
        self.statistics = Statistics()

    def write(self, writer: Writer, number: int, jets: Jets) -> None:
        """Encode, check and write a chunk."""
        found = self.statistics
        parts = {"events": _pack_events(jets)}
        back, outside = np.zeros_like(jets.values), np.zeros(len(jets), bool)
        unstable: NDArray[np.bool_] | bool = False
        if self._model and self._emulator:
            source = self._model.spec.input
            words = self._emulator(source.to_words(jets.values))
            back, unstable = self._model.decoded(words), self._model.unstable(words)
            outside |= source.outside(jets.values).any(axis=1)
            parts["words"] = pack_words(words, self._model.spec)
        exact = np.repeat(outside[:, None] & self._keep_outliers, len(self.names), axis=1)
        if self._corrector:
            exact |= unstable
            steps, far = self._corrector.steps(jets.values, back, exact)
            back = self._corrector.corrected(back, steps)
            exact |= far | ~self._corrector.within(jets.values, back)
            parts["corrections"] = encode_steps(steps)
            found.corrections += int(np.count_nonzero(steps))
        back[exact] = jets.values[exact]
        parts["exact"] = _pack_exact(exact, jets.values)
        for part, content in parts.items():
            size = writer.add(f"{_chunk(number)}/{part}", content)
            found.bits[part] = found.bits.get(part, 0) + 8 * size
        found.jets += len(jets)
        found.events += len(jets.counts)
        found.saturated += int(outside.sum())
        found.exact_values += int(exact.sum())
        found.add(jets.values, back, self.names)


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
        header = self.reader.header
        self.names: tuple[str, ...] = tuple(header["variables"])
        profile = header["max_error"]
        self.profile = None if profile is None else Profile.model_validate(profile)
        # Chunks that were left out, with the reason.
        self.skipped: dict[int, str] = {}

    def chunks(self) -> range:
        """Return the numbers of the file's chunks."""
        if not self._salvage:
            return range(len(self.reader.manifest["chunks"]))
        numbers = [int(n.split("/")[1]) for n in self.reader.sizes() if n.startswith("chunks/")]
        return range(max(numbers, default=-1) + 1)

    def iterate(self, first: int = 0, last: int | None = None) -> Iterator[Jets]:
        """Yield the jets of the events from `first` to below `last`, chunk by chunk.

        Raises
        ------
        DataError
            If a chunk is damaged (unless salvaging; then it is left out, and named in `skipped`).
        """
        model = self._load_model()
        start = 0
        for number in self.chunks():
            events = (
                None if self._salvage else int(self.reader.manifest["chunks"][number]["events"])
            )
            if events is not None and (start + events <= first or (last and start >= last)):
                start += events
                continue
            try:
                jets = self._chunk(number, model)
            except DataError as error:
                if not self._salvage:
                    raise
                self.skipped[number] = str(error)
                continue
            stop = len(jets.counts) if last is None else max(last - start, 0)
            yield jets.between(max(first - start, 0), min(stop, len(jets.counts)))
            start += len(jets.counts)

    def words(self) -> Iterator[Words]:
        """Yield the latent words of every chunk, as the firmware would send them."""
        model = self._load_model()
        if model is None:
            raise UsageError(f"{self.path} was made without an autoencoder: it has no latent words")
        spec = model.spec
        for number in self.chunks():
            yield unpack_words(self.reader.member(f"{_chunk(number)}/words"), spec)

    def _chunk(self, number: int, model: Model | None) -> Jets:
        member = f"{self.path}: {_chunk(number)}"
        counts, events = _unpack_events(self.reader.member(f"{_chunk(number)}/events"), member)
        back = np.zeros((int(counts.sum()), len(self.names)), np.float32)
        if model:
            words = unpack_words(self.reader.member(f"{_chunk(number)}/words"), model.spec)
            if len(words) != len(back):
                raise DataError(
                    f"{member}: its events have {len(back)} jets, its words {len(words)}"
                )
            back = model.decoded(words)
        if self.profile:
            corrector = Corrector(self.profile, [variable(name) for name in self.names])
            steps = decode_steps(self.reader.member(f"{_chunk(number)}/corrections"))
            if steps.shape != back.shape:
                raise DataError(f"{member}/corrections is of another number of jets or variables")
            back = corrector.corrected(back, steps)
        _restore_exact(back, self.reader.member(f"{_chunk(number)}/exact"), member)
        return Jets(self.names, back, counts, events)

    def _load_model(self) -> Model | None:
        expected = self.reader.header["encoder"]
        if expected is None:
            return None
        if self._model_folder is None and "model/encoder.json" not in self.reader.sizes():
            raise RunError(
                f"{self.path} refers to its encoder {expected[:16]}… and does not hold it; name "
                "the run that made it with --run"
            )
        if self._model_folder is not None:
            model = Model.load(self._model_folder)
            hashes = {name: sha256_of(self._model_folder / name) for name in MODEL_FILES}
            if changed := [n for n, h in self.reader.header["model"].items() if hashes.get(n) != h]:
                raise RunError(
                    f"{self.path} was made with another {', '.join(changed)} than "
                    f"{self._model_folder} holds: name the run that made it"
                )
        else:
            with tempfile.TemporaryDirectory() as scratch:
                for name in MODEL_FILES:
                    (Path(scratch) / name).write_bytes(self.reader.member(f"model/{name}"))
                model = Model.load(Path(scratch))
        return model


def pack_words(words: Words, spec: EncoderSpec) -> bytes:
    """Return entropy-coded latent words, shape (n_jets, n_latent)."""
    kind = spec.latent_type
    columns: list[Words] = []
    for column, low, width in zip(words.T, kind.min_word, kind.width, strict=True):
        counted = column - low
        if width > SYMBOL_BITS:
            columns.append(counted >> SYMBOL_BITS)
        columns.append(counted & MAX_SYMBOL)
    return encode_columns(columns)


def unpack_words(data: bytes, spec: EncoderSpec) -> Words:
    """Return what `pack_words` was given."""
    kind = spec.latent_type
    columns = iter(decode_columns(data))
    found = []
    try:
        for low, width in zip(kind.min_word, kind.width, strict=True):
            high = next(columns) << SYMBOL_BITS if width > SYMBOL_BITS else 0
            found.append(high + next(columns) + low)
    except StopIteration as error:
        raise DataError("these are words of another encoder") from error
    words = np.stack(found, axis=1)
    if not kind.holds(words):
        raise DataError("there are words that this encoder cannot send")
    return words


def _chunk(number: int) -> str:
    return f"chunks/{number:06d}"


def _pack_events(jets: Jets) -> bytes:
    stream = io.BytesIO()
    columns = {f"{EVENT}{name}": column for name, column in jets.events.items()}
    np.savez_compressed(stream, allow_pickle=False, counts=jets.counts, **columns)
    return stream.getvalue()


def _unpack_events(data: bytes, where: str) -> tuple[Words, dict[str, NDArray[Any]]]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as saved:
            counts = saved["counts"]
            events = {n.removeprefix(EVENT): saved[n] for n in saved.files if n != "counts"}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{where}/events is damaged ({error})") from error
    if counts.ndim != 1 or any(column.shape != counts.shape for column in events.values()):
        raise DataError(f"{where}/events is damaged: its columns differ in length")
    if np.any((counts < 0) | (counts > MAX_LENGTH)) or counts.sum() > MAX_LENGTH:
        raise DataError(f"{where}/events is damaged: a chunk has at most {MAX_LENGTH} jets")
    return counts, events


def _pack_exact(exact: NDArray[np.bool_], values: Floats) -> bytes:
    places = np.flatnonzero(exact)
    apart = np.diff(places, prepend=0).astype("<u4").tobytes()
    return zlib.compress(apart + values[exact].astype("<f4").tobytes(), 9)


def _restore_exact(back: Floats, data: bytes, where: str) -> None:
    """Put the values that were kept exactly into their places."""
    try:
        content = zlib.decompressobj().decompress(data, 8 * back.size + 8)
        places = np.cumsum(np.frombuffer(content[: len(content) // 2], "<u4").astype(np.int64))
        back.reshape(-1)[places] = np.frombuffer(content[len(content) // 2 :], "<f4")
    except (zlib.error, ValueError, IndexError) as error:
        raise DataError(f"{where}/exact is damaged ({error})") from error
