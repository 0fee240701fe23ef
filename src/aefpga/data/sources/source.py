"""`Source`: an opened file, read by columns of events."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from aefpga.errors import AefpgaError, DataError


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


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a name that is too long is none's."""
    try:
        return path.is_file()
    except OSError:
        return False


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


def _damaged(path: Path, kind: str, error: Exception) -> DataError:
    if not is_file(path):
        return DataError(f"there is no file {path}; check the path")
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return DataError(
        f"{path} cannot be read as {kind} file: it is damaged, truncated or of another kind "
        f"({reason[:200]}); copy it again"
    )
