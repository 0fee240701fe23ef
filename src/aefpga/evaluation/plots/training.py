"""How a training went."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.evaluation.drawing import COLOURS, figure, log_scale

# Lines through more epochs than these need no dots.
FEW = 30


def plot_learning_curve(
    history: Sequence[Mapping[str, Any]], normalisation: str, path: Path
) -> None:
    """Draw training and validation loss of the stages, one after the other.

    Parameters
    ----------
    history : sequence of Mapping
        For each epoch `stage`, `loss` and `validation_loss`.
    normalisation : str
        The normaliser in whose units the losses are.
    path : Path
        File to write.
    """
    with figure(path, figsize=(8, 5)) as fig:
        axis, start = fig.subplots(), 0
        for colour, stage in zip(COLOURS, dict.fromkeys(r["stage"] for r in history), strict=False):
            rows = [r for r in history if r["stage"] == stage]
            epochs = np.arange(start + 1, start + len(rows) + 1)
            dots = {"marker": "o", "markersize": 3} if len(rows) <= FEW else {}
            for field, line in (("loss", ":"), ("validation_loss", "-")):
                label = f"{stage}, {'training' if field == 'loss' else 'validation'}"
                values = [r[field] for r in rows]
                axis.plot(epochs, values, line, color=colour, label=label, **dots)
            start += len(rows)
        log_scale(axis, [r[f] for r in history for f in ("loss", "validation_loss")])
        axis.set(xlabel="epoch", ylabel=f"mean squared error, {normalisation} normaliser's units")
        axis.set_xlim(0.5, start + 0.5)
        if history:
            axis.legend(fontsize=11)
