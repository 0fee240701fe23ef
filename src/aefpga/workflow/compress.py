"""`compress` and `decompress`: ROOT files to compressed records and back, chunk by chunk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.choices import FileFormat
from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.chunks import chunks
from aefpga.codec.facts import Compressed, compressed_facts
from aefpga.codec.format import Source
from aefpga.codec.protocol import Codec, Task
from aefpga.codec.registry import find_codec
from aefpga.codec.writer import Writing, create_archive
from aefpga.data.opening import find_files
from aefpga.data.reader import iterate_records, lacking, source_bytes
from aefpga.data.records import Records
from aefpga.data.writer import target_of, write_records
from aefpga.errors import UsageError
from aefpga.files import refuse_input_as_output
from aefpga.progress import Step, silent
from aefpga.runs import Run
from aefpga.schema import JETS, Schema
from aefpga.workflow.ahead import ahead

LEVELS = ("fast", "best")


@dataclass(frozen=True)
class Settings:
    """How to compress.

    Parameters
    ----------
    record : Schema
        What is compressed, where there is no run.
    variables : str or None
        Variable set, where there is no run.
    profile : Profile or None
        Bounds that every value of every record keeps.
    codec : str or None
        Name of the codec; None takes ``autoencoder`` with a run, and ``scalar`` without.
    level : str
        ``fast`` codes each column by its histogram; ``best`` learns from the first records how
        columns depend on each other, which takes a quarter less space and several times as long.
    learned_from : Path or None
        A compressed file whose conditional coding level ``best`` uses instead of learning.
    options : Mapping of str to Any
        What the codec is told beside; an autoencoder takes ``keeps_outliers``, whether records are
        kept exactly that are out of its encoder's range.
    with_model : bool
        Embed the model; else the file refers to it by hash and needs the run to be read.
    collection : str or None
        Collection of the files; None takes the format's usual one.
    """

    record: Schema = JETS
    variables: str | None = None
    profile: Profile | None = None
    codec: str | None = None
    level: str = "fast"
    learned_from: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    with_model: bool = True
    collection: str | None = None


def compress(
    run: Run | None,
    inputs: Sequence[str],
    output: Path,
    settings: Settings,
    *,
    step: Step = silent,
) -> Compressed:
    """Compress the records of ROOT files, with a run's encoder or by scalar quantization.

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
        If an input cannot be read, or inputs differ in which variables they have.
    """
    files, schema = find_files(inputs), schema_for(run, settings)
    refuse_input_as_output(output, files)
    absent = lacking(inputs, schema, settings.collection, alike=True)
    if len(absent) == len(schema):
        raise UsageError(f"{', '.join(inputs)}: there is none of {', '.join(schema.names)}")
    codec = make_codec(run, schema, settings, absent)
    read = iterate_records(inputs, codec.task.schema, settings.collection, step, with_events=True)
    with create_archive(output, codec, how_to_write(run, codec, settings, step)) as archive:
        for records in chunks(read, codec):
            archive.write(records)
        archive.sources = [Source(name=p.name, bytes=p.stat().st_size) for p in files]
        archive.source_bytes = source_bytes(inputs, codec.task.schema, settings.collection)
    return compressed_facts(Archive(output))


def schema_for(run: Run | None, settings: Settings) -> Schema:
    """Return the variables that are asked for: a run's, or those of the settings."""
    return run.schema if run else settings.record.choose(settings.variables)


def make_codec(
    run: Run | None, schema: Schema, settings: Settings, absent: tuple[str, ...] = ()
) -> Codec:
    """Return the codec that the settings name, for data that lack some of the variables.

    Raises
    ------
    UsageError
        If there is no such codec, or it needs more than is given.
    """
    kind = find_codec(settings.codec or ("autoencoder" if run else "scalar"))
    files, options = {}, dict(settings.options)
    if kind.needs:
        if run is None:
            raise UsageError(f"codec {kind.name} needs a run; make one with `aefpga train`")
        if not run.is_quantized:
            raise UsageError(f"run {run.name} is float only; train with --quantize")
        there = [x for x in kind.needs if all((run.folder / name).exists() for name in x)]
        files = {name: (run.folder / name).read_bytes() for name in (there or kind.needs)[0]}
        if run.lacking:
            options["unlearned"] = run.lacking
    return kind.from_config(options, Task(schema, absent, settings.profile, files))


def how_to_write(run: Run | None, codec: Codec, settings: Settings, step: Step) -> Writing:
    """Return how a file is written."""
    learned = settings.learned_from
    return Writing(
        learns=settings.level == "best",
        models=_models_of(learned, codec) if learned else None,
        embeds_files=settings.with_model,
        run=run.name if run else None,
        step=step,
    )


def _models_of(path: Path, codec: Codec) -> dict[str, bytes]:
    """Return what another compressed file learned, if its numbers mean the same as this one's."""
    other = Archive(path)
    models, task, header = other.models(), codec.task, other.header
    if not models:
        raise UsageError(f"{path} has learned nothing; it was made with --level fast")
    for what, theirs, ours in (
        ("variables", other.schema, task.schema),
        ("max error", header.max_error, task.profile),
        ("codec", header.codec, codec.name),
        ("encoder", header.options, codec.to_config()),
    ):
        if theirs != ours:
            raise UsageError(f"{path} was made with another {what} than this file is")
    return models


def decompress(
    archive: Archive,
    output: Path,
    *,
    file_format: FileFormat | None = None,
    variables: Sequence[str] | None = None,
    first: int = 0,
    last: int | None = None,
    step: Step = silent,
) -> int:
    """Write the records of the events from `first` to below `last` into a file of ROOT or Parquet.

    Without a `file_format` the suffix decides; see `target_of`.

    Returns
    -------
    int
        Number of records.

    Raises
    ------
    UsageError
        If a variable is not in the file, or the output is the file itself.
    DataError
        If a chunk is damaged and the archive was not opened to salvage.
    """
    refuse_input_as_output(output, [archive.path])
    names = list(variables or archive.schema.names)
    if unknown := [n for n in names if not archive.schema.holds(n)]:
        lost = ", which its sources lacked" if set(unknown) & set(archive.header.lacking) else ""
        raise UsageError(
            f"{archive.path} has no {', '.join(unknown)}{lost}; it holds "
            + ", ".join(archive.schema.names)
        )

    def parts() -> Iterator[Records]:
        total = len(archive.chunks())
        done = 0
        for done, records in enumerate(ahead(archive.iterate(first, last)), 1):
            yield records.select(names)
            step("chunks", done, total)
        if not done:
            # A tree, even where there is no event to put into it.
            schema = archive.schema.select(names)
            yield Records(schema, np.zeros((0, len(names)), np.float32), np.zeros(0, np.int64))

    encoder = archive.header.options.get("encoder")
    facts = {"decompressed_from": archive.path.name, "encoder": encoder}
    return write_records(output, parts(), facts, target_of(output, file_format))
