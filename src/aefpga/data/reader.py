"""Reading jets from ROOT files, in chunks, whatever their format."""

import difflib
import glob
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray

from aefpga.data.formats import FORMATS, Format
from aefpga.data.records import Records
from aefpga.errors import AefpgaError, DataError
from aefpga.progress import Step, silent
from aefpga.schema import Schema

# Bounds the memory of a chunk: about 5 MB of float32 for 24 variables at 10 jets an event.
CHUNK_EVENTS = 5_000
# What identifies and weighs an event, in CMS files and in the toolkit's own.
EVENT_BRANCHES = ("run", "luminosityBlock", "event", "genWeight", "weight")


@dataclass(frozen=True)
class RecordFile:
    """An opened ROOT file: its tree, and the format that knows where the jets are in it."""

    path: Path
    tree: Any
    format: Format
    branches: dict[str, str]

    @property
    def n_events(self) -> int:
        """Number of events."""
        return int(self.tree.num_entries)

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return which of the variables this file cannot give."""
        available = self.format.available()
        return tuple(n for n in names if n not in available)

    def feeds(self, schema: Schema) -> bool:
        """Whether this file can feed a table, if need be with zeros for what may be missing.

        Of jets, multiplicities, vertex and pileup energy may: they are zeros then, and named.
        """
        return all(schema.variable(n).is_optional for n in self.missing(schema.names))


def find_files(inputs: Sequence[str]) -> list[Path]:
    """Return the files that names and globs stand for, each once, in order.

    Raises
    ------
    DataError
        If a name does not exist or a glob matches nothing.
    """
    found: dict[Path, None] = {}
    for name in inputs:
        matches = sorted(glob.glob(name)) if glob.has_magic(name) else [name]
        files = [Path(m) for m in matches if Path(m).is_file()]
        if not files:
            kind = "no file matches" if glob.has_magic(name) else "there is no file"
            raise DataError(f"{kind} {name}; check the path")
        found.update(dict.fromkeys(files))
    return list(found)


@contextmanager
def open_file(path: Path, collection: str | None = None) -> Iterator[RecordFile]:
    """Open a ROOT file and find out its format and jet collection.

    Raises
    ------
    DataError
        If the file is missing, truncated, not ROOT, or holds no jets in a known format.
    """
    with _reading(path):
        # uproot would keep every array read so far, up to 100 MB a file.
        root = uproot.open(path, array_cache=None)
    with root:
        with _reading(path):
            file = _identify(path, root, collection)
        yield file


def iterate_records(
    inputs: Sequence[str],
    schema: Schema,
    collection: str | None = None,
    step: Step = silent,
    *,
    with_events: bool = False,
) -> Iterator[Records]:
    """Read jets chunk by chunk; memory does not grow with the size of the files.

    Parameters
    ----------
    inputs : sequence of str
        File names and globs.
    schema : Schema
        The columns of the result.
    collection : str or None
        Jet collection; None takes the format's usual one.
    step : Step
        Told how many events are read.
    with_events : bool
        Also read those of `EVENT_BRANCHES` that the file has.

    Raises
    ------
    DataError
        If a file cannot be read, lacks variables, or holds NaN or infinities.
    """
    files = find_files(inputs)
    total = 0
    for path in files:
        with open_file(path, collection) as file:
            _check_variables(file, schema)
            total += file.n_events
    done = 0
    for path in files:
        with open_file(path, collection) as file:
            for jets in _chunks(file, schema, with_events):
                done += len(jets.counts)
                step("reading events", done, total)
                yield jets


def source_bytes(inputs: Sequence[str], schema: Schema, collection: str | None = None) -> int:
    """Return how much space the branches that `iterate_records` reads with events take, in files.

    Counters of records per event, which most formats keep beside, are not among them. Branches so
    small that a file keeps them in the tree's header count nothing there: they are not told apart.
    """
    total = 0
    for path in find_files(inputs):
        with open_file(path, collection) as file, _reading(path):
            events = [name for name in EVENT_BRANCHES if name in file.branches]
            for branch in (*_needed(file, schema.names), *events):
                total += int(file.tree[file.branches[branch]].compressed_bytes)
    return total


def read_records(
    inputs: Sequence[str],
    schema: Schema,
    collection: str | None = None,
    max_jets: int | None = None,
    step: Step = silent,
) -> Records:
    """Read all jets, or, in whole events, not many more than `max_jets`; see `iterate_records`."""
    parts: list[Records] = []
    read = 0
    for jets in iterate_records(inputs, schema, collection, step):
        parts.append(jets)
        read += len(jets)
        if max_jets is not None and read >= max_jets:
            break
    if not any(len(part.counts) for part in parts):
        raise DataError(f"there is no event in {', '.join(inputs)}; give files that hold jets")
    return Records.concatenate(parts)


def lacking(
    inputs: Sequence[str], schema: Schema, collection: str | None = None, *, alike: bool = False
) -> tuple[str, ...]:
    """Return the columns that at least one of the files lacks: `iterate_records` fills in zeros.

    Raises
    ------
    DataError
        If a file cannot be read or feed the table, or if all should be `alike` and two differ.
    """
    found: dict[Path, tuple[str, ...]] = {}
    for path in find_files(inputs):
        with open_file(path, collection) as file:
            _check_variables(file, schema)
            found[path] = file.missing(schema.names)
    first, *others = found
    for other in others if alike else ():
        if apart := sorted(set(found[first]) ^ set(found[other])):
            raise DataError(
                f"{first} and {other} differ in what they hold: only one of them has "
                f"{', '.join(apart)}; take them separately, or leave these out with --variables"
            )
    missing = set().union(*found.values())
    return tuple(name for name in schema.names if name in missing)


def _identify(path: Path, root: Any, collection: str | None) -> RecordFile:
    if collection is not None:
        # CMS writes AOD collections with a dot at the end: `recoPFJets_ak5PFJets__RECO.`
        collection = collection.removesuffix(".").removesuffix(".obj")
    held: list[str] = []
    for kind in FORMATS:
        tree = root.get(kind.tree, None)
        # A histogram may bear the tree's name.
        if not hasattr(tree, "num_entries"):
            continue
        branches = _leaf_branches(tree)
        found = kind.collections(branches)
        held += found
        if collection is None and found:
            usual = kind.default_collection
            name = usual if usual in found else found[0]
            return RecordFile(path, tree, kind(name, branches), branches)
        if collection in found:
            return RecordFile(path, tree, kind(str(collection), branches), branches)
    trees = [k.partition(";")[0] for k in root.keys(recursive=False)]
    if collection is not None:
        near = difflib.get_close_matches(collection, held, n=3, cutoff=0.3) or held
        raise DataError(
            f"{path} has no jet collection {collection}; "
            + (f"it holds {', '.join(near)}" if held else f"its objects are {', '.join(trees)}")
        )
    raise DataError(
        f"{path} holds no jets in a known format; found {', '.join(trees) or 'nothing'}, expected "
        + ", ".join(f"{k.tree} with {k.default_collection} ({k.name})" for k in FORMATS)
    )


def _leaf_branches(tree: Any) -> dict[str, str]:
    """Return, for each branch by its plain name, the name to read it by.

    AOD files nest branches: of ``recoPFJets_x./recoPFJets_x.obj/recoPFJets_x.obj.pt_`` the last
    part is the plain name. Branches that count the entries of another, which have an n before its
    name, are left out.
    """
    found = {key.rpartition("/")[2]: key for key in tree.keys(recursive=True)}
    return {name: key for name, key in found.items() if name[:1] != "n" or name[1:] not in found}


def _check_variables(file: RecordFile, schema: Schema) -> None:
    if file.feeds(schema):
        return
    lacking = [n for n in file.missing(schema.names) if not schema.variable(n).is_optional]
    branches = [b for n in lacking for b in file.format.sources().get(n, ())]
    absent = [b for b in dict.fromkeys(branches) if b not in file.branches]
    near = [m for b in absent[:3] for m in difflib.get_close_matches(b, file.branches, n=2)]
    raise DataError(
        f"{file.path} ({file.format.name}, collection {file.format.collection}) cannot give "
        f"{', '.join(lacking)}"
        + (f": branch {', '.join(absent)} is missing" if absent else "")
        + (f"; the nearest branches are {', '.join(dict.fromkeys(near))}" if near else "")
        + "; choose a smaller set with --variables, or another --collection "
        "(see `aefpga data inspect`)"
    )


def _chunks(file: RecordFile, schema: Schema, with_events: bool) -> Iterator[Records]:
    names = schema.names
    available, needed = file.format.available(), _needed(file, names)
    filled = file.missing(names)
    # A tree without events is one chunk, which says what is kept of events.
    for start in range(0, max(file.n_events, 1), CHUNK_EVENTS):
        stop = min(start + CHUNK_EVENTS, file.n_events)
        with _reading(file.path):
            columns = {
                b: file.tree[file.branches[b]].array(entry_start=start, entry_stop=stop)
                for b in needed
            }
        counts = _jets_per_event(file, columns, start)
        values = np.zeros((int(counts.sum()), len(names)), np.float32)
        for i, name in enumerate(names):
            if name in available:
                column = ak.flatten(file.format.compute(name, columns))
                # What float32 cannot hold becomes infinite, and is refused below.
                with np.errstate(over="ignore"):
                    values[:, i] = ak.to_numpy(column).astype(np.float32)
        _check_finite(file, names, values, np.repeat(np.arange(start, stop), counts))
        events = _event_columns(file, start, stop) if with_events else {}
        yield Records(schema, values, counts, events, filled)


def _needed(file: RecordFile, names: Sequence[str]) -> list[str]:
    """Return the branches that some variables are computed from."""
    available = file.format.available()
    needed = dict.fromkeys(b for n in names for b in available.get(n, ()))
    # Even where all variables are read as zeros, some branch says how many jets there are.
    return list(needed or dict.fromkeys(next(iter(available.values()))))


def _event_columns(file: RecordFile, start: int, stop: int) -> dict[str, NDArray[Any]]:
    with _reading(file.path):
        columns = {
            name: file.tree[file.branches[name]].array(
                entry_start=start, entry_stop=stop, library="np"
            )
            for name in EVENT_BRANCHES
            if name in file.branches
        }
    # A list for each event under such a name is something else.
    return {name: column for name, column in columns.items() if column.dtype != object}


def _jets_per_event(file: RecordFile, columns: dict[str, Any], start: int) -> NDArray[np.int64]:
    """Return the number of jets of each event, on which all branches must agree."""
    counts: NDArray[np.int64] | None = None
    for branch, column in columns.items():
        if column.ndim != 2:
            raise DataError(
                f"{file.path}: branch {branch} holds {column.type.content} for each event, expected"
                " a list with one number for each jet; choose another --collection"
            )
        here = ak.to_numpy(ak.num(column)).astype(np.int64)
        counts = here if counts is None else counts
        if not np.array_equal(here, counts):
            event = int((here != counts).argmax())
            raise DataError(
                f"{file.path}: in event {start + event} branch {branch} holds {here[event]} jets "
                f"and {next(iter(columns))} holds {counts[event]}; they are of different "
                "collections or the file was written wrongly"
            )
    assert counts is not None, "there is always a branch to read"
    return counts


def _check_finite(
    file: RecordFile, names: Sequence[str], values: NDArray[np.float32], event: NDArray[np.int64]
) -> None:
    """Refuse NaN and infinity; `event` gives, for each row, its entry in the tree."""
    bad = ~np.isfinite(values)
    if bad.any():
        column = int(bad.any(axis=0).argmax())
        branches = ", ".join(file.format.available()[names[column]])
        first = event[bad[:, column].argmax()]
        raise DataError(
            f"{file.path}: {int(bad.sum())} NaN or infinite values, first in {names[column]} "
            f"(from {branches}) in event {first}, counted up to event {event[-1]}; "
            "remove these jets from the file"
        )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what uproot raises into one clear error.

    That may be anything: damaged bytes surface as exceptions of zlib, cramjam (LZMA, Zstandard,
    LZ4), struct and others. Only calls of uproot belong inside.
    """
    try:
        yield
    except AefpgaError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    if not path.exists():
        return DataError(f"there is no file {path}")
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return DataError(
        f"{path} cannot be read as a ROOT file: it is damaged, truncated or of another kind "
        f"({reason[:200]}); copy it again"
    )
