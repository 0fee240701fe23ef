"""Tables of any kind: which kind a file is, and its columns."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from aefpga.data.sources import arrays, hdf5, parquet, root
from aefpga.data.sources.delimited import Delimited
from aefpga.data.sources.source import Source, reading

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".dat")
ROOT, HDF5, PARQUET, NUMPY, TEXT = "ROOT", "HDF5", "Parquet", "NumPy", "text"
_MAGIC = {
    hdf5.MAGIC: HDF5,
    parquet.MAGIC: PARQUET,
    arrays.MAGIC: NUMPY,
    arrays.MAGIC_OF_MANY: NUMPY,
}


def kind_of(path: Path) -> str:
    """Return what kind of file this is, by its first bytes; of some, by its suffix.

    What is nothing else, or cannot be read, is for uproot to judge.
    """
    try:
        with path.open("rb") as file:
            first = file.read(8)
    except OSError:  # said by who reads it
        return ROOT
    for magic, kind in _MAGIC.items():
        if first.startswith(magic):
            return kind
    if first.startswith(b"root") or path.suffix.lower() == ".root":
        return ROOT
    is_text = first != b"" and all(32 <= c < 127 or c in b"\t\r\n" for c in first)
    return TEXT if is_text or path.suffix.lower() in TEXT_SUFFIXES else ROOT


@contextmanager
def open_table(path: Path, within: str = "", needed: Collection[str] = ()) -> Iterator[Source]:
    """Open a table.

    Parameters
    ----------
    path : Path
        A file of ROOT, HDF5, Parquet, NumPy or text with columns.
    within : str
        Where in it the columns are, if it has several tables: a tree, a group or a data set.
    needed : collection of str
        Columns that are to be read: they must have as many rows.

    Raises
    ------
    DataError
        If it is missing, damaged, or holds no such table.
    """
    match kind_of(path):
        case "HDF5":
            with hdf5.open_hdf5(path, needed, within) as sets:
                yield sets
        case "Parquet":
            with parquet.open_parquet(path) as columns:
                yield columns
        case "NumPy":
            yield arrays.Arrays(path, needed)
        case "text":
            with reading(path, "a text"):
                lines = Delimited(path)
            yield lines
        case _:
            with root.open_root(path) as file:
                with reading(path, root.KIND):
                    tree = root.find_tree(path, file, within)
                yield tree
