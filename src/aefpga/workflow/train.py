"""`train`: from ROOT files to a sealed run."""

import csv
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga import __version__
from aefpga.config import DataConfig, RunConfig, TrainingConfig
from aefpga.data.sample import sample_path
from aefpga.errors import UsageError
from aefpga.files import atomic_path, sha256_of, write_json
from aefpga.networks.network import Network, export_network
from aefpga.normalise import save_normaliser
from aefpga.progress import Step, silent
from aefpga.runs import (
    Run,
    check_name,
    installed_versions,
    layout,
    save_test_records,
    seal,
)
from aefpga.trainers.registry import find_trainer
from aefpga.trainers.trainer import Epoch, Trained
from aefpga.workflow.summary import describe_training
from aefpga.yaml_files import differences

PARTIAL, CHECKPOINTS = ".partial", "checkpoints"


@dataclass(frozen=True)
class Prepared:
    """What a training would use, found out before it starts.

    `filled` names the variables that the input does not have; zeros are in their place.
    """

    read: int
    cut: Mapping[str, int]
    train: int
    validation: int
    test: int
    filled: tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """Records in physical units for each part of a split, and what is known of them."""

    parts: Mapping[str, NDArray[np.float32]]
    prepared: Prepared


def train(
    config: RunConfig,
    runs: Path,
    name: str | None = None,
    *,
    loaded: Loaded | None = None,
    step: Step = silent,
    on_prepared: Callable[[Prepared], None] = lambda prepared: None,
) -> Run:
    """Train, export and seal a run; a training of the same name that was killed is continued.

    Parameters
    ----------
    config : RunConfig
        What to train on what.
    runs : Path
        Folder that holds the runs.
    name : str or None
        Name of the run; None makes one from the time and the configuration.
    loaded : Loaded or None
        What `load` returned for the same data and split; None loads it.
    step : Step
        Told how far it is.
    on_prepared : callable
        Called with what was read and selected, before training starts.
    """
    if name is not None:
        check_name(name)
    name = name or f"{datetime.now():%Y%m%d-%H%M%S}-{config.label}"
    final, partial = runs / name, runs / f".{name}{PARTIAL}"
    if final.exists():
        raise UsageError(f"run {final} exists already; choose another --name or remove it")
    _claim(partial, config)
    try:
        return _trained(config, loaded, partial, final, step, on_prepared)
    except Exception:
        # What has no checkpoint is nothing to go on from.
        if not any((partial / CHECKPOINTS).glob("*")):
            shutil.rmtree(partial, ignore_errors=True)
        raise


def _trained(
    config: RunConfig,
    loaded: Loaded | None,
    partial: Path,
    final: Path,
    step: Step,
    on_prepared: Callable[[Prepared], None],
) -> Run:
    """Train in a folder of an unfinished training, and seal it."""
    trainer, schema = find_trainer(config.trainer), config.data.columns()
    loaded = loaded or load(config.data, config.training, step)
    on_prepared(loaded.prepared)
    parts = loaded.parts

    def on_epoch(epoch: Epoch, planned: int) -> None:
        loss = epoch.validation_loss
        has_loss = isfinite(loss)
        note = f"validation loss {loss:.2e}" if has_loss else ""
        step(epoch.stage + " epochs" * has_loss, epoch.epoch, planned, note)

    provenance = {"aefpga": __version__, "run": final.name, **installed_versions()}
    checkpoints = partial / CHECKPOINTS
    trained = trainer.fit(
        parts["train"], parts["validation"], schema, config, checkpoints, on_epoch, provenance
    )
    _export(trained, partial)
    write_json(partial / layout.SCHEMA, schema.to_config())
    save_test_records(partial, schema.names, parts["test"])
    shutil.rmtree(checkpoints, ignore_errors=True)
    curve = trained.curve
    facts = {
        "training": describe_training(config, trained.front),
        "data": asdict(loaded.prepared),
        "inputs": {p.name: sha256_of(p) for p in _input_files(config.data)},
        "saturated_training_values": trained.input.saturated(parts["train"]),
        "best_validation_loss": {
            stage: _kept_loss(config, [e.validation_loss for e in curve if e.stage == stage])
            for stage in dict.fromkeys(e.stage for e in curve)
        },
        "training_seconds": sum(e.seconds for e in curve),
        **({} if trained.rounding is None else {"rounding": dict(trained.rounding)}),
    }
    return seal(partial, final, config, facts)


def _kept_loss(config: RunConfig, losses: list[float]) -> float:
    return min(losses) if config.training.keep == "best" else losses[-1]


def interrupted_training(runs: Path, name: str | None = None) -> tuple[str, Path]:
    """Return name and configuration file of the latest training that did not finish.

    Or of the one of a name.

    Raises
    ------
    UsageError
        If there is none.
    """
    paths = sorted(runs.glob(f".*{PARTIAL}/{layout.CONFIG}"), key=lambda p: p.stat().st_mtime)
    found = {p.parent.name.removeprefix(".").removesuffix(PARTIAL): p for p in paths}
    wanted = next(reversed(found), None) if name is None else name
    if wanted not in found:
        there = f"; there are {', '.join(found)}" if found else ""
        which = "" if name is None else f" {name}"
        raise UsageError(f"no interrupted training{which} in {runs}/ to resume{there}")
    return wanted, found[wanted]


def _claim(partial: Path, config: RunConfig) -> None:
    """Make the folder of an unfinished training, or make sure that this is the same one."""
    existing = partial / layout.CONFIG
    now = config.model_dump(mode="json")
    if existing.exists() and (said := differences(existing, now)):
        raise UsageError(
            f"{partial} holds an unfinished training with another configuration: {said}; resume it "
            "with `aefpga train --resume`, choose another --name, or delete the folder"
        )
    config.save(existing)


def _input_files(data: DataConfig) -> list[Path]:
    from aefpga.data.opening import find_files

    return find_files(data.input) if data.input else [sample_path(data.record.name)]


def load(data: DataConfig, training: TrainingConfig, step: Step = silent) -> Loaded:
    """Read, select and split the records that a training is to use."""
    from aefpga.data.reader import lacking
    from aefpga.data.selection import split
    from aefpga.workflow.selection import selected_records

    inputs, schema = [str(p) for p in _input_files(data)], data.columns()
    filled = lacking(inputs, schema, data.collection)
    kept, counts = selected_records(inputs, schema, data, step)
    rows = split(len(kept), training.validation, training.test, training.seed)
    parts = {f.name: kept.values[getattr(rows, f.name)] for f in fields(rows)}
    sizes = {name: len(values) for name, values in parts.items()}
    return Loaded(parts, Prepared(counts.read, counts.cut, **sizes, filled=filled))


def _export(trained: Trained, folder: Path) -> None:
    """Write specification, decoder, float model, reference, normaliser and learning curve."""
    write_json(folder / layout.INPUT, trained.input.to_config())
    if trained.float_network is not None:
        export_network(trained.float_network, folder / layout.FLOAT_MODEL)
    if trained.log_variance is not None:
        export_network(trained.log_variance, folder / layout.LOG_VARIANCE)
    if trained.spec is not None:
        trained.spec.save(folder)
        if isinstance(trained.decoder, Network):
            scale = (trained.spec.latent_type.lsb * trained.decoder.scale).astype(np.float32)
            metadata = {"encoder": trained.spec.latent_hash}
            of_words = replace(trained.decoder, scale=scale, metadata=metadata)
            export_network(of_words, folder / layout.DECODER)
        elif trained.decoder is not None:
            trained.decoder.save(folder / layout.MODULO_DECODER)
        with atomic_path(folder / layout.REFERENCE) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **trained.reference)
    if trained.front is not None:
        write_json(folder / layout.FRONT, trained.front)
    save_normaliser(trained.normaliser, folder / layout.NORMALISER)
    with atomic_path(folder / layout.HISTORY) as temporary, temporary.open("w") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Epoch)])
        writer.writeheader()
        writer.writerows(asdict(e) for e in trained.curve)
