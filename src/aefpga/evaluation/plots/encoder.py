"""What an encoder's words and neurons do."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.drawing import COLOURS, figure, share_legend
from aefpga.fixedpoint import FixedType
from aefpga.fixedpoint.activity import LayerActivity


def plot_occupancy(words: NDArray[np.int64], kind: FixedType, records: str, path: Path) -> None:
    """Draw how often each latent word takes each value, and is at an end of its range.

    Parameters
    ----------
    words : ndarray of int64, shape (n_records, n_latents)
        Latent words.
    kind : FixedType
        Their type.
    records : str
        What is encoded, in the plural.
    path : Path
        File to write.
    """
    from matplotlib.colors import LogNorm

    low, high = int(kind.min_word.min()), int(kind.max_word.max())
    edges = np.linspace(low - 0.5, high + 0.5, min(high - low + 1, 256) + 1)
    share = np.stack([np.histogram(w, edges)[0] for w in words.T]) / len(words)
    saturated = ((words == kind.min_word) | (words == kind.max_word)).mean(axis=0)
    uncertainty = np.sqrt(saturated * (1 - saturated) / len(words))
    n = words.shape[1]
    with figure(path, figsize=(10, 0.32 * n + 2.2)) as fig:
        axis, bar = fig.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [4, 1]})
        mesh = axis.pcolormesh(
            edges,
            np.arange(n + 1) - 0.5,
            np.where(share > 0, share, np.nan),
            norm=LogNorm(max(min(1 / len(words), 0.1), 1e-6), 1),
            cmap="viridis",
        )
        axis.set(xlabel="value of the word", ylabel="latent word", xlim=(edges[0], edges[-1]))
        axis.yaxis.get_major_locator().set_params(integer=True)
        bar.barh(range(n), 100 * saturated, xerr=100 * uncertainty, color=COLOURS[1])
        # A full bar is 100 %: few in thousands must not look like many.
        bar.set(xlabel="at an end [%]", ylim=(-0.5, n - 0.5))
        bar.set_xlim(0, max(1.0, 1.15 * 100 * float((saturated + uncertainty).max(initial=0))))
        for panel in (axis, bar):
            panel.tick_params(axis="y", which="minor", length=0)
        fig.colorbar(mesh, ax=axis, label=f"share of {records}")


def plot_activity(
    float_model: Sequence[LayerActivity],
    quantized: Sequence[LayerActivity] | None,
    records: str,
    path: Path,
) -> None:
    """Draw firing share and mean activation of every neuron, sorted, layer by layer."""
    models = {"float": float_model, **({"quantized": quantized} if quantized else {})}
    with figure(path, figsize=(max(4.2 * len(float_model), 6.3), 7.0)) as fig:
        axes = fig.subplots(2, len(float_model), squeeze=False)
        for colour, (model, layers) in zip(COLOURS, models.items(), strict=False):
            for (firing, mean), layer in zip(axes.T, layers, strict=False):
                for axis, values in ((firing, layer.firing), (mean, layer.mean)):
                    ordered = sorted(values, reverse=True)
                    places = range(1, len(ordered) + 1)
                    axis.plot(places, ordered, ".-", color=colour, label=model)
                firing.set(title=layer.name.replace("_", " "), ylim=(-0.03, 1.03))
                mean.set(xlabel="rank of the neuron")
        for row in axes.T:
            for axis in row:
                axis.xaxis.get_major_locator().set_params(integer=True)
                axis.tick_params(axis="x", which="minor", length=0)
        axes[0, 0].set_ylabel(f"share of {records} in which it fires")
        for axis in axes[1]:
            # Of all models: a limit set before the last is drawn would cut it off.
            axis.set_ylim(bottom=0)
        axes[1, 0].set_ylabel("mean |activation|, value as sent on")
        share_legend(fig, axes.ravel())
