"""Finding files, opening them, and telling which format one has."""

import difflib
import glob
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aefpga.data.formats import FORMATS, Format, Own
from aefpga.data.formats.events import Adc2021, DarkMachines
from aefpga.data.sources import Source, hdf5, is_file, reading, root
from aefpga.data.sources.lines import LAYOUT, Lines
from aefpga.errors import DataError
from aefpga.schema import JETS, Schema


@dataclass(frozen=True)
class RecordFile:
    """An opened file: its columns, and the format that knows where the records are in it.

    Parameters
    ----------
    path : Path
        Where it is.
    source : Source
        Its columns.
    format : Format
        Which of them make which variables.
    """

    path: Path
    source: Source
    format: Format

    @property
    def columns(self) -> Schema:
        """The schema of all that this file can give."""
        available = self.format.available()
        return self.format.schema.select(n for n in self.format.schema.names if n in available)

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return which of the variables this file cannot give."""
        available = self.format.available()
        return tuple(n for n in names if n not in available)

    def feeds(self, schema: Schema) -> bool:
        """Whether this file can feed a table, if need be with zeros for what may be missing.

        Of jets, multiplicities, vertex and pileup energy may: they are zeros then, and named.
        """
        return all(schema.variable(n).is_optional for n in self.missing(schema.names))

    def events(self) -> dict[str, str]:
        """Return what the file says of each event, and the branches that say it."""
        here = self.source.branches
        return {name: branch for name, branch in self.format.events.items() if branch in here}


def find_files(inputs: Sequence[str]) -> list[Path]:
    """Return the files that names and globs stand for, each once, in order.

    A name that exists is that file, even where it could be a glob, such as ``a[1].root``.

    Raises
    ------
    DataError
        If a name does not exist or a glob matches nothing.
    """
    found: dict[Path, None] = {}
    for name in inputs:
        is_glob = glob.has_magic(name) and not is_file(Path(name))
        names = sorted(glob.glob(name)) if is_glob else [name]
        files = list(filter(is_file, map(Path, names)))
        if not files:
            kind = "no file matches" if is_glob else "there is no file"
            raise DataError(f"{kind} {name}; check the path")
        found.update(dict.fromkeys(files))
    return list(found)


@contextmanager
def open_file(
    path: Path, collection: str | None = None, schema: Schema | None = None
) -> Iterator[RecordFile]:
    """Open a file and find out its format and collection.

    Parameters
    ----------
    path : Path
        A file of ROOT, HDF5 (ADC2021) or lines of text (DarkMachines, named ``.csv``).
    collection : str or None
        Which collection; None takes the format's usual one.
    schema : Schema or None
        What is to be read, where a file may feed several records; None takes the first of them.

    Raises
    ------
    DataError
        If the file is missing, damaged, or holds nothing in a known format.
    """
    if _begins_with(path, hdf5.MAGIC):
        with hdf5.open_hdf5(path, Adc2021.tree) as source:
            yield _other(path, source, Adc2021, collection, f"data set {Adc2021.tree}")
    elif path.suffix == ".csv" and is_file(path):
        with reading(path, "a text"):
            lines = Lines(path)
        yield _other(path, lines, DarkMachines, collection, f"lines {LAYOUT}")
    else:
        with root.open_root(path) as file:
            with reading(path, root.KIND):
                found = _identify(path, file, collection, schema)
            yield found


def _begins_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:  # said by who reads it
        return False


def _other(
    path: Path, source: Source, kind: type[Format], collection: str | None, expected: str
) -> RecordFile:
    """Return a file that can have one format only."""
    held = kind.collections(source.branches)
    if not held:
        found = ", ".join(sorted(source.branches)) or "nothing"
        raise DataError(f"{path} is no file of {kind.name}: found {found}, expected {expected}")
    if collection not in (None, *held):
        raise DataError(f"{path} has no collection {collection}; it holds {', '.join(held)}")
    return RecordFile(path, source, kind(held[0], source.branches))


def _identify(path: Path, file: Any, collection: str | None, schema: Schema | None) -> RecordFile:
    if collection is not None:
        # CMS writes AOD collections with a dot at the end: `recoPFJets_ak5PFJets__RECO.`
        collection = collection.removesuffix(".").removesuffix(".obj")
    record = schema.name if schema else None
    held: list[str] = []
    # A file that feeds another record alone shall be said to.
    others = sorted(FORMATS, key=lambda kind: record not in (None, kind.schema.name))
    for kind in (Own.of(_own_schema(path, file)), *others):
        tree = file.get(kind.tree, None)
        # A histogram may bear the tree's name.
        if not hasattr(tree, "num_entries"):
            continue
        source = root.Tree(path, tree)
        found = kind.collections(source.branches)
        held += found
        if collection is None and found:
            usual = kind.default_collection
            name = usual if usual in found else found[0]
            return RecordFile(path, source, kind(name, source.branches))
        if collection in found:
            return RecordFile(path, source, kind(str(collection), source.branches))
    objects = ", ".join(k.partition(";")[0] for k in file.keys(recursive=False)) or "nothing"
    if collection is not None:
        near = difflib.get_close_matches(collection, held, n=3, cutoff=0.3) or held
        raise DataError(
            f"{path} has no collection {collection}; "
            + (f"it holds {', '.join(near)}" if held else f"its objects are {objects}")
        )
    known: list[type[Format]] = [Own]
    known += [kind for kind in others if kind.schema.name == (record or JETS.name)]
    raise DataError(
        f"{path} holds no {record or JETS.name} in a known format, nor another record that this "
        f"toolkit wrote; found {objects}, expected "
        + ", ".join(f"{k.tree} with {k.default_collection} ({k.name})" for k in known)
    )


def _own_schema(path: Path, file: Any) -> Schema:
    """Return the schema that a file of the toolkit's own says it holds; jets, if it says none."""
    if file.classnames(recursive=False).get("provenance;1") != "TObjString":
        return JETS
    try:
        record = json.loads(str(file["provenance"]))["record"]
    except (ValueError, LookupError, TypeError, RecursionError):
        # An older file, or another program's.
        return JETS
    return Schema.from_config(record, f"{path}, in its provenance,")
