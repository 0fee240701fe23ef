"""`Source`: an opened file, read by columns of events."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from aefpga.errors import AefpgaError, DataError
from aefpga.files import allowance, is_file, no_file


class Source(Protocol):
    """Columns of events."""

    @property
    def n_events(self) -> int:
        """Number of events."""

    @property
    def branches(self) -> Collection[str]:
        """The names of the columns."""

    def read(self, branch: str, start: int, stop: int) -> Any:
        """Return a column of the events from `start` to below `stop`, as an Awkward array."""

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return how much space columns take in the file."""


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn what a library raises that reads a kind of file into one clear error.

    That may be anything: damaged bytes surface as exceptions of zlib, cramjam (LZMA, Zstandard,
    LZ4), struct and others. Only calls of such a library belong inside.
    """
    try:
        yield
    except AefpgaError:
        raise
    except Exception as error:
        raise _damaged(path, kind, error) from error


def check_claim(path: Path, what: str, size: int) -> None:
    """Raise DataError if something in a file claims more bytes than can have been in it."""
    limit = allowance(path.stat().st_size)
    if size > limit:
        raise DataError(
            f"{path}: {what} claims {size:,} bytes; of a file of its size at most {limit:,} were "
            "expected: it is damaged, or packed more than any data"
        )


def rows_of(path: Path, lengths: Mapping[str, int], needed: Collection[str]) -> int:
    """Return how many rows the columns have that are needed; of none, those that most have.

    Parameters
    ----------
    path : Path
        The file, for the message.
    lengths : Mapping of str to int
        Of each column.
    needed : collection of str
        Those that must have as many; one that is not there has its own error.

    Raises
    ------
    DataError
        If two differ.
    """
    here = {name: lengths[name] for name in needed if name in lengths}
    if not here:
        return Counter(lengths.values()).most_common(1)[0][0] if lengths else 0
    first, *others = here
    for other in others:
        if here[other] != here[first]:
            raise DataError(
                f"{path}: {first} has {here[first]:,} rows and {other} has {here[other]:,}; as "
                "many were expected"
            )
    return here[first]


def _damaged(path: Path, kind: str, error: Exception) -> DataError:
    if not is_file(path):
        return DataError(no_file(path))
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return DataError(
        f"{path} cannot be read as {kind} file: it is damaged, truncated or of another kind "
        f"({reason[:200]}); copy it again"
    )
