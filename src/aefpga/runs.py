"""Run folders: what a training leaves behind, checked whenever it is opened."""

import difflib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga import __version__
from aefpga.config import RunConfig, load_config
from aefpga.errors import RunError, UsageError
from aefpga.files import allowance, atomic_path, load_arrays, sha256_of, write_json
from aefpga.fixedpoint import EncoderInput, EncoderSpec
from aefpga.normalise import Normaliser, load_normaliser
from aefpga.schema import Schema

SCHEMA_VERSION = 2
# Packages whose versions decide what a run's words and figures are.
RECORDED = ("tensorflow", "tf-keras", "qkeras", "hls4ml", "da4ml", "numpy", "onnxruntime")

# What every run has, and what a quantized one has besides.
NEEDED = ("config.yaml", "float_autoencoder.onnx", "input.json", "normaliser.json", "test_jets.npz")
QUANTIZED = ("decoder.onnx", "encoder.json", "encoder.npz")
# A folder's name has at most 255 bytes; its temporary ones are longer.
MAX_NAME = 200
# What reading a file that was tampered with raises.
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Run:
    """A finished run: configuration, encoder, decoder, test jets and results in one folder."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @cached_property
    def config(self) -> RunConfig:
        """The resolved configuration."""
        try:
            return load_config(self.folder / "config.yaml", {})
        except (UsageError, ValueError, RecursionError) as error:
            raise _damaged(self.folder / "config.yaml", error) from error

    @property
    def is_quantized(self) -> bool:
        """Whether the run has a fixed-point encoder, or a float model only."""
        return (self.folder / "encoder.json").exists()

    @cached_property
    def spec(self) -> EncoderSpec:
        """The encoder's fixed-point specification.

        Raises
        ------
        RunError
            If the run is float only, or the specification is damaged.
        """
        return EncoderSpec.load(self.folder)

    @cached_property
    def input(self) -> EncoderInput:
        """How jets enter the network, quantized or not."""
        path = self.folder / "input.json"
        try:
            return EncoderInput.from_config(json.loads(path.read_text()))
        except DAMAGED as error:
            raise _damaged(path, error) from error

    @cached_property
    def schema(self) -> Schema:
        """The variables of the run's records."""
        path = self.folder / "schema.json"
        if not path.exists():
            return self.config.data.columns()
        return Schema.from_config(json.loads(path.read_text()), str(path))

    @cached_property
    def normaliser(self) -> Normaliser:
        """The normaliser of the decoder's output."""
        return load_normaliser(self.folder / "normaliser.json", self.schema.names)

    @cached_property
    def test_jets(self) -> NDArray[np.float32]:
        """The test split: jets in physical units, shape (n_jets, n_variables)."""
        path = self.folder / "test_jets.npz"
        try:
            values = load_arrays(path, allowance(path.stat().st_size))["values"]
            if values.dtype != np.float32 or values.ndim != 2:
                raise ValueError(f"{values.dtype} of shape {values.shape} is no table of jets")
        except DAMAGED as error:
            raise _damaged(path, error) from error
        return values


def open_run(which: str | None, runs: Path) -> Run:
    """Open a run by name or path, or the latest, and check every file against its checksum.

    Raises
    ------
    UsageError
        If there is no such run.
    RunError
        If it is of another schema version, or a file is missing or changed.
    """
    folder = _find(which, runs)
    path = folder / "run.json"
    try:
        manifest = json.loads(path.read_text())
        schema, files = manifest["schema"], manifest["files"]
    except DAMAGED as error:
        raise RunError(f"{path} cannot be read ({error}); train again") from error
    if schema != SCHEMA_VERSION:
        raise RunError(
            f"{folder} was made with run schema {schema} (aefpga {manifest.get('aefpga', '?')}); "
            f"this is aefpga {__version__}, which reads schema {SCHEMA_VERSION}: train again, or "
            "use the version that made it"
        )
    for name, expected in _listed(folder, files).items():
        if not (folder / name).is_file():
            raise RunError(f"{folder / name} is missing; restore it or train again")
        if sha256_of(folder / name) != expected:
            raise RunError(
                f"{folder / name} does not match its checksum in run.json: it was changed or "
                "damaged after training; restore it or train again"
            )
    return Run(folder, manifest)


def check_name(name: str) -> None:
    """Raise UsageError unless this is a name that a folder of a run can have."""
    if not 0 < len(name.encode(errors="replace")) <= MAX_NAME or not name.isprintable():
        raise UsageError(f"--name: expected 1 to {MAX_NAME} printable characters")
    if name.startswith((".", "-")) or "/" in name or "\\" in name:
        raise UsageError(
            f"--name {name}: a name without slashes that does not begin with a dot or a dash was "
            "expected; say with --runs where runs are"
        )


def seal(partial: Path, final: Path, config: RunConfig, facts: Mapping[str, Any]) -> Run:
    """Write the manifest of a complete folder and give it its final name."""
    config.save(partial / "config.yaml")
    files = sorted(p for p in partial.rglob("*") if p.is_file() and p.name != "run.json")
    manifest = {
        "schema": SCHEMA_VERSION,
        "aefpga": __version__,
        "created": datetime.now(UTC).isoformat(timespec="microseconds"),
        "versions": installed_versions(),
        **facts,
        "files": {str(p.relative_to(partial)): sha256_of(p) for p in files},
    }
    write_json(partial / "run.json", manifest)
    with atomic_path(final) as temporary:
        shutil.move(partial, temporary)
    return Run(final, manifest)


def save_test_jets(folder: Path, names: tuple[str, ...], values: NDArray[np.float32]) -> None:
    """Keep the test split with the run, so that every later verb judges the same jets."""
    with atomic_path(folder / "test_jets.npz") as temporary:
        np.savez_compressed(temporary, allow_pickle=False, names=np.array(names), values=values)


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages that a run depends on, where they are installed."""
    found: dict[str, str] = {}
    for package in RECORDED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _listed(folder: Path, files: Any) -> Mapping[str, str]:
    """Return the files that a manifest lists; raise RunError unless it lists what a run needs."""
    path = folder / "run.json"
    if not isinstance(files, dict) or not all(isinstance(x, str) for x in files.values()):
        raise RunError(f"{path} lists no files with their checksums: it is damaged; train again")
    needed = {*NEEDED, *(QUANTIZED if (folder / "encoder.json").exists() else ())}
    if missing := sorted(needed - files.keys()):
        raise RunError(
            f"{path} does not list {', '.join(missing)}, which a run needs: it is damaged; "
            "train again"
        )
    for name in files:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise RunError(f"{path} lists {name}, which is not in the run; train again")
    return files


def _damaged(path: Path, error: Exception) -> RunError:
    return RunError(f"{path} is damaged ({error}); restore it or train again")


def _find(which: str | None, runs: Path) -> Path:
    known = {p.parent.name: p.parent for p in runs.glob("[!.]*/run.json")}
    if which is None:
        if not known:
            raise UsageError(
                f"no run in {runs}/ yet; make one with `aefpga train --quantize 8bit`, "
                "or name one with --run"
            )
        return max(known.values(), key=lambda folder: (folder / "run.json").stat().st_mtime_ns)
    if (Path(which) / "run.json").is_file():
        return Path(which)
    if which in known:
        return known[which]
    near = difflib.get_close_matches(which, known, n=3, cutoff=0.4) or sorted(known)[-3:]
    hint = f"; there are {', '.join(near)}" if near else ""
    raise UsageError(f"no run {which}: neither a run folder nor a name in {runs}/{hint}")
