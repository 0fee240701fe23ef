"""How the residuals of each variable are distributed."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.drawing import COLOURS, log_scale, panels, remark, residual_label, say
from aefpga.evaluation.histograms import columns_of_present, entering_residuals, residual_bins
from aefpga.schema import Schema, Variable

Floats = NDArray[np.float32]


def plot_residuals(
    original: Floats,
    reconstructions: Mapping[str, Floats],
    model: str,
    schema: Schema,
    path: Path,
) -> None:
    """Draw the distribution of each variable's residual, on an axis that shows the model's.

    Parameters
    ----------
    original : ndarray of float32, shape (n_records, n_variables)
        Physical units.
    reconstructions : Mapping of str to ndarray of float32
        By scheme.
    model : str
        The scheme that is judged: variables that it keeps exactly are named, not drawn.
    schema : Schema
        The columns.
    path : Path
        File to write.
    """
    found = {
        v: entering_residuals(v, before, after)
        for v, before, after in columns_of_present(schema, original, reconstructions)
    }
    exact = [v for v, r in found.items() if len(r[model]) and not r[model].any()]
    none = [v for v, r in found.items() if not len(r[model])]
    shown = [v for v in found if v not in exact and v not in none]
    with panels(path, len(shown), 3.2) as (fig, axes):
        for axis, variable in zip(axes, shown, strict=True):
            bins, heights = residual_bins(variable, found[variable][model]), []
            for colour, (name, values) in zip(COLOURS, found[variable].items(), strict=False):
                heights.append(bins.count(values) / max(len(values), 1))
                width, order = (2.0, 2) if name == model else (1.2, 1)
                style = {"color": colour, "linewidth": width, "zorder": order, "label": name}
                axis.stairs(heights[-1], bins.edges, **style)
            bins.frame(axis, heights)
            axis.set(
                xlabel=residual_label(variable, is_relative=variable.kind.is_relative),
                ylabel=f"share of {schema.name}",
            )
            log_scale(axis, np.concatenate(heights))
            axis.set_ylim(top=8)
            axis.locator_params(axis="x", nbins=5)
            if variable.kind.threshold:
                threshold = f"{variable.kind.threshold:g} {variable.unit}"
                say(axis, f"≥ {threshold}: {len(found[variable][model]):,} {schema.name}")
        remark(fig, _left_out(model, exact, none))


def _left_out(model: str, exact: list[Variable], none: list[Variable]) -> str:
    lines = []
    if exact:
        lines.append(f"Exact in the {model}, not shown: {', '.join(v.name for v in exact)}.")
    if none:
        lines.append(f"Never above the threshold: {', '.join(v.name for v in none)}.")
    return " ".join(lines)
