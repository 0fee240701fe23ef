"""Writing files that appear complete or not at all."""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import AefpgaError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`, renamed to it on success and removed otherwise.

    Parameters
    ----------
    target : Path
        The final name; its parent folders are created. May be a file or, if the body creates a
        folder under the temporary name, a folder (which then replaces an older one).

    Yields
    ------
    Path
        The temporary name, in the same folder and with the same suffix; it does not exist yet.

    Raises
    ------
    AefpgaError
        If the disk refuses (full, read-only, no permission).
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
            temporary = Path(folder) / target.name
            yield temporary
            if temporary.is_dir() and target.exists():
                shutil.rmtree(target)
            os.replace(temporary, target)
    except OSError as error:
        raise AefpgaError(
            f"cannot write {target}: {error.strerror or error}; free space or choose another folder"
        ) from error


def write_json(target: Path, content: Any) -> None:
    """Write `content` as indented JSON, complete or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def load_arrays(source: Path | BinaryIO) -> dict[str, NDArray[Any]]:
    """Return the arrays of a NumPy archive; never what needs a pickle.

    Raises
    ------
    ValueError
        If it is damaged, or something else.
    """
    try:
        with np.load(source, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    # NumPy raises the last three of what is no archive, or claims to be larger than any memory.
    except (
        OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error,
        TypeError, AttributeError, MemoryError,
    ) as error:  # fmt: skip
        raise ValueError(f"no readable NumPy archive: {error}") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
