"""A run: what a training leaves behind, checked whenever it is opened."""

import csv
import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga import __version__
from aefpga.config import FirmwareConfig, RunConfig, load_config
from aefpga.errors import RunError, UsageError
from aefpga.files import allowance, load_arrays, sha256_of
from aefpga.fixedpoint import EncoderInput, EncoderSpec
from aefpga.normalise import Normaliser, load_normaliser
from aefpga.runs import layout
from aefpga.schema import Schema

SCHEMA_VERSION = 2
# What reading a file that was tampered with raises.
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Run:
    """A finished run: configuration, encoder, decoder, test jets and results in one folder.

    An imported encoder is a run, too, without what only a training leaves: `is_alone`.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def is_alone(self) -> bool:
        """Whether there is an encoder and nothing else: no decoder, no records, no training."""
        return (self.folder / layout.TEST_WORDS).exists()

    @property
    def imported(self) -> Mapping[str, Any]:
        """Where an encoder that is alone came from; empty of one that was trained."""
        facts = self.manifest.get("imported")
        return facts if isinstance(facts, dict) else {}

    @cached_property
    def config(self) -> RunConfig:
        """The resolved configuration."""
        path = self._of_training(layout.CONFIG)
        try:
            return load_config(path, {})
        except (UsageError, ValueError, RecursionError) as error:
            raise _damaged(path, error) from error

    @property
    def firmware(self) -> FirmwareConfig:
        """For which hardware; the usual one of an encoder that is alone."""
        return FirmwareConfig() if self.is_alone else self.config.firmware

    @property
    def is_quantized(self) -> bool:
        """Whether the run has a fixed-point encoder, or a float model only."""
        return (self.folder / layout.ENCODER).exists()

    @property
    def has_float_model(self) -> bool:
        """Whether there is a float network that the encoder was made from."""
        return (self.folder / layout.FLOAT_MODEL).exists()

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
        path = self._of_training(layout.INPUT)
        try:
            return EncoderInput.from_config(json.loads(path.read_text()))
        except DAMAGED as error:
            raise _damaged(path, error) from error

    @cached_property
    def schema(self) -> Schema:
        """The variables of the run's records."""
        path = self._of_training(layout.SCHEMA)
        if not path.exists():
            return self.config.data.columns()
        try:
            content = json.loads(path.read_text())
        except DAMAGED as error:
            raise _damaged(path, error) from error
        return Schema.from_config(content, str(path))

    @property
    def record(self) -> str:
        """What the encoder is given, in the plural: jets, or inputs if nobody said of what."""
        return "inputs" if self.is_alone else self.schema.name

    @property
    def lacking(self) -> tuple[str, ...]:
        """The variables that the training data did not have; zeros were in their place."""
        facts = self.manifest.get("data")
        names = facts.get("filled", facts.get("zeros")) if isinstance(facts, dict) else None
        return tuple(map(str, names)) if isinstance(names, list) else ()

    @property
    def reference(self) -> Path:
        """The archive that the trainer's own computation of the encoder starts from."""
        before = self.folder / layout.KERAS_REFERENCE
        return before if before.exists() else self.folder / layout.REFERENCE

    @cached_property
    def front(self) -> Mapping[str, Any] | None:
        """The encoders among which one with learned widths was chosen; None of other runs."""
        path = self.folder / layout.FRONT
        try:
            content = json.loads(path.read_text()) if path.exists() else None
        except DAMAGED as error:
            raise _damaged(path, error) from error
        return content if isinstance(content, dict) else None

    @cached_property
    def history(self) -> tuple[Mapping[str, Any], ...]:
        """The learning curve: an epoch's stage and numbers each; empty where none was left."""
        path = self.folder / layout.HISTORY
        if not path.exists():
            return ()
        with path.open() as stream:
            return tuple(
                {k: v if k == "stage" else float(v) for k, v in row.items()}
                for row in csv.DictReader(stream)
            )

    @cached_property
    def normaliser(self) -> Normaliser:
        """The normaliser of the decoder's output."""
        path = self._of_training(layout.NORMALISER)
        return load_normaliser(path, self.schema.names)

    @cached_property
    def test_records(self) -> NDArray[np.float32]:
        """The test split: records in physical units, shape (n_records, n_variables)."""
        path = self._of_training(layout.TEST_RECORDS)
        try:
            values = load_arrays(path, allowance(path.stat().st_size))["values"]
            if values.dtype != np.float32 or values.ndim != 2:
                raise ValueError(f"{values.dtype} of shape {values.shape} is no table of records")
        except DAMAGED as error:
            raise _damaged(path, error) from error
        return values

    def test_quantities(self, most: int | None = None) -> NDArray[np.int64]:
        """Words on the firmware's ports to compare computations on, (n_records, n_variables).

        The first of the test split, or of those that were kept with an encoder that is alone: all,
        or `most` of them.
        """
        if not self.is_alone:
            return self.spec.input.quantized(self.test_records[:most])
        path, source = self.folder / layout.TEST_WORDS, self.spec.input
        try:
            words = load_arrays(path, allowance(path.stat().st_size))["words"]
            if words.dtype != np.int64 or words.shape[1:] != source.max_word.shape:
                raise ValueError(f"{words.dtype} of shape {words.shape} are no input words")
            if np.any((words < source.min_word) | (words > source.max_word)):
                raise ValueError("words that no input has")
        except DAMAGED as error:
            raise _damaged(path, error) from error
        return source.to_counts(words[:most])

    def _of_training(self, name: str) -> Path:
        """Return where a file is that only a training leaves.

        Raises
        ------
        RunError
            If the encoder is alone.
        """
        if self.is_alone:
            raise RunError(
                f"run {self.name} is an encoder alone, imported from "
                f"{self.imported.get('source', '?')}: it has no {name}, as there is no decoder, no "
                "records and no training; csim, synthesize, prove and report take it, other verbs "
                "need a trained run"
            )
        return self.folder / name


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
    path = folder / layout.MANIFEST
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
                f"{folder / name} does not match its checksum in {layout.MANIFEST}: it was changed "
                "or damaged after training; restore it or train again"
            )
    return Run(folder, manifest)


def _listed(folder: Path, files: Any) -> Mapping[str, str]:
    """Return the files that a manifest lists; raise RunError unless it lists what a run needs."""
    path = folder / layout.MANIFEST
    if not isinstance(files, dict) or not all(isinstance(x, str) for x in files.values()):
        raise RunError(f"{path} lists no files with their checksums: it is damaged; train again")
    if missing := sorted(_needed(folder, files) - files.keys()):
        raise RunError(
            f"{path} does not list {', '.join(missing)}, which a run needs: it is damaged; "
            "train again"
        )
    for name in files:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise RunError(f"{path} lists {name}, which is not in the run; train again")
    return files


def _needed(folder: Path, files: Iterable[str]) -> set[str]:
    if (folder / layout.TEST_WORDS).exists():
        return set(layout.ALONE)
    needed = set(layout.NEEDED)
    if layout.MODULO_DECODER not in files:
        needed |= set(layout.OF_NETWORK)
    if (folder / layout.ENCODER).exists():
        needed |= {*layout.QUANTIZED, *_decoder(files)}
    return needed


def _decoder(files: Iterable[str]) -> Sequence[str]:
    """Return the files of the decoder that is among these, or of the usual one."""
    return next((x for x in layout.DECODERS if set(x) <= set(files)), layout.DECODERS[0])


def _damaged(path: Path, error: Exception) -> RunError:
    return RunError(f"{path} is damaged ({error}); restore it or train again")


def _find(which: str | None, runs: Path) -> Path:
    known = {p.parent.name: p.parent for p in runs.glob(f"[!.]*/{layout.MANIFEST}")}
    if which is None:
        if not known:
            raise UsageError(
                f"no run in {runs}/ yet; make one with `aefpga train --quantize 8bit`, "
                "or name one with --run"
            )
        return max(known.values(), key=lambda folder: (folder / layout.MANIFEST).stat().st_mtime_ns)
    if (Path(which) / layout.MANIFEST).is_file():
        return Path(which)
    if which in known:
        return known[which]
    near = difflib.get_close_matches(which, known, n=3, cutoff=0.4) or sorted(known)[-3:]
    hint = f"; there are {', '.join(near)}" if near else ""
    raise UsageError(f"no run {which}: neither a run folder nor a name in {runs}/{hint}")
