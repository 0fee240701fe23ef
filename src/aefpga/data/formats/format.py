"""`Format`: where files of a kind keep a record, and how their branches become its variables.

A format is a small object: it says whether a file is its own, which variables it can give, which
branches those need, and how to compute them. Nothing here opens a file.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aefpga.schema import JETS, Schema

Columns = Mapping[str, Any]
# What identifies, weighs and labels an event, in CMS files and in the toolkit's own.
EVENT_BRANCHES = ("run", "luminosityBlock", "event", "genWeight", "weight", "process")


class Format(ABC):
    """A file format, which feeds one kind of record: jets, unless it says otherwise.

    Parameters
    ----------
    collection : str
        The collection to read.
    branches : collection of str
        All branches of the file's tree.

    Attributes
    ----------
    schema : Schema
        The record whose variables it gives.
    name, tree, default_collection : str
        How messages call it, its tree, and what is read of it where no collection is asked for.
    events : Mapping of str to str
        What is said of each event, and the branch that says it.
    hint, remedy : str
        What to do where branches are no lists of records, and where some are missing.
    """

    schema: ClassVar[Schema] = JETS
    name: ClassVar[str]
    tree: ClassVar[str]
    default_collection: ClassVar[str]
    events: ClassVar[Mapping[str, str]] = {name: name for name in EVENT_BRANCHES}

    hint: ClassVar[str] = "choose another --collection"
    remedy: ClassVar[str] = "another --collection (see `aefpga data inspect`)"

    def __init__(self, collection: str, branches: Collection[str]) -> None:
        self.collection = collection
        self.branches = frozenset(branches)

    @abstractmethod
    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return for each variable the format could give the branches that it needs."""

    def compute(self, variable: str, columns: Columns) -> Any:
        """Return one variable from the columns of its branches (jagged or flat, any dtype)."""
        needed = self.sources()[variable]
        total = columns[needed[0]]
        for branch in needed[1:]:
            total = total + columns[branch]
        return total

    def table(self, schema: Schema, columns: Columns, n_records: int) -> NDArray[np.float32]:
        """Return records, shape (n_records, n_variables); zeros for what is not available.

        Raises
        ------
        ValueError
            If the columns do not make a table of records.
        """
        import awkward as ak

        available = self.available()
        # Column after column, as they are compressed.
        values = np.zeros((n_records, len(schema)), np.float32, order="F")
        for i, name in enumerate(schema.names):
            if name not in available:
                continue
            column = self.compute(name, columns)
            if not schema.one_per_event:
                column = ak.flatten(column)
            elif column.ndim > 1:
                raise ValueError(f"{name} is a list for each event, a number was expected")
            # What float32 cannot hold becomes infinite, and is refused by the reader.
            with np.errstate(over="ignore"):
                values[:, i] = ak.to_numpy(column).astype(np.float32)
        return values

    def listed(self, columns: Columns) -> Mapping[str, Any]:
        """Return the columns that hold, for each event, a list with an entry for each record."""
        return columns

    def kept(self, columns: Columns) -> NDArray[np.bool_] | None:
        """Return which rows of the table are records at all, shape (n_records,); None for all.

        Raises
        ------
        ValueError
            If the columns do not say it.
        """
        return None

    def problem(self, schema: Schema, values: NDArray[np.float32]) -> tuple[int, str] | None:
        """Return the first row of a table that cannot be right, and why; None if there is none."""
        return None

    def available(self) -> dict[str, tuple[str, ...]]:
        """Return the variables that this very file can give, with their branches."""
        return {v: b for v, b in self.sources().items() if self.branches.issuperset(b)}

    @classmethod
    def collections(cls, branches: Collection[str]) -> list[str]:
        """Return the collections of this format that a tree with these branches holds."""
        return [cls.default_collection] if cls(cls.default_collection, branches).available() else []
