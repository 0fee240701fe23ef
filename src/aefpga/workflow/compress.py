"""`compress` and `decompress`: ROOT files to compressed jets and back, chunk by chunk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aefpga import __version__
from aefpga.codec.archive import MODEL_FILES, Archive, Encoder, Model, Statistics
from aefpga.codec.bounds import Profile, to_config
from aefpga.codec.container import writing
from aefpga.config import DataConfig
from aefpga.data.jets import Jets
from aefpga.data.reader import find_files, iterate_jets
from aefpga.data.writer import write_jets
from aefpga.errors import UsageError
from aefpga.files import sha256_of
from aefpga.runs import Run
from aefpga.variables import variable, variable_set
from aefpga.workflow import Step

# Jets coded together: enough for good statistics, little enough for memory and for random access.
CHUNK_JETS = 65_536


@dataclass(frozen=True)
class Compressed:
    """What a compression did: jets, bytes, and the errors of each variable in its unit."""

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
    *,
    variables: str | None = None,
    profile: Profile | None = None,
    keep_outliers: bool = True,
    with_model: bool = True,
    collection: str | None = None,
    step: Step,
) -> Compressed:
    """Compress the jets of ROOT files, with a run's encoder or by scalar quantization.

    Parameters
    ----------
    run : Run or None
        A quantized run; its variables are kept, others are not. None quantizes every variable by
        itself, as finely as the profile asks.
    inputs : sequence of str
        ROOT files and globs, of one collection.
    output : Path
        File to write, complete or not at all.
    variables : str or None
        Variable set, where there is no run.
    profile : Profile or None
        Bounds that every value of every jet keeps.
    keep_outliers : bool
        Keep jets exactly that are out of the encoder's range.
    with_model : bool
        Embed the model; else the file refers to it by hash and needs the run to be read.
    collection : str or None
        Jet collection; None takes the format's usual one.

    Raises
    ------
    UsageError
        If the run is float only, or there is neither a run nor a profile.
    DataError
        If an input cannot be read, or lacks variables.
    """
    if run is None and profile is None:
        raise UsageError("scalar quantization needs --max-error: it says how fine the steps are")
    if run is not None and not run.is_quantized:
        raise UsageError(f"run {run.name} is float only; train with --quantize")
    model = Model.load(run.folder) if run else None
    chosen = variable_set(variables or DataConfig().variables)
    names = model.spec.input.variables if model else tuple(v.name for v in chosen)
    encoder = Encoder(names, model, profile, keep_outliers=keep_outliers)
    files = find_files(inputs)
    header = {
        "aefpga": __version__,
        "run": run.name if run else None,
        "encoder": model.spec.hash if model else None,
        "model": {n: sha256_of(run.folder / n) for n in MODEL_FILES} if run else {},
        "variables": list(names),
        "units": [variable(name).unit for name in names],
        "max_error": to_config(profile),
        "outliers_kept": keep_outliers,
    }
    manifest: dict[str, Any] = {"chunks": []}

    def progress(done: int, total: int) -> None:
        step("events", done, total)

    with writing(output, header, manifest) as writer:
        if run and with_model:
            for name in MODEL_FILES:
                writer.add(f"model/{name}", (run.folder / name).read_bytes())
        read = iterate_jets(inputs, names, collection, progress, with_events=True)
        for number, jets in enumerate(_chunks(read)):
            encoder.write(writer, number, jets)
            manifest["chunks"].append({"events": len(jets.counts), "jets": len(jets)})
        manifest |= {
            "sources": {p.name: sha256_of(p) for p in files},
            "source_bytes": sum(p.stat().st_size for p in files),
            **_summary(encoder.statistics, names),
        }
    return compressed_facts(Archive(output))


def decompress(
    archive: Archive,
    output: Path,
    *,
    variables: Sequence[str] | None = None,
    first: int = 0,
    last: int | None = None,
    step: Step,
) -> int:
    """Write the jets of the events from `first` to below `last` into a ROOT file; return how many.

    Raises
    ------
    UsageError
        If a variable is not in the file.
    DataError
        If a chunk is damaged and the archive was not opened to salvage.
    """
    names = list(variables or archive.names)
    if unknown := [n for n in names if n not in archive.names]:
        raise UsageError(
            f"{archive.path} has no {', '.join(unknown)}; it holds {', '.join(archive.names)}"
        )

    def parts() -> Iterator[Jets]:
        total = len(archive.chunks())
        for done, jets in enumerate(archive.iterate(first, last), 1):
            yield jets.select(names)
            step("chunks", done, total)

    facts = {"decompressed_from": archive.path.name, "encoder": archive.reader.header["encoder"]}
    return write_jets(output, parts(), facts, small=False)


def compressed_facts(archive: Archive) -> Compressed:
    """Return what the file itself says of its compression."""
    manifest = archive.reader.manifest
    return Compressed(
        path=str(archive.path),
        jets=manifest["jets"],
        events=manifest["events"],
        source_bytes=manifest["source_bytes"],
        compressed_bytes=archive.path.stat().st_size,
        bits_per_jet=manifest["bits_per_jet"],
        saturated_jets=manifest["saturated_jets"],
        exact_values=manifest["exact_values"],
        root_mean_square_error=manifest["root_mean_square_error"],
        largest_error=manifest["largest_error"],
    )


def _chunks(parts: Iterator[Jets]) -> Iterator[Jets]:
    """Join what the reader yields into chunks of at least `CHUNK_JETS`, the last one smaller."""
    waiting: list[Jets] = []
    for jets in parts:
        waiting.append(jets)
        if sum(map(len, waiting)) >= CHUNK_JETS:
            yield Jets.concatenate(waiting)
            waiting = []
    if waiting:
        yield Jets.concatenate(waiting)


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
        "corrections": found.corrections,
        "root_mean_square_error": dict(zip(names, np.sqrt(squares / n).tolist(), strict=True)),
        "largest_error": dict(zip(names, largest.tolist(), strict=True)),
    }
