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
from aefpga.fixedpoint.example import random_words
from aefpga.importing.chain import Imported
from aefpga.importing.hls4ml_project import read_project
from aefpga.importing.keras_model import GivenTypes, read_keras_model, read_types
from aefpga.importing.plain import read_network
from aefpga.importing.refusal import Refusal
from aefpga.runs import Run, check_name, layout, seal

KERAS = (".h5", ".hdf5", ".keras")
YAML = (".yaml", ".yml")


def import_encoder(
    source: Path,
    runs: Path,
    name: str,
    *,
    inputs: Path | None = None,
    input_type: str | None = None,
    types: Path | None = None,
) -> Run:
    """Read an encoder, and make it a run: csim, synthesize, prove and report take it.

    Parameters
    ----------
    source : Path
        A file of a QKeras or Keras model, the folder of an hls4ml project, or a YAML file.
    runs : Path
        Folder that holds the runs.
    name : str
        Name of the run.
    inputs : Path or None
        A NumPy file of input words, shape (n, n_variables), on which computations are compared;
        None makes random ones.
    input_type : str or None
        Of a Keras model: type of the words that go in; None takes it from its first quantizer.
    types : Path or None
        Of a Keras model: a YAML file of types for layers without quantizers.

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
        imported = _read(source, input_type, types)
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


def _read(source: Path, input_type: str | None, types: Path | None) -> Imported:
    if not source.exists():
        raise UsageError(f"there is no {source}; check the path")
    if source.suffix in KERAS:
        given = GivenTypes() if types is None else read_types(types)
        if input_type is not None:
            given = given.model_copy(update={"input": input_type})
        return read_keras_model(source, given)
    if input_type is not None or types is not None:
        raise UsageError(f"--input-type and --types are of Keras models; {source} has its own")
    if source.is_dir():
        return read_project(source)
    if source.suffix in YAML:
        return read_network(source)
    raise UsageError(
        f"{source}: expected the folder of an hls4ml project, or a file that ends with "
        f"{', '.join((*KERAS, *YAML))}"
    )


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
