"""`compress` and `decompress`: ROOT files to compressed jets and back, chunk by chunk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from aefpga import __version__
from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile, to_config
from aefpga.codec.container import writing
from aefpga.codec.encoder import Encoder, Statistics
from aefpga.codec.model import MODEL_FILES, Model
from aefpga.codec.quantization import Autoencoding, Quantization, Scalar
from aefpga.codec.rans import MAX_CELLS, MAX_LENGTH
from aefpga.data.opening import find_files
from aefpga.data.reader import iterate_records, source_bytes
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.errors import DataError, UsageError
from aefpga.files import sha256_of
from aefpga.progress import Step, silent
from aefpga.runs import Run
from aefpga.schema import JETS, Schema
from aefpga.workflow.ahead import ahead

# Jets coded together: enough for good statistics, little enough for memory and for random access.
CHUNK_JETS, CHUNK_EVENTS = 65_536, 1 << 19
# Conditional coding is learned from the first of them.
LEARNING_CHUNKS = 2

LEVELS = ("fast", "best")


@dataclass(frozen=True)
class Settings:
    """How to compress.

    Parameters
    ----------
    variables : str or None
        Variable set, where there is no run.
    profile : Profile or None
        Bounds that every value of every jet keeps.
    level : str
        ``fast`` codes each column by its histogram; ``best`` learns from the first jets how columns
        depend on each other, which takes a quarter less space and several times as long.
    learned_from : Path or None
        A compressed file whose conditional coding level ``best`` uses instead of learning.
    keep_outliers : bool
        Keep jets exactly that are out of the encoder's range.
    with_model : bool
        Embed the model; else the file refers to it by hash and needs the run to be read.
    collection : str or None
        Jet collection; None takes the format's usual one.
    """

    variables: str | None = None
    profile: Profile | None = None
    level: str = "fast"
    learned_from: Path | None = None
    keep_outliers: bool = True
    with_model: bool = True
    collection: str | None = None


@dataclass(frozen=True)
class Compressed:
    """What a compression did: jets, bytes, and the errors of each variable in its unit.

    The bytes of the source are those of the branches that were read, as compressed in ROOT.
    """

    path: str
    jets: int
    events: int
    source_bytes: int
    compressed_bytes: int
    bits_per_jet: Mapping[str, float]
    saturated_jets: int
    exact_values: int
    root_mean_square_error: Mapping[str, float]
    largest_error: Mapping[str, float]


def compress(
    run: Run | None,
    inputs: Sequence[str],
    output: Path,
    settings: Settings,
    *,
    step: Step = silent,
) -> Compressed:
    """Compress the jets of ROOT files, with a run's encoder or by scalar quantization.

    Parameters
    ----------
    run : Run or None
        A quantized run; its variables are kept, others are not. None quantizes every variable by
        itself, as finely as the error bound asks.
    inputs : sequence of str
        ROOT files and globs, of one collection.
    output : Path
        File to write, complete or not at all.
    settings : Settings
        How.
    step : Step
        Told how far it is.

    Raises
    ------
    UsageError
        If the run is float only, or there is neither a run nor a bound.
    DataError
        If an input cannot be read, or lacks variables.
    """
    model = _model(run, settings)
    chosen = model.schema if model else JETS.choose(settings.variables)
    names = chosen.names
    encoder = Encoder(chosen, _quantization(model, chosen, settings))
    files = find_files(inputs)
    _refuse_input_as_output(output, files)
    header: dict[str, Any] = {
        "aefpga": __version__,
        "run": run.name if run else None,
        "quantization": "autoencoder" if run else "scalar",
        "encoder": model.spec.hash if model else None,
        "model": {n: sha256_of(run.folder / n) for n in MODEL_FILES} if run else {},
        "variables": list(names),
        "units": list(chosen.units),
        "max_error": to_config(settings.profile),
        "outliers_kept": settings.keep_outliers,
    }
    manifest: dict[str, Any] = {"chunks": []}

    files_of_jets = iterate_records(inputs, chosen, settings.collection, step, with_events=True)
    read = ahead(_chunks(files_of_jets, encoder.n_columns))
    models: Mapping[str, bytes] = {}
    if settings.level == "best":
        first = list(islice(read, LEARNING_CHUNKS))
        read = chain(first, read)
        if settings.learned_from is not None:
            models = _models_of(settings.learned_from, header)
        elif any(map(len, first)):
            models = encoder.learn(Records.concatenate(first), step)
        if models and first:
            models = encoder.adopt(models, first[0])
    header["entropy"] = dict.fromkeys(models, "conditional")
    with writing(output, header, manifest) as writer:
        if run and settings.with_model:
            for name in MODEL_FILES:
                writer.add(f"model/{name}", (run.folder / name).read_bytes())
        for name, content in models.items():
            writer.add(f"entropy/{name}.npz", content)
        for number, jets in enumerate(read):
            encoder.write(writer, number, jets)
            manifest["chunks"].append({"events": len(jets.counts), "jets": len(jets)})
        manifest |= {
            "sources": [{"name": p.name, "bytes": p.stat().st_size} for p in files],
            "source_bytes": source_bytes(inputs, chosen, settings.collection),
            **_summary(encoder.statistics, names),
        }
    return compressed_facts(Archive(output))


def _model(run: Run | None, settings: Settings) -> Model | None:
    if run is None and settings.profile is None:
        raise UsageError("scalar quantization needs --max-error: it says how fine the steps are")
    if run is not None and not run.is_quantized:
        raise UsageError(f"run {run.name} is float only; train with --quantize")
    return Model.load(run.folder, JETS) if run else None


def _quantization(model: Model | None, schema: Schema, settings: Settings) -> Quantization:
    if model:
        keep = settings.keep_outliers
        return Autoencoding(model, settings.profile, schema, keep_outliers=keep)
    assert settings.profile, "asked for where the run is"
    return Scalar(settings.profile, schema)


def _models_of(path: Path, header: Mapping[str, Any]) -> dict[str, bytes]:
    """Return what another compressed file learned, if its numbers mean the same as this one's."""
    other = Archive(path)
    models = other.models()
    if not models:
        raise UsageError(f"{path} has learned nothing; it was made with --level fast")
    for key in ("variables", "max_error", "encoder"):
        if other.reader.header[key] != header[key]:
            raise UsageError(
                f"{path} was made with another {key.replace('_', ' ')}: "
                f"{other.reader.header[key]}; here it is {header[key]}"
            )
    return models


def decompress(
    archive: Archive,
    output: Path,
    *,
    variables: Sequence[str] | None = None,
    first: int = 0,
    last: int | None = None,
    step: Step = silent,
) -> int:
    """Write the jets of the events from `first` to below `last` into a ROOT file; return how many.

    Raises
    ------
    UsageError
        If a variable is not in the file, or the output is the file itself.
    DataError
        If a chunk is damaged and the archive was not opened to salvage.
    """
    _refuse_input_as_output(output, [archive.path])
    names = list(variables or archive.schema.names)
    if unknown := [n for n in names if not archive.schema.holds(n)]:
        raise UsageError(
            f"{archive.path} has no {', '.join(unknown)}; it holds "
            + ", ".join(archive.schema.names)
        )

    def parts() -> Iterator[Records]:
        total = len(archive.chunks())
        done = 0
        for done, jets in enumerate(ahead(archive.iterate(first, last)), 1):
            yield jets.select(names)
            step("chunks", done, total)
        if not done:
            # A tree, even where there is no event to put into it.
            schema = archive.schema.select(names)
            yield Records(schema, np.zeros((0, len(names)), np.float32), np.zeros(0, np.int64))

    facts = {"decompressed_from": archive.path.name, "encoder": archive.header.encoder}
    return write_records(output, parts(), facts, small=False)


def compressed_facts(archive: Archive) -> Compressed:
    """Return what the file itself says of its compression."""
    manifest = archive.manifest
    for figures in (manifest.root_mean_square_error, manifest.largest_error):
        if figures.keys() != set(archive.schema.names):
            raise DataError(f"{archive.path}: its manifest has errors of other variables than it")
    return Compressed(
        path=str(archive.path),
        jets=manifest.jets,
        events=manifest.events,
        source_bytes=manifest.source_bytes,
        compressed_bytes=archive.path.stat().st_size,
        bits_per_jet=manifest.bits_per_jet,
        saturated_jets=manifest.saturated_jets,
        exact_values=manifest.exact_values,
        root_mean_square_error=manifest.root_mean_square_error,
        largest_error=manifest.largest_error,
    )


def _refuse_input_as_output(output: Path, inputs: Sequence[Path]) -> None:
    if output.resolve() in [path.resolve() for path in inputs]:
        raise UsageError(f"{output} is an input too, and would be lost; choose another output")


def _chunks(parts: Iterator[Records], n_columns: int) -> Iterator[Records]:
    """Join what the reader yields into chunks of at least `CHUNK_JETS`, the last one smaller.

    Of wide tables or of many events they are smaller too: readers do not believe in any size.

    Raises
    ------
    DataError
        If files differ in what they say of events, or an event has more jets than a chunk may have.
    """
    waiting: list[Records] = []
    most = min(MAX_LENGTH, MAX_CELLS // n_columns)
    enough = min(CHUNK_JETS, most // 2)
    for jets in (piece for part in parts for piece in _pieces(part, enough, most - enough)):
        if waiting and waiting[0].events.keys() != jets.events.keys():
            raise DataError(
                f"the inputs differ in what they say of events: {sorted(waiting[0].events)} and "
                f"{sorted(jets.events)}; compress them separately"
            )
        waiting.append(jets)
        events = sum(len(jets.counts) for jets in waiting)
        if sum(map(len, waiting)) >= enough or events >= CHUNK_EVENTS:
            yield Records.concatenate(waiting)
            # What the next file says of events must be compared with this.
            waiting = [waiting[0].between(0, 0)]
    if any(len(jets.counts) for jets in waiting):
        yield Records.concatenate(waiting)


def _pieces(jets: Records, enough: int, most: int) -> Iterator[Records]:
    """Yield jets in whole events: `enough` of them, or an event of up to `most`."""
    if len(jets) <= enough or len(jets.counts) == 1:
        if len(jets) > most:
            raise DataError(f"an event has {len(jets):,} jets; at most {most:,} are possible")
        yield jets
        return
    middle = len(jets.counts) // 2
    yield from _pieces(jets.between(0, middle), enough, most)
    yield from _pieces(jets.between(middle, len(jets.counts)), enough, most)


def _summary(found: Statistics, names: Sequence[str]) -> dict[str, Any]:
    n = max(found.jets, 1)
    squares, largest = found.squares, found.largest
    if not len(squares):
        squares, largest = np.zeros((2, len(names)))
    return {
        "jets": found.jets,
        "events": found.events,
        "bits_per_jet": {part: bits / n for part, bits in found.bits.items()},
        "saturated_jets": found.saturated,
        "exact_values": found.exact_values,
        "root_mean_square_error": dict(zip(names, np.sqrt(squares / n).tolist(), strict=True)),
        "largest_error": dict(zip(names, largest.tolist(), strict=True)),
    }
