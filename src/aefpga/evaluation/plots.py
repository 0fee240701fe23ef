"""Plots of an evaluation; each function draws one picture and writes it complete or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.metrics import (
    Quality,
    Spread,
    absolute_residual,
    eta_bins,
    pt_bins,
    residuals,
)
from aefpga.evaluation.physics import correlations
from aefpga.evaluation.tables import Result
from aefpga.files import atomic_path
from aefpga.fixedpoint import FixedType
from aefpga.fixedpoint.activity import LayerActivity
from aefpga.schema import Schema, Variable

Floats = NDArray[np.float32]
# Okabe and Ito's, which the colour-blind tell apart, and four more for the fullest plot.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666", "#000000",
    "#8C510A", "#5E3C99", "#80CDC1", "#C51B7D",
)  # fmt: skip
COLUMNS = 4


@contextmanager
def figure(path: Path, **options: Any) -> Iterator[Any]:
    """Yield a matplotlib Figure in mplhep's style and write it to `path`."""
    import matplotlib as mpl
    import mplhep
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {**mplhep.style.ATLAS, "font.size": 11, "axes.titlesize": 11, "axes.labelsize": 11}
    style |= {"legend.fontsize": 10, "xtick.labelsize": 9, "ytick.labelsize": 9}
    style |= {"font.sans-serif": ["DejaVu Sans"], "mathtext.fontset": "dejavusans"}
    with mpl.rc_context(style):
        drawn = Figure(layout="constrained", **options)
        FigureCanvasAgg(drawn)
        yield drawn
        with atomic_path(path) as temporary:
            drawn.savefig(temporary, dpi=110)


def plot_learning_curve(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw training and validation loss of both stages, one after the other."""
    with figure(path, figsize=(8, 4.5)) as fig:
        axis = fig.subplots()
        start = 0
        for colour, stage in zip(COLOURS, dict.fromkeys(r["stage"] for r in history), strict=False):
            rows = [r for r in history if r["stage"] == stage]
            epochs = np.arange(start + 1, start + len(rows) + 1)
            axis.plot(
                epochs, [r["loss"] for r in rows], ":", color=colour, label=f"{stage}, training"
            )
            validation = [r["validation_loss"] for r in rows]
            axis.plot(epochs, validation, color=colour, label=f"{stage}, validation")
            start += len(rows)
        axis.set(yscale="log", xlabel="epoch", ylabel="mean squared error (min-max units)")
        axis.legend()


def plot_distributions(
    original: Floats,
    reconstructions: Mapping[str, Floats],
    schema: Schema,
    path: Path,
) -> None:
    """Draw each variable before and after, with the ratio below; the end bins hold the rest."""
    n_rows = -(-len(schema) // COLUMNS)
    with figure(path, figsize=(4 * COLUMNS, 3.2 * n_rows)) as fig:
        fig.get_layout_engine().set(hspace=0.0, h_pad=0.02)
        cells = fig.subfigures(n_rows, COLUMNS, squeeze=False).ravel()
        for i, variable in enumerate(schema.variables):
            upper, lower = cells[i].subplots(
                2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]}
            )
            edges = _edges(variable, original[:, i])
            truth, _ = np.histogram(np.clip(original[:, i], edges[0], edges[-1]), edges)
            upper.stairs(truth, edges, color="black", label="input", fill=False)
            for colour, (name, jets) in zip(COLOURS, reconstructions.items(), strict=False):
                counts, _ = np.histogram(np.clip(jets[:, i], edges[0], edges[-1]), edges)
                upper.stairs(counts, edges, color=colour, label=name)
                ratio = np.divide(counts, truth, out=np.full(len(truth), np.nan), where=truth > 0)
                lower.stairs(ratio, edges, color=colour)
            upper.set(yscale="log" if truth.max() > 20 else "linear", title=variable.label)
            lower.axhline(1, color="grey", linewidth=0.6)
            lower.set(ylim=(0.5, 1.5), ylabel="ratio")
        _shared_legend(fig, upper)


def plot_residuals(
    original: Floats,
    reconstructions: Mapping[str, Floats],
    schema: Schema,
    path: Path,
) -> None:
    """Draw the distribution of each variable's residual."""
    n_rows = -(-len(schema) // COLUMNS)
    with figure(path, figsize=(4 * COLUMNS, 2.8 * n_rows)) as fig:
        axes = fig.subplots(n_rows, COLUMNS, squeeze=False).ravel()
        for axis in axes[len(schema) :]:
            axis.set_axis_off()
        for i, variable in enumerate(schema.variables):
            values = {}
            for name, jets in reconstructions.items():
                residual, enters = residuals(variable, original[:, i], jets[:, i])
                values[name] = residual[enters]
            pooled = np.abs(np.concatenate(list(values.values()))) if values else np.zeros(1)
            span = float(np.quantile(pooled, 0.97)) if len(pooled) else 0.0
            edges = np.linspace(-1, 1, 61) * (span or 1e-3)
            for colour, (name, residual) in zip(COLOURS, values.items(), strict=False):
                weights = np.full(len(residual), 1 / max(len(residual), 1))
                counts, _ = np.histogram(residual, edges, weights=weights)
                axes[i].stairs(counts, edges, color=colour, label=name)
            kind = "relative residual" if variable.kind.is_relative else None
            unit = f" [{variable.unit}]" if variable.unit else ""
            title = f"{variable.name.replace('_', ' ')}: {kind or 'residual' + unit}"
            axes[i].set(yscale="log" if len(pooled) else "linear", title=title)
            axes[i].locator_params(axis="x", nbins=5)
        fig.supylabel("share of jets")
        _shared_legend(fig, axes[0])


def plot_resolution(qualities: Mapping[str, Quality], names: Sequence[str], path: Path) -> None:
    """Draw the 68 % half-width of some variables' residuals against pt, and against |eta|."""
    with figure(path, figsize=(4 * len(names), 7.2)) as fig:
        panels = fig.subplots(2, len(names), squeeze=False)
        for (by_pt, by_eta), name in zip(panels.T, names, strict=True):
            for colour, (scheme, quality) in zip(COLOURS, qualities.items(), strict=False):
                variable = quality.variable(name)
                style = {"color": colour, "label": scheme, "markersize": 4}
                filled = _filled(pt_bins(), variable.by_pt)
                centres = [np.sqrt(low * min(high, 2 * low)) for low, high, _ in filled]
                by_pt.plot(centres, [w for *_, w in filled], "o-", **style)
                filled = _filled(eta_bins(), variable.by_eta)
                centres = [(low + min(high, 5.0)) / 2 for low, high, _ in filled]
                by_eta.plot(centres, [w for *_, w in filled], "o-", **style)
            unit = "relative" if variable.kind == "relative" else variable.unit or "absolute"
            by_pt.set(xscale="log", yscale="log", xlabel="pt [GeV]")
            by_pt.set(title=f"{name} residual, 68 % half-width ({unit})")
            by_eta.set(yscale="log", xlabel="|eta|", xlim=(0, 5))
        _shared_legend(fig, panels[0, 0])


def _filled(
    bins: Sequence[tuple[float, float]], spreads: Sequence[Spread]
) -> list[tuple[float, float, float]]:
    """Return edges and 68 % half-width of the bins with enough jets to tell."""
    return [
        (low, high, s.half_width_68)
        for (low, high), s in zip(bins, spreads, strict=True)
        if s.half_width_68 is not None and s.jets >= 10
    ]


def plot_study(results: Sequence[Result], path: Path) -> None:
    """Draw the quantized 68 % half-width of some variables: models across, normalisations coloured.

    Hollow points are the float models'.
    """
    names = next(iter(results[0].qualities.values())).shown
    models = list(dict.fromkeys(r.model for r in results))
    normalisations = list(dict.fromkeys(r.normalisation for r in results))
    with figure(path, figsize=(4 * 4, 3.8 * -(-len(names) // 4))) as fig:
        axes = fig.subplots(-(-len(names) // 4), 4, squeeze=False).ravel()
        for axis, name in zip(axes, names, strict=False):
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
                        label=normalisation if precision == "quantized" else None,
                    )
            axis.set_xticks(range(len(models)), models, rotation=30, ha="right")
            axis.tick_params(axis="x", which="minor", length=0)
            kind = next(iter(results[0].qualities.values())).variable(name).kind
            axis.set(yscale="log", title=f"{name.replace('_', ' ')} ({kind})")
        for axis in axes[len(names) :]:
            axis.set_axis_off()
        fig.supylabel("residual that 68 % of jets stay below")
        _shared_legend(fig, axes[0])


def plot_rate_distortion(
    curves: Mapping[str, Sequence[tuple[float, Quality]]],
    names: Sequence[str],
    bits_label: str,
    path: Path,
) -> None:
    """Draw bits per jet against the 68 % (line) and 99 % (dotted) half-width of some variables.

    Parameters
    ----------
    curves : Mapping
        For each family of schemes, bits per jet and quality at each of its settings.
    names : sequence of str
        Variables, a panel each.
    bits_label : str
        What the bits are of, for the axis.
    path : Path
        File to write.
    """
    n_columns = min(len(names), 4)
    n_rows = -(-len(names) // n_columns)
    with figure(path, figsize=(4 * n_columns, 3.6 * n_rows)) as fig:
        axes = fig.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axis, name in zip(axes, names, strict=False):
            for colour, (family, points) in zip(COLOURS, curves.items(), strict=False):
                ordered = sorted(points, key=lambda point: point[0])
                residuals = [quality.variable(name).residual for _, quality in ordered]
                bits = [b for b, _ in ordered]
                for style, width, label in (
                    ("o-", "half_width_68", family),
                    (":", "half_width_99", None),
                ):
                    values = [getattr(r, width) or np.nan for r in residuals]
                    axis.plot(bits, values, style, color=colour, label=label, markersize=4)
            variable = points[0][1].variable(name)
            unit = "relative" if variable.kind == "relative" else variable.unit or "absolute"
            axis.set(yscale="log", xlabel=bits_label, title=f"{name.replace('_', ' ')} ({unit})")
        for axis in axes[len(names) :]:
            axis.set_axis_off()
        fig.supylabel("residual that 68 % (99 %: dotted) of jets stay below")
        _shared_legend(fig, axes[0])


def plot_correlation(original: Floats, reconstructed: Floats, schema: Schema, path: Path) -> None:
    """Draw the correlations of all variables before and after, and of their residuals."""
    # Physical units: a relative residual is missing for the jets below its threshold.
    columns = list(zip(schema.variables, original.T, reconstructed.T, strict=True))
    samples = {
        "original": {v.name: x for v, x, _ in columns},
        "reconstructed": {v.name: y for v, _, y in columns},
        "residuals": {column[0].name: absolute_residual(*column) for column in columns},
    }
    names = [v.name.replace("_", " ") for v in schema.variables]
    with figure(path, figsize=(22, 8)) as fig:
        axes = fig.subplots(1, 3, sharey=True)
        for axis, (title, jets) in zip(axes, samples.items(), strict=True):
            image = axis.imshow(correlations(jets), vmin=-1, vmax=1, cmap="RdBu_r")
            axis.set_xticks(range(len(names)), names, rotation=90)
            axis.set_yticks(range(len(names)), names)
            axis.tick_params(which="both", length=0)
            axis.set_title(title)
        fig.colorbar(image, ax=axes, label="correlation")


def plot_occupancy(words: NDArray[np.int64], kind: FixedType, path: Path) -> None:
    """Draw how often each latent word takes each value, and how often it saturates."""
    from matplotlib.colors import LogNorm

    low, high = int(kind.min_word.min()), int(kind.max_word.max())
    edges = np.linspace(low - 0.5, high + 0.5, min(high - low + 1, 256) + 1)
    share = np.stack([np.histogram(w, edges)[0] for w in words.T]) / len(words)
    saturated = ((words == kind.min_word) | (words == kind.max_word)).mean(axis=0)
    with figure(path, figsize=(9, 0.32 * words.shape[1] + 2)) as fig:
        axis, bar = fig.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [5, 1]})
        shown = np.where(share > 0, share, np.nan)
        mesh = axis.pcolormesh(
            edges,
            np.arange(words.shape[1] + 1) - 0.5,
            shown,
            norm=LogNorm(max(1 / len(words), 1e-6), 1),
            cmap="viridis",
        )
        axis.set(xlabel="word", ylabel="latent element", xlim=(edges[0], edges[-1]))
        bar.barh(range(words.shape[1]), 100 * saturated, color=COLOURS[1])
        bar.set(xlabel="saturated [%]", ylim=(-0.5, words.shape[1] - 0.5))
        for panel in (axis, bar):
            panel.tick_params(axis="y", which="minor", length=0)
        fig.colorbar(mesh, ax=axis, label="share of jets")


def plot_activity(
    float_model: Sequence[LayerActivity], quantized: Sequence[LayerActivity] | None, path: Path
) -> None:
    """Draw firing share and mean activation of every neuron, sorted, layer by layer."""
    models = {"float": float_model, **({"quantized": quantized} if quantized else {})}
    with figure(path, figsize=(4.5 * len(float_model), 6.5)) as fig:
        axes = fig.subplots(2, len(float_model), squeeze=False)
        for colour, (model, layers) in zip(COLOURS, models.items(), strict=False):
            for (firing, mean), layer in zip(axes.T, layers, strict=True):
                for axis, values in ((firing, layer.firing), (mean, layer.mean)):
                    axis.plot(sorted(values, reverse=True), ".-", color=colour, label=model)
                firing.set(title=layer.name.replace("_", " "), ylim=(-0.03, 1.03))
                mean.set(xlabel="neurons, most active first", ylim=(0, None))
        axes[0, 0].set_ylabel("share of jets in which it fires")
        axes[1, 0].set_ylabel("mean |activation|")
        _shared_legend(fig, axes[0, 0])


def _shared_legend(fig: Any, axis: Any) -> None:
    """Put the legend of one axis above all of them."""
    handles, labels = axis.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 6))


def _edges(variable: Variable, values: NDArray[Any]) -> NDArray[np.float64]:
    low, high = float(values.min()), float(np.quantile(values, 0.999))
    if variable.kind.is_count:
        step = max(1, int((high - low) // 50))
        return np.arange(np.floor(low), np.ceil(high) + step + 1, step) - 0.5
    return np.linspace(low, high if high > low else low + 1, 51)
