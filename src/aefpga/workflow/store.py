"""`compress` of many files into a folder: a Dask task a file, on this machine or on a cluster.

The folder's `manifest.jsonl` is the truth of what is done: a line says how everything is
compressed, then one line follows for each finished file. A line is added when a file has its final
name, so whatever dies in between, the next call goes on with what has no line.
"""

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from aefpga import __version__
from aefpga.codec.archive import Archive
from aefpga.codec.bounds import to_config
from aefpga.data.opening import find_files
from aefpga.errors import AefpgaError, DataError, RunError, UsageError
from aefpga.files import remove_leftovers, sha256_of
from aefpga.progress import Step, silent
from aefpga.runs import Run, open_run
from aefpga.schema import STANDARD
from aefpga.workflow.compress import Settings, compress, schema_for
from aefpga.workflow.workers import dask_client

SCHEMA_VERSION = 2
MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Entry:
    """A finished file: where it came from, as it then was, and what was made of it.

    `source_bytes` are those of the branches that were read.
    """

    source: str
    source_size: int
    source_modified: int
    source_bytes: int
    output: str
    sha256: str
    compressed_bytes: int
    records: int
    events: int
    seconds: float
    learned: bool


@dataclass
class Stored:
    """What a call did to a folder of compressed files."""

    folder: str
    files: int = 0
    found_done: int = 0
    records: int = 0
    source_bytes: int = 0
    compressed_bytes: int = 0
    seconds: float = 0.0
    # Of each file that could not be compressed, why.
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Count a file."""
        self.files += 1
        self.records += entry.records
        self.source_bytes += entry.source_bytes
        self.compressed_bytes += entry.compressed_bytes


def compress_store(
    run: Run | None,
    inputs: Sequence[str],
    folder: Path,
    settings: Settings,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    step: Step = silent,
) -> Stored:
    """Compress each ROOT file into a file of its own; go on where an earlier call ended.

    Parameters
    ----------
    run : Run or None
        As of `compress`. Workers on other machines must see its folder under the same path, and
        those of the files.
    inputs : sequence of str
        ROOT files and globs.
    folder : Path
        Where outputs go, under the names of their inputs below the folder common to all.
    settings : Settings
        How; with level ``best`` the largest file is compressed first, and what was learned from it
        is used for all.
    scheduler : str or None
        Address of a Dask scheduler; None starts workers on this machine.
    workers : int or None
        Number of these; None takes one a core.
    step : Step
        Told how far it is.

    Raises
    ------
    UsageError
        If the folder was made with other settings, two inputs would get one name, or no scheduler
        answers at the address.
    DataError
        If an input does not exist.
    """
    names = _output_names(find_files(inputs))
    with _Manifest.of(folder, _facts(run, settings)) as done:
        return _compress_missing(run, names, done, settings, scheduler, workers, step)


def _compress_missing(
    run: Run | None,
    names: Mapping[Path, str],
    done: "_Manifest",
    settings: Settings,
    scheduler: str | None,
    workers: int | None,
    step: Step,
) -> Stored:
    began = time.perf_counter()
    stored, waiting = Stored(str(done.folder)), {}
    for source, name in names.items():
        if entry := done.entry(source):
            stored.add(entry)
            stored.found_done += 1
        else:
            done.check_free(source, name)
            waiting[source] = name

    def finish(source: Path, outcome: Entry | str) -> None:
        if isinstance(outcome, Entry):
            done.add(outcome)
            stored.add(outcome)
        else:
            stored.failed[str(source)] = outcome
        step("files", stored.files + len(stored.failed), len(names))

    step("files", stored.files, len(names))
    if waiting:
        with dask_client(scheduler, workers or min(os.cpu_count() or 1, len(waiting))) as client:
            outcomes = partial(_outcomes, client, run, done.folder)
            if settings.level == "best" and settings.learned_from is None:
                by_size = sorted(waiting, key=lambda path: path.stat().st_size)
                # The next largest only if the largest is damaged: if it is too small, all are.
                before = stored.files
                while by_size and done.learned() is None and stored.files == before:
                    largest = by_size.pop()
                    for source, outcome in outcomes({largest: waiting.pop(largest)}, settings):
                        finish(source, outcome)
                level = "best" if done.learned() else "fast"
                settings = replace(settings, level=level, learned_from=done.learned())
            for source, outcome in outcomes(waiting, settings):
                finish(source, outcome)
        for name in names.values():
            remove_leftovers(done.folder / name)
    stored.seconds = time.perf_counter() - began
    return stored


def compress_file(
    run: Path | None, source: Path, folder: Path, name: str, settings: Settings
) -> Entry | str:
    """Compress one file, on a worker; return its entry, or why it could not be."""
    began, state, output = time.perf_counter(), source.stat(), folder / name
    try:
        opened = open_run(str(run), run.parent) if run else None
        facts = compress(opened, [str(source)], output, settings)
    except AefpgaError as error:
        return str(error)
    return Entry(
        source=str(source),
        source_size=state.st_size,
        source_modified=state.st_mtime_ns,
        source_bytes=facts.source_bytes,
        output=name,
        sha256=sha256_of(output),
        compressed_bytes=output.stat().st_size,
        records=facts.records,
        events=facts.events,
        seconds=time.perf_counter() - began,
        learned=bool(Archive(output).models()),
    )


def _outcomes(
    client: Any, run: Run | None, folder: Path, files: Mapping[Path, str], settings: Settings
) -> Iterator[tuple[Path, Entry | str]]:
    """Yield, as workers end, each file with its entry or with why there is none."""
    from distributed import as_completed

    of_run = run.folder.resolve() if run else None
    futures = {
        client.submit(compress_file, of_run, source, folder, name, settings, pure=False): source
        for source, name in files.items()
    }
    for future in as_completed(futures):
        try:
            yield futures[future], future.result()
        except Exception as error:  # whatever a worker dies of is the file's outcome
            yield futures[future], f"its worker failed: {error or type(error).__name__}"
        future.release()


class _Manifest:
    """What is done in a folder; see the module."""

    def __init__(self, folder: Path, stream: BinaryIO, facts: Mapping[str, Any]) -> None:
        self.folder, self._stream, self._entries = folder, stream, dict[str, Entry]()
        header, *lines = _whole_lines(stream, folder / MANIFEST) or [{}]
        if not header:
            self._append({"schema": SCHEMA_VERSION, "aefpga": __version__, "settings": facts})
            return
        if header.get("schema") != SCHEMA_VERSION:
            raise RunError(
                f"{folder / MANIFEST} has schema {header.get('schema')}, expected "
                f"{SCHEMA_VERSION}: it is damaged or of another version; choose another folder"
            )
        before = header.get("settings", {})
        for name, value in facts.items():
            if value != before.get(name):
                raise UsageError(
                    f"{folder} was made with another {name.replace('_', ' ')}: {before.get(name)}, "
                    f"now {value}; choose another folder"
                )
        for number, line in enumerate(lines, 2):
            try:
                entry = Entry(**line)
            except TypeError as error:
                raise _damaged(folder / MANIFEST, number) from error
            self._entries[entry.source] = entry

    @classmethod
    @contextmanager
    def of(cls, folder: Path, facts: Mapping[str, Any]) -> Iterator["_Manifest"]:
        """Open a folder's manifest, or begin one, and keep other calls out of the folder."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stream = (folder / MANIFEST).open("a+b")
        except OSError as error:
            raise UsageError(f"{folder} cannot be a folder of outputs: {error.strerror}") from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UsageError(f"another call works on {folder}; wait for its end") from error
            yield cls(folder.resolve(), stream, facts)

    def entry(self, source: Path) -> Entry | None:
        """Return the entry of a file that is done, and has not changed since."""
        entry, state = self._entries.get(str(source)), source.stat()
        if entry is None:
            return None
        output = self.folder / entry.output
        as_then = (entry.source_size, entry.source_modified) == (state.st_size, state.st_mtime_ns)
        is_there = output.exists() and output.stat().st_size == entry.compressed_bytes
        return entry if as_then and is_there else None

    def check_free(self, source: Path, name: str) -> None:
        """Raise UsageError if an output of this name was made of another source."""
        for entry in self._entries.values():
            if entry.output == name and entry.source != str(source):
                raise UsageError(
                    f"{source} would become {name}, which was made of {entry.source}; choose "
                    "another folder, or give all inputs in one call"
                )

    def learned(self) -> Path | None:
        """Return a file whose learned coding the others use."""
        for entry in self._entries.values():
            path = self.folder / entry.output
            if entry.learned and path.exists():
                return path
        return None

    def add(self, entry: Entry) -> None:
        """Record a finished file."""
        self._entries[entry.source] = entry
        self._append(asdict(entry))

    def _append(self, content: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(content).encode() + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())


def _whole_lines(stream: BinaryIO, path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, and cut off the one that a crash cut short."""
    stream.seek(0)
    content = stream.read()
    whole = content[: content.rfind(b"\n") + 1]
    stream.truncate(len(whole))
    lines = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise _damaged(path, number) from error
        if not isinstance(found, dict):
            raise _damaged(path, number)
        lines.append(found)
    return lines


def _damaged(path: Path, number: int) -> DataError:
    return DataError(f"{path}: line {number} is damaged; remove it, and its file is made again")


def _output_names(sources: Sequence[Path]) -> dict[Path, str]:
    """Return the name of each file's output: its own below the folder common to all."""
    sources = [source.resolve() for source in sources]
    common = os.path.commonpath([source.parent for source in sources])
    names = {s: str(s.relative_to(common).with_suffix(".aejets")) for s in sources}
    (name, often), *_ = Counter(names.values()).most_common(1)
    if often > 1:
        raise UsageError(f"{often} inputs would become {name}; compress them separately")
    return names


def _facts(run: Run | None, settings: Settings) -> dict[str, Any]:
    """Return what all files of a folder have in common."""
    schema = schema_for(run, settings)
    return {
        "record": schema.name if schema.name in STANDARD else schema.to_config(),
        "variables": list(schema.names),
        "codec": settings.codec or ("autoencoder" if run else "scalar"),
        "encoder": run.spec.hash if run else None,
        "max_error": to_config(settings.profile),
        "level": settings.level,
        "options": dict(settings.options),
        "embed_model": settings.with_model,
        "collection": settings.collection,
    }
