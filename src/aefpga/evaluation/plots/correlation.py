"""How variables hang together, before and after."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.drawing import figure, remark, words
from aefpga.evaluation.metrics import absolute_residual
from aefpga.evaluation.physics import correlations
from aefpga.schema import Schema

Floats = NDArray[np.float32]
# More symbols than these along an axis need smaller letters.
FULL = 24


def plot_correlation(original: Floats, reconstructed: Floats, schema: Schema, path: Path) -> None:
    """Draw the correlations of all variables before and after, and of their residuals.

    Residuals are in physical units: relative ones are missing below their threshold. What does not
    vary has no correlation: it is named if that is so before and after, and white otherwise.
    """
    columns = list(zip(schema.variables, original.T, reconstructed.T, strict=True))
    vary = [c for c in columns if np.ptp(c[1]) or np.ptp(c[2])]
    samples = {
        "original": {v.name: x for v, x, _ in vary},
        "reconstructed": {v.name: y for v, _, y in vary},
        "residuals": {c[0].name: absolute_residual(*c) for c in vary},
    }
    symbols = [words(v) for v, *_ in vary]
    size = max(3.5, 0.3 * len(symbols))
    letters = 12 if len(symbols) <= FULL else 12 * FULL / len(symbols)
    with figure(path, figsize=(3 * size + 2, size + 1.6)) as fig:
        axes = fig.subplots(1, 3, sharey=True)
        for axis, (title, table) in zip(axes, samples.items(), strict=True):
            axis.set_title(title)
            axis.tick_params(which="both", length=0, labelsize=letters)
            axis.minorticks_off()
            axis.set_xticks(range(len(symbols)), symbols, rotation=90)
            axis.set_yticks(range(len(symbols)), symbols)
            if not symbols:
                continue
            matrix = correlations(table)
            still = np.array([not np.ptp(x) for x in table.values()])
            matrix[still] = matrix[:, still] = np.nan
            image = axis.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r")
        if symbols:
            fig.colorbar(image, ax=axes, label="Pearson's correlation", pad=0.01, shrink=0.85)
        constant = [v.name for v, x, y in columns if not np.ptp(x) and not np.ptp(y)]
        remark(fig, f"Constant, not shown: {', '.join(constant)}" if constant else "")
