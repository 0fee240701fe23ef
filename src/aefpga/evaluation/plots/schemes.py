"""Schemes against each other: a study's models, and bits against residuals."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from aefpga.evaluation.drawing import COLOURS, log_scale, panels, residual_label, say
from aefpga.evaluation.metrics import Quality, VariableQuality
from aefpga.evaluation.tables import Result


def plot_study(results: Sequence[Result], path: Path) -> None:
    """Draw the 68 % half-width of some variables: models across, normalisations coloured.

    Hollow points are the float models'.
    """
    first = next(iter(results[0].qualities.values()))
    models = list(dict.fromkeys(r.model for r in results))
    normalisations = list(dict.fromkeys(r.normalisation for r in results))
    with panels(path, len(first.shown), 4.0) as (_, axes):
        for axis, name in zip(axes, first.shown, strict=True):
            heights: list[float] = []
            for i, (colour, normalisation) in enumerate(zip(COLOURS, normalisations, strict=False)):
                for precision, filled in (("quantized", colour), ("float", "none")):
                    points = [
                        (models.index(r.model) + 0.12 * i, width)
                        for r in results
                        if r.normalisation == normalisation and precision in r.qualities
                        and (width := r.qualities[precision].variable(name).residual.half_width_68)
                    ]  # fmt: skip
                    axis.plot(
                        *zip(*points, strict=True) if points else ((), ()),
                        "o",
                        color=colour,
                        markerfacecolor=filled,
                        markersize=5,
                        label=f"{normalisation}, {precision}",
                    )
                    heights += [width for _, width in points]
            axis.set_xticks(range(len(models)), models, rotation=30, ha="right")
            axis.tick_params(axis="x", which="minor", length=0)
            axis.set_xlim(-0.5, len(models) - 0.5 + 0.12 * len(normalisations))
            axis.set_ylabel(_half_width(first.variable(name)))
            if not log_scale(axis, heights):
                say(axis, "exact, or none above the threshold")


def plot_rate_distortion(
    curves: Mapping[str, Sequence[tuple[float, Quality]]], bits_label: str, path: Path
) -> None:
    """Draw bits per record against the 68 % (line) and 99 % (dotted) half-width.

    Parameters
    ----------
    curves : Mapping
        For each family of schemes, bits per record and quality at each of its settings; a panel for
        each headline variable.
    bits_label : str
        What the bits are of, for the axis.
    path : Path
        File to write.
    """
    first = next(iter(curves.values()))[0][1]
    with panels(path, len(first.shown), 3.9) as (_, axes):
        for axis, name in zip(axes, first.shown, strict=True):
            heights: list[float] = []
            for colour, (family, points) in zip(COLOURS, curves.items(), strict=False):
                ordered = sorted(points, key=lambda point: point[0])
                residuals = [quality.variable(name).residual for _, quality in ordered]
                bits = [b for b, _ in ordered]
                for style, width, label in (
                    ("o-", "half_width_68", family),
                    (":", "half_width_99", None),
                ):
                    # A logarithmic axis has no place for what is exact.
                    values = [getattr(r, width) or np.nan for r in residuals]
                    axis.plot(bits, values, style, color=colour, label=label, markersize=4)
                    heights += values
            axis.set(xlabel=bits_label, ylabel=_half_width(first.variable(name), "68 % (99 %)"))
            axis.set_xlim(left=0)
            if not log_scale(axis, heights):
                say(axis, "exact, or none above the threshold")


def _half_width(variable: VariableQuality, share: str = "68 %") -> str:
    label = residual_label(variable, is_relative=variable.kind == "relative")
    return f"{share} half-width of {label}"
