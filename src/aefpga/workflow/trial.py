"""What workers do for a search: train an encoder, briefly or in full, judge and synthesize it."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from aefpga.config import DataConfig, RunConfig, TrainingConfig
from aefpga.errors import AefpgaError, ToolError
from aefpga.evaluation.merit import merit
from aefpga.firmware.estimate import estimate
from aefpga.runs import Run, layout, open_run
from aefpga.search.figures import Figures
from aefpga.workflow.summary import residuals
from aefpga.workflow.synthesize import synthesize
from aefpga.workflow.train import Loaded, load, train


@dataclass(frozen=True)
class Judged:
    """What is known of an encoder that was trained: figures, and facts for tables and JSON."""

    figures: Figures
    facts: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """Why an encoder could not be trained."""

    reason: str


def try_briefly(
    config: RunConfig, clock_periods_ns: Sequence[float], runs: Path, name: str
) -> Judged | Failed:
    """Train an encoder for a few epochs, judge it, and leave nothing behind.

    Parameters
    ----------
    config : RunConfig
        With these few epochs.
    clock_periods_ns : sequence of float
        From which the one of least latency is chosen.
    runs, name : Path, str
        The run's folder while it is needed.
    """
    try:
        run = _trained(config, runs, name)
        judged = _judged(run, clock_periods_ns)
    except AefpgaError as error:
        return Failed(str(error))
    shutil.rmtree(run.folder)
    return judged


def train_in_full(config: RunConfig, runs: Path, name: str) -> Judged | Failed:
    """Train an encoder, or go on with it, and judge it; its run stays."""
    try:
        run = _trained(config, runs, name)
        judged = _judged(run, [config.firmware.clock_period_ns])
        quality = residuals(run)
    except AefpgaError as error:
        return Failed(str(error))
    headline = quality.variable(quality.shown[0])
    of_test = {
        "test_residual": merit(quality, run.schema),
        "headline": headline.name,
        "headline_kind": headline.kind,
        "headline_unit": headline.unit,
        "headline_residual": headline.residual.half_width_68,
        "design": run.spec.layout,
    }
    return Judged(judged.figures, {**judged.facts, **of_test})


def build(run: Path, projects: Path) -> dict[str, Any] | Failed:
    """Synthesize a run by the open flow, for its own part and clock; return the report as JSON."""
    try:
        report = synthesize(open_run(str(run), run.parent), projects, tool="open")
    except ToolError as error:
        return Failed(str(error))
    if report.kind == "cost model":
        return Failed(f"Yosys could not be used, see {run / layout.REPORTS}")
    return report.to_dict()


def _trained(config: RunConfig, runs: Path, name: str) -> Run:
    """Train a run, go on with one that was killed, or open what is there."""
    if (runs / name).exists():
        return open_run(name, runs)
    return train(config, runs, name, loaded=_records(config))


def _records(config: RunConfig) -> Loaded:
    training = config.training
    split = training.validation, training.test, training.seed
    return _loaded(config.data.model_dump_json(), *split)


@lru_cache(maxsize=1)
def _loaded(data: str, validation: float, test: float, seed: int) -> Loaded:
    """Return the records of a search, read once in the life of a worker."""
    training = TrainingConfig(validation=validation, test=test, seed=seed)
    return load(DataConfig.model_validate_json(data), training)


def _judged(run: Run, clock_periods_ns: Sequence[float]) -> Judged:
    """Judge an encoder on validation records, which no figure that is shown is of."""
    expected = estimate(run.spec, clock_periods_ns, run.config.firmware.adders_per_stage)
    quality = residuals(run, _records(run.config).parts["validation"])
    figures = Figures(
        bits=run.spec.bits_per_jet,
        luts=expected.luts,
        latency_ns=expected.latency_ns,
        residual=merit(quality, run.schema),
    )
    return Judged(figures, {"clock_period_ns": expected.clock_period_ns})
