"""What accuracy costs: encoders with learned widths, beside others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aefpga.evaluation.drawing import COLOURS, figure, log_scale

Points = Sequence[tuple[float, float]]


def plot_front(front: Mapping[str, Any], normalisation: str, path: Path) -> None:
    """Draw the front of a run, and which of its points was chosen.

    Parameters
    ----------
    front : Mapping
        As `Trained.front` of learned widths: points with `luts` and `validation_loss`.
    normalisation : str
        The normaliser in whose units the losses are.
    path : Path
        File to write.
    """
    points, uniform = front["points"], front["uniform"]
    families = {
        "learned widths": [_place(p) for p in points],
        "chosen": [_place(p) for p in points if p["chosen"]],
        "uniform widths": [_place(uniform)],
    }
    plot_costs(families, f"validation MSE, {normalisation} normaliser's units", path)


def plot_costs(families: Mapping[str, Points], error_label: str, path: Path) -> None:
    """Draw LUTs against errors, a colour for each family of encoders.

    Parameters
    ----------
    families : Mapping of str to sequence of (float, float)
        LUTs by da4ml's cost, and error; several are joined by a line.
    error_label : str
        What the errors are.
    path : Path
        File to write.
    """
    with figure(path, figsize=(8, 5)) as fig:
        axis = fig.subplots()
        for colour, (family, points) in zip(COLOURS, families.items(), strict=False):
            style = "o-" if len(points) > 1 else "D"
            axis.plot(*zip(*sorted(points), strict=True), style, color=colour, label=family)
        log_scale(axis, [error for points in families.values() for _, error in points])
        axis.set(xlabel="LUTs, da4ml's cost", ylabel=error_label)
        axis.set_xlim(left=0)
        axis.legend(fontsize=11)


def _place(point: Mapping[str, Any]) -> tuple[float, float]:
    return point["luts"], point["validation_loss"]
