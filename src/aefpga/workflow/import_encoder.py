"""`import`: from somebody's encoder to a run that has it alone."""

import shlex
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError, UsageError
from aefpga.files import atomic_path, sha256_of
from aefpga.fixedpoint import EncoderSpec
from aefpga.importing.chain import Imported
from aefpga.importing.plain import read_network
from aefpga.importing.refusal import Refusal
from aefpga.runs import Run, check_name, layout, seal

# Words that are kept with a run for whom none were given.
RANDOM_WORDS = 2000


def import_encoder(source: Path, runs: Path, name: str, *, inputs: Path | None = None) -> Run:
    """Read an encoder, and make it a run: csim, synthesize and report take it.

    Parameters
    ----------
    source : Path
        A YAML file.
    runs : Path
        Folder that holds the runs.
    name : str
        Name of the run.
    inputs : Path or None
        A NumPy file of input words, shape (n, n_variables), on which computations are compared;
        None makes random ones.

    Raises
    ------
    UsageError
        If there is such a run, or no such file.
    DataError
        If an encoder cannot be read, or not be represented exactly: the layer and why are named.
    """
    check_name(name)
    final = runs / name
    if final.exists():
        raise UsageError(f"run {final} exists already; choose another --name or remove it")
    try:
        imported = _read(source)
    except Refusal as error:
        raise DataError(f"{source}: {error}") from error
    spec = replace(
        imported.spec, provenance={**imported.spec.provenance, "run": name, "source": source.name}
    )
    words = random_words(spec) if inputs is None else _given_words(inputs, spec)
    facts = {
        "source": source.name,
        "format": imported.format,
        **({} if imported.compared is None else {"compared": str(imported.compared)}),
        "notes": list(imported.notes),
        "command": shlex.join(["aefpga", "import", str(source)]),
    }
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs, prefix=".import-") as scratch:
        partial = Path(scratch) / name
        spec.save(partial)
        with atomic_path(partial / layout.TEST_WORDS) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, words=words)
        digests = {path.name: sha256_of(path) for path in imported.files}
        return seal(partial, final, None, {"imported": facts, "inputs": digests})


def _read(source: Path) -> Imported:
    if source.suffix in (".yaml", ".yml"):
        return read_network(source)
    raise UsageError(f"{source}: expected a YAML file")


def random_words(spec: EncoderSpec, n: int = RANDOM_WORDS, seed: int = 0) -> NDArray[np.int64]:
    """Return random input words, shape (n, n_variables), int64.

    Each row has a scale of its own, from the full range, which saturates, to a few steps.
    """
    rng, low, high = np.random.default_rng(seed), spec.input.min_word, spec.input.max_word
    widths = np.frexp(np.maximum(high, 1).astype(float))[1]
    scale = np.exp2(-rng.uniform(0, 1, (n, 1)) * widths)
    words = np.rint(rng.uniform(low, high, (n, len(low))) * scale)
    return np.asarray(np.clip(words.astype(np.int64), low, high), np.int64)


def _given_words(path: Path, spec: EncoderSpec) -> NDArray[np.int64]:
    low, high, n = spec.input.min_word, spec.input.max_word, len(spec.input.variables)
    try:
        # Mapped, so that a file that claims more than it holds is found out before it is read.
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"--inputs {path}: no readable NumPy file of words ({error})") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu" or found.ndim != 2:
        raise DataError(f"--inputs {path}: expected integers of shape (rows, {n}): input words")
    if found.shape[1] != n or not len(found):
        raise DataError(f"--inputs {path}: shape {found.shape}, expected (rows, {n})")
    words = np.asarray(found)
    wrong = (words < low) | (words > high)
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        raise DataError(
            f"--inputs {path}: the word {words[row, column]} of {spec.input.variables[column]} in "
            f"row {row} is none: {low[column]} to {high[column]} are"
        )
    return words.astype(np.int64)
