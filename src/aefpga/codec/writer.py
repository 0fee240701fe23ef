"""Writing compressed files: records in, from wherever they come, chunks out."""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from aefpga import __version__
from aefpga.codec.chunk_writer import ChunkWriter, CodedChunk
from aefpga.codec.chunks import Chunks
from aefpga.codec.container import Writer, writing
from aefpga.codec.format import Header, Manifest, Source
from aefpga.codec.protocol import Codec
from aefpga.data.records import Records
from aefpga.entropy.speed import single_threaded
from aefpga.progress import Step, silent

# Conditional coding is learned from so many chunks at the start.
LEARNING_CHUNKS = 2
# Chunks that are coded at the same time, at most: each takes some 100 MB.
MAX_THREADS = 4


@dataclass(frozen=True)
class Writing:
    """How to write.

    Parameters
    ----------
    learns : bool
        Learn from the first records how columns depend on each other.
    models : Mapping of str to bytes or None
        What another file has learned (`Archive.models`), instead of learning.
    embeds_files : bool
        Put the files that the codec needs into this one; else it only states their checksums.
    run : str or None
        Name of the run that they are of.
    step : Step
        Told how far learning is.
    """

    learns: bool = False
    models: Mapping[str, bytes] | None = None
    embeds_files: bool = True
    run: str | None = None
    step: Step = silent


class ArchiveWriter:
    """Takes records until the file is complete; `create_archive` makes it.

    Attributes
    ----------
    sources : list of Source
        Files that the records come from.
    source_bytes : int
        What they take there.
    """

    def __init__(self, path: Path, codec: Codec, how: Writing, stack: ExitStack) -> None:
        self._path, self._codec, self._how, self._stack = path, codec, how, stack
        self._chunks, self._writer = Chunks(codec), ChunkWriter(codec)
        self._waiting: list[Records] = []
        self._file: Writer | None = None
        self._coding: deque[Future[CodedChunk]] = deque()
        self._n_threads = min(os.cpu_count() or 1, MAX_THREADS)
        self._pool = ThreadPoolExecutor(self._n_threads)
        stack.enter_context(single_threaded())
        stack.callback(self._pool.shutdown, cancel_futures=True)
        self._manifest: dict[str, Any] = {}
        self.sources: list[Source] = []
        self.source_bytes = 0

    def write(self, records: Records) -> None:
        """Take the records of some events.

        Raises
        ------
        UsageError
            If their columns are others than the codec's.
        DataError
            If they say other things of events than those before.
        """
        records = records.select(self._codec.task.schema.names)
        for chunk in self._chunks.add(records):
            self._take(chunk)

    def finish(self) -> None:
        """Write what is left, and the manifest."""
        for chunk in self._chunks.rest():
            self._take(chunk)
        file = self._file or self._begin()
        while self._coding:
            self._writer.write(file, self._coding.popleft().result())
        facts = self._writer.statistics.facts()
        manifest = Manifest(**facts, sources=self.sources, source_bytes=self.source_bytes)
        self._manifest.update(manifest.to_config())

    def _take(self, chunk: Records) -> None:
        """Have a chunk coded by a thread, and write those that are; the first ones wait."""
        if self._file:
            # One more than there are threads, so that none has to wait for records.
            while len(self._coding) > self._n_threads:
                self._writer.write(self._file, self._coding.popleft().result())
            self._coding.append(self._pool.submit(self._writer.coded, chunk))
            return
        self._waiting.append(chunk)
        if not self._how.learns or len(self._waiting) == LEARNING_CHUNKS:
            self._begin()

    def _begin(self) -> Writer:
        """Learn what is to be learned, write the start of the file, and have coded what waits."""
        waiting, models = self._waiting, dict[str, bytes]()
        self._waiting = []
        first = None
        if self._how.learns and any(map(len, waiting)):
            learned = self._how.models
            if learned is None:
                learned = self._writer.learn(Records.concatenate(waiting), self._how.step)
            models, first = self._writer.adopt(learned, waiting.pop(0))
        self._file = self._start(models)
        if first:
            self._writer.write(self._file, first)
        for chunk in waiting:
            self._take(chunk)
        return self._file

    def _start(self, models: Mapping[str, bytes]) -> Writer:
        files = self._codec.task.files
        header = Header.of(
            self._codec,
            aefpga=__version__,
            run=self._how.run,
            files={name: sha256(content).hexdigest() for name, content in files.items()},
            learned=tuple(models),
        )
        file = self._stack.enter_context(writing(self._path, header.to_config(), self._manifest))
        for name, content in files.items() if self._how.embeds_files else ():
            file.add(f"model/{name}", content)
        for name, content in models.items():
            file.add(f"entropy/{name}", content)
        return file


@contextmanager
def create_archive(path: Path, codec: Codec, how: Writing = Writing()) -> Iterator[ArchiveWriter]:
    """Yield a writer of a compressed file, which is there when the body ends without an error.

    Parameters
    ----------
    path : Path
        The file.
    codec : Codec
        Makes tables of integers of records.
    how : Writing
        How to write.
    """
    with ExitStack() as stack:
        writer = ArchiveWriter(path, codec, how, stack)
        yield writer
        writer.finish()
