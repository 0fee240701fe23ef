"""Finding ROOT files, opening them, and telling which format a file has."""

import difflib
import glob
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uproot

from aefpga.data.formats import FORMATS, Format, Own
from aefpga.errors import AefpgaError, DataError
from aefpga.schema import JETS, Schema

# Of the columns of an RNTuple: it is read by clusters of events, which are larger than our chunks.
_CACHE = "200 MB"


@dataclass(frozen=True)
class RecordFile:
    """An opened ROOT file: its tree, and the format that knows where the records are in it.

    Parameters
    ----------
    path : Path
        Where it is.
    tree : TTree or RNTuple
        uproot's; both have the same methods.
    format : Format
        Which branches of the tree make which variables.
    branches : dict of str to str
        The names to read branches by, by their plain names.
    """

    path: Path
    tree: Any
    format: Format
    branches: dict[str, str]
    _cache: Any = field(default_factory=lambda: uproot.LRUArrayCache(_CACHE), repr=False)

    @property
    def n_events(self) -> int:
        """Number of events."""
        return int(self.tree.num_entries)

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

    def read(self, branch: str, start: int, stop: int, library: str = "ak") -> Any:
        """Return a branch of the events from `start` to below `stop`."""
        # A tree is read by baskets of a few events: there, a cache would only take memory.
        cache = {"array_cache": self._cache} if _is_rntuple(self.tree) else {}
        with reading(self.path):
            return self.tree[self.branches[branch]].array(
                entry_start=start, entry_stop=stop, library=library, **cache
            )

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return how much space branches take in the file.

        Counters of records per event, which most formats keep beside, are not among them. Branches
        so small that a tree keeps them in its header count nothing: they are not told apart there.
        """
        with reading(self.path):
            found = [self.tree[self.branches[branch]] for branch in branches]
            if not _is_rntuple(self.tree):
                return sum(int(branch.compressed_bytes) for branch in found)
            # Fields of one collection share the column that says where each event ends.
            columns = {column for branch in found for column in _columns(branch)}
            return sum(
                int(page.locator.num_bytes)
                for cluster in self.tree.page_link_list
                for column in columns & set(range(len(cluster)))
                for page in cluster[column].pages
            )


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
        is_glob = glob.has_magic(name) and not _is_file(Path(name))
        names = sorted(glob.glob(name)) if is_glob else [name]
        files = list(filter(_is_file, map(Path, names)))
        if not files:
            kind = "no file matches" if is_glob else "there is no file"
            raise DataError(f"{kind} {name}; check the path")
        found.update(dict.fromkeys(files))
    return list(found)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


@contextmanager
def open_file(path: Path, collection: str | None = None) -> Iterator[RecordFile]:
    """Open a ROOT file and find out its format and collection.

    Raises
    ------
    DataError
        If the file is missing, truncated, not ROOT, or holds nothing in a known format.
    """
    with reading(path):
        # Without these, uproot would keep every array read so far, up to 100 MB a file, and take
        # names with colons for addresses.
        root = uproot.open(path, array_cache=None, handler=uproot.MultithreadedFileSource)
    with root:
        with reading(path):
            file = _identify(path, root, collection)
        yield file


@contextmanager
def reading(path: Path) -> Iterator[None]:
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
    if not _is_file(path):
        return DataError(f"there is no file {path}; check the path")
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return DataError(
        f"{path} cannot be read as a ROOT file: it is damaged, truncated or of another kind "
        f"({reason[:200]}); copy it again"
    )


def _identify(path: Path, root: Any, collection: str | None) -> RecordFile:
    if collection is not None:
        # CMS writes AOD collections with a dot at the end: `recoPFJets_ak5PFJets__RECO.`
        collection = collection.removesuffix(".").removesuffix(".obj")
    held: list[str] = []
    for kind in (Own.of(_own_schema(path, root)), *FORMATS):
        tree = root.get(kind.tree, None)
        # A histogram may bear the tree's name.
        if not hasattr(tree, "num_entries"):
            continue
        branches = plain_names(tree)
        found = kind.collections(branches)
        held += found
        if collection is None and found:
            usual = kind.default_collection
            name = usual if usual in found else found[0]
            return RecordFile(path, tree, kind(name, branches), branches)
        if collection in found:
            return RecordFile(path, tree, kind(str(collection), branches), branches)
    objects = ", ".join(k.partition(";")[0] for k in root.keys(recursive=False)) or "nothing"
    if collection is not None:
        near = difflib.get_close_matches(collection, held, n=3, cutoff=0.3) or held
        raise DataError(
            f"{path} has no collection {collection}; "
            + (f"it holds {', '.join(near)}" if held else f"its objects are {objects}")
        )
    known: tuple[type[Format], ...] = (Own, *FORMATS)
    raise DataError(
        f"{path} holds no jets in a known format, nor another record that this toolkit wrote; "
        f"found {objects}, expected "
        + ", ".join(f"{k.tree} with {k.default_collection} ({k.name})" for k in known)
    )


def _own_schema(path: Path, root: Any) -> Schema:
    """Return the schema that a file of the toolkit's own says it holds; jets, if it says none."""
    if root.classnames(recursive=False).get("provenance;1") != "TObjString":
        return JETS
    try:
        record = json.loads(str(root["provenance"]))["record"]
    except (ValueError, LookupError, TypeError, RecursionError):
        # An older file, or another program's.
        return JETS
    return Schema.from_config(record, f"{path}, in its provenance,")


def plain_names(tree: Any) -> dict[str, str]:
    """Return, for each branch by its plain name, the name to read it by.

    AOD files nest branches: of ``recoPFJets_x./recoPFJets_x.obj/recoPFJets_x.obj.pt_`` the last
    part is the plain name. Branches that count the entries of another, which have an n before its
    name, are left out. RNTuples have ``Jet.pt`` for ``Jet_pt``, if they hold a collection of
    records; ROOT's importer calls those ``_collection0``, and has an alias ``Jet_pt`` beside.
    """
    keys = tree.keys(recursive=True)
    if _is_rntuple(tree):
        found = {key.replace(".", "_"): key for key in keys if key[:1] != "_"}
    else:
        found = {key.rpartition("/")[2]: key for key in keys}
    return {name: key for name, key in found.items() if name[:1] != "n" or name[1:] not in found}


def _is_rntuple(tree: Any) -> bool:
    return isinstance(tree, uproot.behaviors.RNTuple.RNTuple)


def _columns(field: Any) -> Iterator[int]:
    """Yield the numbers of an RNTuple's columns from which a field is read."""
    form, _ = field.to_akform()
    for key in form.expected_from_buffers(buffer_key="{form_key}"):
        if key.startswith("column-"):
            yield int(key.split("-")[1])
