"""Background and signals of a run, with weights and the processes that they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.data.opening import find_files
from aefpga.data.records import Records
from aefpga.data.sample import sample_path, signals_path
from aefpga.data.selection import split
from aefpga.errors import DataError, RunError, UsageError
from aefpga.evaluation.anomaly.weighted import Sample
from aefpga.progress import Step
from aefpga.runs import Run
from aefpga.workflow.selection import selected_records

Floats = NDArray[np.float32]

# Records of a signal, at least: half of them are for what learns to know it.
LEAST = 10


@dataclass(frozen=True)
class Labelled:
    """Records with weights and labels.

    Parameters
    ----------
    values : ndarray of float32, shape (n_records, n_variables)
        Physical units.
    weights : ndarray of float64, shape (n_records,)
        Of their events; 1 where files say nothing.
    processes : ndarray of str, shape (n_records,)
        What files say that they come from.
    """

    values: Floats
    weights: NDArray[np.float64]
    processes: NDArray[Any]

    @classmethod
    def of(cls, records: Records, name: str) -> Self:
        """Return records of files, labelled `name` where these do not say the process.

        Raises
        ------
        DataError
            If a weight is negative, or all are zero.
        """
        weights = records.of_event("weight", 1.0).astype(np.float64)
        if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
            raise DataError(
                f"{name}: {int((~(weights >= 0)).sum())} of {len(weights):,} weights are negative "
                "or no numbers; expected weights of at least 0, some above it"
            )
        return cls(records.values, weights, records.of_event("process", name).astype(str))

    def __len__(self) -> int:
        """Number of records."""
        return len(self.values)

    def only(self, rows: NDArray[Any] | slice) -> Self:
        """Return some of the records."""
        return type(self)(self.values[rows], self.weights[rows], self.processes[rows])

    def sample(self, scores: NDArray[Any]) -> Sample:
        """Return scores of these records as a weighted sample."""
        return Sample(scores, self.weights)


@dataclass(frozen=True)
class Background:
    """A run's background: what was trained on, by what an epoch was chosen, and what is judged."""

    training: Labelled
    validation: Labelled
    judged: Labelled
    source: str


def background_of(
    run: Run, inputs: Sequence[str], collection: str | None, step: Step
) -> Background:
    """Return the run's own background, its test split for judging, or files' in place of that.

    Raises
    ------
    RunError
        If the files that the run was made from are others now.
    """
    data, training = run.config.data, run.config.training
    own = list(data.input) or [str(sample_path(data.record.name))]
    records, _ = selected_records(own, run.schema, data, step, with_events=True)
    rows = split(len(records), training.validation, training.test, training.seed)
    labelled = Labelled.of(records, "background")
    judged, source = labelled.only(rows.test), f"test split of run {run.name}"
    if not np.array_equal(judged.values, run.test_records):
        raise RunError(
            f"run {run.name}: {', '.join(own)} no longer holds the {run.schema.name} that it was "
            "trained on; train again"
        )
    if inputs:
        elsewhere = data.model_copy(update={"collection": collection, "max_jets": None})
        others, _ = selected_records(inputs, run.schema, elsewhere, step, with_events=True)
        judged, source = Labelled.of(others, "background"), ", ".join(inputs)
    return Background(labelled.only(rows.train), labelled.only(rows.validation), judged, source)


def signals_of(
    run: Run, inputs: Sequence[str], collection: str | None, step: Step
) -> Mapping[str, Labelled]:
    """Return signals by name: the process that a file says, or else the file's own name.

    Without files they are the embedded ones.

    Raises
    ------
    UsageError
        If no files are given and there are no embedded signals of that record.
    DataError
        If there is hardly any record of a signal.
    """
    record = run.config.data.record.name
    if not inputs and record != "events":
        raise UsageError(
            f"there are no embedded signals of {record}; name files with --signal (`aefpga "
            "data simulate --process resonance` makes some of jets)"
        )
    paths = find_files(inputs) if inputs else [Path(signals_path())]
    data = run.config.data.model_copy(update={"collection": collection, "max_jets": None})
    found: dict[str, list[Labelled]] = {}
    for path in paths:
        records, _ = selected_records([str(path)], run.schema, data, step, with_events=True)
        labelled = Labelled.of(records, path.stem)
        for name in np.unique(labelled.processes).tolist():
            found.setdefault(name, []).append(labelled.only(labelled.processes == name))
    signals = {name: _joined(parts) for name, parts in found.items()}
    for name, signal in signals.items():
        if len(signal) < LEAST:
            raise DataError(
                f"there are {len(signal)} {record} of the signal {name}; at least {LEAST} are "
                "needed to judge by"
            )
    return signals


def _joined(parts: Sequence[Labelled]) -> Labelled:
    columns = zip(*((p.values, p.weights, p.processes) for p in parts), strict=True)
    return Labelled(*(np.concatenate(column) for column in columns))
