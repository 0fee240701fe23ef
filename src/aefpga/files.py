"""Writing files that appear complete or not at all."""

import errno
import fcntl
import hashlib
import json
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import AefpgaError, UsageError

# Arrays of an archive, at most; models have a few for each layer.
MAX_ARRAYS = 1000
# What to do where a file cannot be written.
_ADVICE = {
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EISDIR: "choose the name of a file",
}


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
        The temporary name, on the same disk and with the same suffix; it does not exist yet.

    Raises
    ------
    AefpgaError
        If the disk refuses (full, read-only, no permission), or the target is no file.
    """
    asked = target
    try:
        if target.exists() and not (target.is_file() or target.is_dir()):
            raise UsageError(f"{target} is a device or a pipe; expected the name of a file")
        if target.is_symlink():
            # What it leads to is written, and the link stays.
            target = Path(os.path.realpath(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target)
        with _own_folder(target) as folder:
            temporary = folder / asked.name
            yield temporary
            if temporary.is_dir() and target.exists():
                shutil.rmtree(target)
            os.replace(temporary, target)
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "free space or choose another folder")
        raise AefpgaError(f"cannot write {asked}: {error.strerror or error}; {advice}") from error


def remove_leftovers(target: Path) -> None:
    """Remove what writers of `target` left that died; those that live hold a lock."""
    for leftover in target.parent.glob(f"{escape(_prefix(target))}????????"):
        with suppress(OSError), locked(leftover):
            shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def _own_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder beside `target` that says by a lock that its owner lives."""
    made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    folder = made.with_name(_prefix(target) + made.name[-8:])
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        # Where a file system has no locks, nobody can take this for a leftover either.
        with suppress(OSError):
            stack.enter_context(locked(made))
        # Only now has it a name that others look for.
        made.rename(folder)
        yield folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; raise OSError at once if another process does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _prefix(target: Path) -> str:
    """Return how the names of temporary folders of `target` begin."""
    return f".{target.name}-"


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a name that is too long is none's."""
    try:
        return path.is_file()
    except OSError:
        return False


def no_file(path: Path | str) -> str:
    """Say what there is in the place of an input file."""
    if os.path.isdir(path):
        return f"{path} is a folder; name its files, such as '{Path(path) / '*.root'}'"
    if os.path.exists(path):
        return f"{path} is a device or a pipe; expected a file, which is not read in one go"
    return f"there is no file {path}; check the path"


def refuse_input_as_output(output: Path, inputs: Iterable[Path]) -> None:
    """Raise UsageError if the output is one of the inputs."""
    if output.resolve() in [path.resolve() for path in inputs]:
        raise UsageError(f"{output} is an input too, and would be lost; choose another output")


def write_json(target: Path, content: Any) -> None:
    """Write `content` as indented JSON, complete or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def allowance(size: int) -> int:
    """Return how many bytes may become of a file of this size: real data are packed 25 to 1."""
    return 100_000_000 + 25 * size


def load_arrays(source: Path | BinaryIO, limit: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of a NumPy archive of numbers and texts.

    Parameters
    ----------
    source : Path or binary file
        What `numpy.savez` or `numpy.savez_compressed` wrote.
    limit : int
        Bytes that all arrays together may have; what claims to be larger is not unpacked.

    Raises
    ------
    ValueError
        If it is damaged, larger, or something else.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            entries, found, left = archive.infolist(), {}, limit
            if len(entries) > MAX_ARRAYS:
                raise ValueError(f"{len(entries)} arrays, at most {MAX_ARRAYS} are expected")
            for entry in entries:
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ValueError(f"{entry.filename} is packed in a way that is not expected")
                with archive.open(entry) as stream:
                    left -= _claimed_bytes(stream)
                if left < 0:
                    raise ValueError(f"its arrays claim more than {limit:,} bytes")
                with archive.open(entry) as stream:
                    array = np.lib.format.read_array(stream, allow_pickle=False)
                found[entry.filename.removesuffix(".npy")] = array
            return found
    except Exception as error:  # what damage makes zipfile and NumPy raise has no common base
        raise ValueError(f"no readable NumPy archive: {error}") from error


def _claimed_bytes(stream: IO[bytes]) -> int:
    """Return the bytes of the array that begins here, as its header says."""
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array of another version of NumPy's format")
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    if kind.kind not in "biufU" or min(shape, default=0) < 0:
        raise ValueError(f"an array of {kind}, expected numbers or texts")
    return math.prod(shape) * kind.itemsize


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
