"""Finding files, opening them, and telling which format one has."""

import difflib
import glob
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aefpga.data.formats import FORMATS, Format, Own, Table
from aefpga.data.formats.events import Adc2021, DarkMachines
from aefpga.data.sources import Source, hdf5, reading, root
from aefpga.data.sources.lines import LAYOUT, Lines
from aefpga.data.sources.parquet import open_parquet
from aefpga.data.sources.table import HDF5, PARQUET, ROOT, TEXT, kind_of, open_table
from aefpga.errors import DataError
from aefpga.files import is_file, no_file
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
        """The schema of all that this file can give; DataError if that is nothing."""
        available = self.format.available()
        if not available:
            wanted = dict.fromkeys(
                b for branches in self.format.sources().values() for b in branches
            )
            raise DataError(
                f"{self.path} ({self.format.name}): there is nothing of {self.format.schema.name}; "
                f"expected {', '.join(wanted)[:300]}, found {', '.join(self.source.branches)[:300]}"
            )
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
        return {
            name: branch
            for name, branch in self.format.events.items()
            if branch in here and not self.format.schema.holds(name)
        }


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
            raise DataError(f"no file matches {name}; check the path" if is_glob else no_file(name))
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
        A file of ROOT, HDF5, Parquet, NumPy or text with columns; without a schema of one's own, of
        a known format.
    collection : str or None
        Which collection; None takes the format's usual one.
    schema : Schema or None
        What is to be read, where a file may feed several records; None takes the first of them. A
        record that no format is known for is read from any table, as its schema says.

    Raises
    ------
    DataError
        If the file is missing, damaged, or holds nothing in a known format.
    """
    kind, is_known = kind_of(path), schema is None or _has_formats(schema)
    if kind == ROOT:
        with root.open_root(path) as file:
            with reading(path, root.KIND):
                own = _own_schema(path, _provenance(file))
                if is_known or own is not None:
                    found = _identify(path, file, own or JETS, collection, schema)
                else:
                    assert schema is not None, "None is known"
                    tree = root.find_tree(path, file, schema.tree)
                    found = _of_table(path, tree, schema, collection)
            yield found
    elif kind == PARQUET:
        with open_parquet(path) as columns:
            own = _own_schema(path, columns.provenance)
            if own is not None:
                yield _other(path, columns, Own.of(own), collection, ", ".join(own.names))
            elif schema is not None and not is_known:
                yield _of_table(path, columns, schema, collection)
            else:
                raise _unknown(path, kind, schema)
    elif schema is not None and not is_known:
        sources = Table.of(schema)(schema.name, ()).sources().values()
        needed = dict.fromkeys(branch for branches in sources for branch in branches)
        with open_table(path, schema.tree, needed) as source:
            yield _of_table(path, source, schema, collection)
    elif kind == HDF5:
        with hdf5.open_hdf5(path, [Adc2021.tree]) as source:
            yield _other(path, source, Adc2021, collection, f"data set {Adc2021.tree}")
    elif kind == TEXT:
        with reading(path, "a text"):
            lines = Lines(path)
        if not lines.begin_as_events:
            raise DataError(
                f"{path} is no file of {DarkMachines.name}: its first line is no event, expected "
                f"{LAYOUT}; {_own_way(path)}"
            )
        yield _other(path, lines, DarkMachines, collection, f"lines {LAYOUT}")
    else:
        raise _unknown(path, kind, schema)


def _unknown(path: Path, kind: str, schema: Schema | None) -> DataError:
    """Return the error of a file that can have no known format."""
    return DataError(
        f"{path} is a {kind} file, which no format of {schema.name if schema else JETS.name} is; "
        f"{_own_way(path)}"
    )


def _has_formats(schema: Schema) -> bool:
    return schema.name in {kind.schema.name for kind in FORMATS}


def _own_way(path: Path) -> str:
    """Say what to do with a file that is in no known format."""
    return (
        f"any table can be read with a schema of your own: `aefpga data schema {path} > "
        "mine.yaml`, then --schema mine.yaml or, of verbs that lack it, a run trained with it "
        "(docs/any_table.md)"
    )


def _of_table(path: Path, source: Source, schema: Schema, collection: str | None) -> RecordFile:
    """Return a file of any table."""
    kind = Table.of(schema)
    if collection not in (None, schema.name):
        raise DataError(
            f"{path} has no collection {collection}: its columns are read as the schema of "
            f"{schema.name} says; leave --collection out"
        )
    return RecordFile(path, source, kind(schema.name, source.branches))


def _other(
    path: Path, source: Source, kind: type[Format], collection: str | None, expected: str
) -> RecordFile:
    """Return a file that can have one known format only."""
    held = kind.collections(source.branches)
    if not held:
        found = ", ".join(sorted(source.branches)) or "nothing"
        raise DataError(
            f"{path} is no file of {kind.name}: found {found[:500]}, expected {expected}; "
            f"{_own_way(path)}"
        )
    if collection not in (None, *held):
        raise DataError(f"{path} has no collection {collection}; it holds {', '.join(held)}")
    return RecordFile(path, source, kind(held[0], source.branches))


def _identify(
    path: Path, file: Any, own: Schema, collection: str | None, schema: Schema | None
) -> RecordFile:
    """Return a ROOT file in a known format; one of the toolkit's own may hold `own` records."""
    if collection is not None:
        # CMS writes AOD collections with a dot at the end: `recoPFJets_ak5PFJets__RECO.`
        collection = collection.removesuffix(".").removesuffix(".obj")
    record = schema.name if schema else None
    held: list[str] = []
    # A file that feeds another record alone shall be said to.
    others = sorted(FORMATS, key=lambda kind: record not in (None, kind.schema.name))
    for kind in (Own.of(own), *others):
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
        f"toolkit wrote; found {objects[:500]}, expected "
        + ", ".join(f"{k.tree} with {k.default_collection} ({k.name})" for k in known)
        + f"; {_own_way(path)}"
    )


def _provenance(file: Any) -> str | None:
    """Return what this toolkit said of a ROOT file that it wrote, as JSON."""
    is_said = file.classnames(recursive=False).get("provenance;1") == "TObjString"
    return str(file["provenance"]) if is_said else None


def _own_schema(path: Path, provenance: str | None) -> Schema | None:
    """Return the schema that a file of the toolkit's own says it holds, if it says any."""
    if provenance is None:
        return None
    try:
        record = json.loads(provenance)["record"]
    except (ValueError, LookupError, TypeError, RecursionError):
        # An older file, or another program's.
        return None
    return Schema.from_config(record, f"{path}, in its provenance,")
