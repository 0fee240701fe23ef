"""`encode` and `decode`: records to the frames that a link carries, and back."""

import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.choices import FileFormat
from aefpga.data.opening import find_files
from aefpga.data.reader import iterate_records, lacking
from aefpga.data.records import Records
from aefpga.data.writer import target_of, write_records
from aefpga.errors import DataError
from aefpga.files import atomic_path, is_file, no_file, refuse_input_as_output
from aefpga.fixedpoint import Emulator
from aefpga.links.framing import Damage, Frame, Framing
from aefpga.links.packing import Bytes
from aefpga.progress import Step, silent
from aefpga.runs import Run
from aefpga.runs.autoencoder import Autoencoder

# Decoded at once.
CHUNK_RECORDS = 65_536
# Parts that are left out and named; of a capture of anything else there may be millions.
MOST_NAMED = 1000


@dataclass(frozen=True)
class Encoded:
    """What went into a capture.

    Parameters
    ----------
    record : str
        What was encoded, in the plural.
    records, events, n_bytes : int
        How many; an event is a frame.
    outside : int
        Records with a value that the encoder's input cannot hold: it was clipped.
    lacking : tuple of str
        Variables that a file lacks; zeros were encoded.
    """

    record: str
    records: int
    events: int
    n_bytes: int
    outside: int
    lacking: tuple[str, ...]


@dataclass(frozen=True)
class Captured:
    """What came out of a capture.

    Parameters
    ----------
    record : str
        What was decoded, in the plural.
    records, events : int
        How many.
    improbable : int or None
        Records that were probably decoded to others; None where the decoder cannot tell.
    damaged : tuple of Damage
        What was left out, the first `MOST_NAMED` parts of it.
    n_damaged : int
        Number of all parts that were left out.
    """

    record: str
    records: int
    events: int
    improbable: int | None
    damaged: tuple[Damage, ...]
    n_damaged: int


def encode(
    run: Run,
    inputs: Sequence[str],
    output: Path,
    *,
    collection: str | None = None,
    step: Step = silent,
) -> Encoded:
    """Write what the firmware would send of the records of files: a frame for each event.

    Events keep their numbers; where a file has none they are counted from 0.

    Raises
    ------
    UsageError
        If the output is an input.
    DataError
        If an input cannot be read, or an event has more records than a frame holds.
    """
    refuse_input_as_output(output, find_files(inputs))
    spec, schema = run.spec, run.schema
    emulator, framing = Emulator(spec), Framing(spec, one_per_event=schema.one_per_event)
    absent = lacking(inputs, schema, collection)
    n_records, n_events, outside = 0, 0, 0
    with atomic_path(output) as temporary, temporary.open("wb") as stream:
        for records in iterate_records(inputs, schema, collection, step, with_events=True):
            outputs = emulator.outputs(spec.input.to_words(records.values))
            words = spec.sent(records.values, outputs)
            outside += int(spec.input.outside(records.values).any(axis=1).sum())
            for frame in _frames(records, framing.pack(words), n_events):
                try:
                    stream.write(framing.to_bytes(frame))
                except ValueError as error:
                    raise DataError(
                        f"event {frame.event} of {', '.join(inputs)}: {error}"
                    ) from error
            n_records, n_events = n_records + len(records), n_events + len(records.counts)
    size = output.stat().st_size
    return Encoded(schema.name, n_records, n_events, size, outside, absent)


def _frames(records: Records, packed: Bytes, first: int) -> Iterator[Frame]:
    """Yield the events of records; those without numbers are counted from `first` on."""
    counted = np.arange(first, first + len(records.counts))
    numbers = records.events.get("event", counted)
    ends = np.cumsum(records.counts)
    for number, start, end in zip(numbers, ends - records.counts, ends, strict=True):
        yield Frame(int(number) % 2**64, packed[start:end])


def decode(
    run: Run,
    capture: Path,
    output: Path,
    *,
    file_format: FileFormat | None = None,
    step: Step = silent,
) -> Captured:
    """Write the records of a capture into a file of ROOT or Parquet; damaged frames are left out.

    Raises
    ------
    UsageError
        If the output is the capture.
    DataError
        If there is no sound frame of the run's encoder.
    """
    refuse_input_as_output(output, [capture])
    framing = Framing(run.spec, one_per_event=run.schema.one_per_event)
    decoding = _Decoding(Autoencoder.of(run), framing)
    with _mapped(capture) as content:
        chunks = decoding.chunks(content, step)
        first = next(chunks, None)
        if first is None:
            reason = str(decoding.damaged[0]) if decoding.damaged else "the file is empty"
            raise DataError(
                f"{capture} has no frame of run {run.name}: {reason}; give the run whose firmware "
                "or `aefpga encode` made the capture"
            )
        names = [name for name in run.schema.names if name not in run.lacking]
        parts = (records.select(names) for records in chain([first], chunks))
        facts = {"decoded_from": capture.name, "encoder": run.spec.hash}
        n_records = write_records(output, parts, facts, target_of(output, file_format))
    return Captured(
        run.schema.name,
        n_records,
        decoding.n_events,
        decoding.n_improbable,
        tuple(decoding.damaged),
        decoding.n_damaged,
    )


@dataclass
class _Decoding:
    """A capture being decoded, and what was found in it so far."""

    autoencoder: Autoencoder
    framing: Framing
    n_events: int = 0
    n_improbable: int | None = None
    damaged: list[Damage] = field(default_factory=list)
    n_damaged: int = 0

    def chunks(self, content: Any, step: Step) -> Iterator[Records]:
        """Yield the records of whole events, about `CHUNK_RECORDS` at a time."""
        frames: list[Frame] = []
        n_records, n_bytes = 0, 0
        for found in self.framing.frames(content):
            n_bytes += found.n_bytes
            if isinstance(found, Damage):
                self.n_damaged += 1
                if self.n_damaged <= MOST_NAMED:
                    self.damaged.append(found)
                continue
            frames.append(found)
            n_records += len(found.packed)
            if n_records >= CHUNK_RECORDS or len(frames) >= CHUNK_RECORDS:
                yield self._decoded(frames)
                step("decoding", n_bytes, len(content))
                frames, n_records = [], 0
        if frames:
            yield self._decoded(frames)

    def _decoded(self, frames: Sequence[Frame]) -> Records:
        words = self.framing.sent(np.concatenate([frame.packed for frame in frames]))
        decoded = self.autoencoder.decode_naming(words)
        if decoded.improbable is not None:
            self.n_improbable = (self.n_improbable or 0) + int(decoded.improbable.sum())
        self.n_events += len(frames)
        counts = np.array([len(frame.packed) for frame in frames], np.int64)
        numbers = np.array([frame.event for frame in frames], np.uint64)
        schema = self.autoencoder.schema
        # A variable may have that name.
        events = {} if schema.holds("event") else {"event": numbers}
        return Records(schema, decoded.values, counts, events)


@contextmanager
def _mapped(path: Path) -> Iterator[Any]:
    """Yield a file's bytes, of which no more is in memory than is looked at."""
    if not is_file(path):
        raise DataError(no_file(path))
    if path.stat().st_size == 0:
        yield b""
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
        yield view
