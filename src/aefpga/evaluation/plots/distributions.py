"""Each variable before and after, with the ratio below."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.drawing import (
    COLOURS,
    figure,
    layout,
    log_scale,
    remark,
    share_legend,
)
from aefpga.evaluation.histograms import value_bins
from aefpga.schema import Schema, Variable

Floats = NDArray[np.float32]
# How far from 1 the ratio's axis reaches, at least and at most.
REACH = (0.1, 1.0)
# Bins with fewer records than this do not decide how far.
ENOUGH = 10


def plot_distributions(
    original: Floats, reconstructed: Floats, scheme: str, schema: Schema, path: Path
) -> None:
    """Draw each variable before and after; what lies beyond a panel's axis is in grey bins.

    The ratio's band is the original's Poisson uncertainty. Both histograms are of the same records,
    so the ratio's own uncertainty comes from those alone that left their bin or came into it:
    the root of how many, over the original.

    Parameters
    ----------
    original, reconstructed : ndarray of float32, shape (n_records, n_variables)
        Physical units.
    scheme : str
        What the reconstruction is, for the legend.
    schema : Schema
        The columns.
    path : Path
        File to write.
    """
    vary = [i for i in range(len(schema)) if np.ptp(original[:, i]) or np.ptp(reconstructed[:, i])]
    rows, columns, size = layout(len(vary), 3.6)
    with figure(path, figsize=size) as fig:
        drawn = []
        if vary:
            fig.get_layout_engine().set(hspace=0.0, h_pad=0.05)
            cells = fig.subfigures(rows, columns, squeeze=False).ravel()
            for cell, i in zip(cells, vary, strict=False):
                ratios = {"height_ratios": [3, 1.2]}
                upper, lower = cell.subplots(2, 1, sharex=True, gridspec_kw=ratios)
                variable = schema.variables[i]
                _draw(upper, lower, variable, original[:, i], reconstructed[:, i], scheme)
                upper.set_ylabel(schema.name)
                drawn += [upper, lower]
        share_legend(fig, drawn)
        constant = [v.name for i, v in enumerate(schema.variables) if i not in vary]
        remark(fig, f"Constant, not shown: {', '.join(constant)}" if constant else "")


def _draw(
    upper: Any, lower: Any, variable: Variable, before: Floats, after: Floats, scheme: str
) -> None:
    bins = value_bins(variable, before)
    first, second = bins.count(before), bins.count(after)
    upper.stairs(first, bins.edges, color="black", linewidth=1.3, label="original")
    upper.stairs(second, bins.edges, color=COLOURS[1], linewidth=1.3, label=scheme)
    if first.max() > 20:
        log_scale(upper, (1.0, 2.0 * max(first.max(), second.max())))
    else:
        upper.set_ylim(0, 1.4 * max(first.max(), second.max(), 1))
    places = bins.places(before), bins.places(after)
    stayed = np.bincount(places[0][places[0] == places[1]], minlength=len(first))
    there = first > 0
    n = np.where(there, first, 1)
    ratio = np.where(there, second / n, np.nan)
    error = np.where(there, np.sqrt(first + second - 2 * stayed) / n, np.nan)
    band = np.where(there, 1 / np.sqrt(n), np.nan)
    lower.stairs(
        1 + band, bins.edges, baseline=1 - band, fill=True, color="0.8", label="original, Poisson"
    )
    lower.axhline(1, color="black", linewidth=0.8)
    centres = (bins.edges[1:] + bins.edges[:-1]) / 2
    point = {"color": COLOURS[1], "markersize": 3, "linewidth": 0, "elinewidth": 1}
    lower.errorbar(centres, ratio, error, fmt="o", **point)
    off = np.abs(ratio - 1)[first >= min(ENOUGH, first.max())]
    reach = float(np.clip(1.5 * off.max(initial=0.0), *REACH))
    for beyond, marker, place in ((ratio > 1 + reach, "^", 0.92), (ratio < 1 - reach, "v", -0.92)):
        heights = np.full(beyond.sum(), 1 + place * reach)
        lower.plot(centres[beyond], heights, marker, color=COLOURS[1], markersize=4)
    lower.set(ylim=(1 - reach, 1 + reach), ylabel="ratio", xlabel=variable.label)
    bins.frame(upper, (first, second))
    bins.frame(lower, (first, second), say_so=False)
