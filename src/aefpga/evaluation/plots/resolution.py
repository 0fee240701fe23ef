"""How wide residuals are, in bins of transverse momentum and of pseudorapidity."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aefpga.evaluation.drawing import COLOURS, figure, log_scale, residual_label, say, share_legend
from aefpga.evaluation.metrics import Quality, Spread, eta_bins, pt_bins
from aefpga.schema import Schema

# Bins of fewer records say nothing of a 68 % half-width.
ENOUGH = 10
# Where bins without an upper edge are drawn to.
PT_END, ETA_END = 1000.0, 5.0


def plot_resolution(qualities: Mapping[str, Quality], schema: Schema, path: Path) -> None:
    """Draw the 68 % half-width of the first headline residuals against pt, and against |eta|.

    Vertical bars are the binomial uncertainty of the quantile, horizontal ones the bins.

    Parameters
    ----------
    qualities : Mapping of str to Quality
        By scheme.
    schema : Schema
        The columns; it has a four-momentum.
    path : Path
        File to write.
    """
    assert schema.momentum
    pt, eta = (schema.variable(name) for name in (schema.momentum.pt, schema.momentum.eta))
    absolute = f"$|${eta.label}$|$"
    names = schema.shown[:4]
    with figure(path, figsize=(4.2 * len(names), 7.6)) as fig:
        grid = fig.subplots(2, len(names), squeeze=False)
        for column, name in zip(grid.T, names, strict=True):
            variable = schema.variable(name)
            label = residual_label(variable, is_relative=variable.kind.is_relative)
            for axis, field, edges, end in (
                (column[0], "by_pt", pt_bins(), PT_END),
                (column[1], "by_eta", eta_bins(), ETA_END),
            ):
                spreads = {n: getattr(q.variable(name), field) for n, q in qualities.items()}
                _draw(axis, spreads, edges, end)
                axis.set_ylabel(f"68 % half-width of {label}")
            column[0].set(xscale="log", xlabel=pt.label, xlim=(pt_bins()[0][0], PT_END))
            column[0].xaxis.set_major_formatter("{x:g}")
            column[1].set(xlabel=absolute, xlim=(0, ETA_END))
        share_legend(fig, grid.ravel())


def _draw(
    axis: Any,
    spreads: Mapping[str, Sequence[Spread]],
    edges: Sequence[tuple[float, float]],
    end: float,
) -> None:
    """Draw a panel; half-widths of 0, which no logarithmic axis shows, are said."""
    exact, heights = [], []
    for i, (scheme, bins) in enumerate(spreads.items()):
        filled = [
            (low, min(high, end), s)
            for (low, high), s in zip(edges, bins, strict=True)
            if s.records >= ENOUGH and s.half_width_68 is not None
        ]
        points = [p for p in filled if p[2].half_width_68]
        if len(points) < len(filled):
            exact.append(scheme)
        if not points:
            continue
        widths = [s.half_width_68 or 0.0 for *_, s in points]
        heights += widths
        centres = [(low + high) / 2 for low, high, _ in points]
        axis.errorbar(
            centres,
            widths,
            yerr=[s.half_width_68_error or 0.0 for *_, s in points],
            xerr=[(high - low) / 2 for low, high, _ in points],
            fmt="os^Dvp"[i % 6],
            color=COLOURS[i % len(COLOURS)],
            label=scheme,
            markersize=4,
            elinewidth=1.2,
        )
    shown = log_scale(axis, heights)
    if exact:
        say(axis, f"exact in some or all bins:\n{', '.join(exact)}")
    elif not shown:
        say(axis, f"fewer than {ENOUGH} in each bin")
