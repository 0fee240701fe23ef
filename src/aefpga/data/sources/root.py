"""ROOT files: a TTree or an RNTuple."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uproot

from aefpga.data.sources.source import reading
from aefpga.errors import DataError

KIND = "a ROOT"
# Of the columns of an RNTuple: it is read by clusters of events, which are larger than our chunks.
_CACHE = "200 MB"


@contextmanager
def open_root(path: Path) -> Iterator[Any]:
    """Open a ROOT file as uproot does; DataError if it is none."""
    with reading(path, KIND):
        # Without these, uproot would keep every array read so far, up to 100 MB a file, and take
        # names with colons for addresses.
        root = uproot.open(path, array_cache=None, handler=uproot.MultithreadedFileSource)
    with root:
        yield root


def find_tree(path: Path, file: Any, name: str) -> "Tree":
    """Return the tree of this name; of none, the only one.

    Raises
    ------
    DataError
        If there is no such tree, or several without a name.
    """
    trees = [
        at
        for at, kind in file.classnames(recursive=True, cycle=False).items()
        if kind in ("TTree", "TNtuple", "TNtupleD") or kind.endswith("RNTuple")
    ]
    chosen = trees if not name else [name] if name in trees else []
    if len(chosen) != 1:
        held = ", ".join(trees[:20]) or "none"
        asked = f"no tree {name}" if name else f"{len(trees)} trees" if trees else "no tree"
        raise DataError(
            f"{path} has {asked}; its trees are {held}: name one with `tree:` in the "
            "schema, with --tree where one is drafted"
        )
    return Tree(path, file[chosen[0]])


class Tree:
    """A TTree or an RNTuple.

    Parameters
    ----------
    path : Path
        Where its file is.
    tree : TTree or RNTuple
        uproot's; both have the same methods.
    """

    def __init__(self, path: Path, tree: Any) -> None:
        self._path, self._tree = path, tree
        self._names = plain_names(tree)
        self._cache: Any = uproot.LRUArrayCache(_CACHE)

    @property
    def n_events(self) -> int:
        """Number of events."""
        # Of an RNTuple this reads its footer.
        with reading(self._path, KIND):
            return int(self._tree.num_entries)

    @property
    def branches(self) -> Collection[str]:
        """The plain names of the branches."""
        return self._names.keys()

    def read(self, branch: str, start: int, stop: int) -> Any:
        """Return a branch of the events from `start` to below `stop`."""
        # A tree is read by baskets of a few events: there, a cache would only take memory.
        cache = {"array_cache": self._cache} if _is_rntuple(self._tree) else {}
        with reading(self._path, KIND):
            return self._tree[self._names[branch]].array(
                entry_start=start, entry_stop=stop, library="ak", **cache
            )

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return how much space branches take in the file.

        Counters of records per event, which most formats keep beside, are not among them. Branches
        so small that a tree keeps them in its header count nothing: they are not told apart there.
        """
        with reading(self._path, KIND):
            found = [self._tree[self._names[branch]] for branch in branches]
            if not _is_rntuple(self._tree):
                return sum(int(branch.compressed_bytes) for branch in found)
            # Fields of one collection share the column that says where each event ends.
            columns = {column for branch in found for column in _columns(branch)}
            return sum(
                int(page.locator.num_bytes)
                for cluster in self._tree.page_link_list
                for column in columns & set(range(len(cluster)))
                for page in cluster[column].pages
            )


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
