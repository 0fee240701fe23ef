"""What scores of anomalies find, and what a threshold lets pass."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.anomaly.judge import Found, Scored
from aefpga.evaluation.anomaly.threshold import FEW, Threshold
from aefpga.evaluation.drawing import COLOURS, Bins, figure, log_scale, panels, say

BINS = 50
# Of both samples, the share of scores that a histogram does not show singly.
TAIL = 1e-3
# Times the median, from where on a logarithmic axis shows more.
FAR = 20


def plot_anomaly(
    scored: Mapping[str, Scored],
    found: Mapping[str, Mapping[str, Found]],
    chosen: str,
    threshold: Threshold,
    folder: Path,
) -> None:
    """Draw all figures of a report into a folder.

    Parameters
    ----------
    scored : Mapping of str to Scored
        Scores and their values.
    found : Mapping of str to Mapping of str to Found
        Of each score, what it finds of each signal; there may be more than of values.
    chosen : str
        The trigger's score.
    threshold : Threshold
        Its threshold.
    folder : Path
        Where to.
    """
    background = scored[chosen].background
    least = 1 / background.effective
    plot_curves(found, lambda f: (f.curve.rates, f.curve.efficiencies), "efficiency", least,
                folder / "anomaly_roc.png")  # fmt: skip
    plot_curves(
        found, _improvement, "efficiency / √rate", FEW * least, folder / "anomaly_significance.png"
    )
    plot_scores(scored, folder / "anomaly_scores.png")
    plot_threshold(scored[chosen], threshold, folder / "anomaly_threshold.png")


def _improvement(found: Found) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rates, efficiencies = found.curve.rates, found.curve.efficiencies
    return rates, np.divide(efficiencies, np.sqrt(rates), out=0 * rates, where=rates > 0)


def plot_curves(
    found: Mapping[str, Mapping[str, Found]],
    curve: Callable[[Found], tuple[NDArray[np.float64], NDArray[np.float64]]],
    label: str,
    least: float,
    path: Path,
) -> None:
    """Draw curves against the background's rate, from `least` on, a panel for each signal."""
    signals = list(next(iter(found.values())))
    with panels(path, len(signals), 4.2) as (_, axes):
        for axis, signal in zip(axes, signals, strict=True):
            heights: list[float] = []
            for colour, (score, of_signal) in zip(COLOURS, found.items(), strict=False):
                rates, values = curve(of_signal[signal])
                shown = rates >= least
                axis.plot(rates[shown], values[shown], color=colour, label=score, linewidth=1.4)
                heights += values[shown].tolist()
            axis.set(xscale="log", xlim=(least, 1), xlabel="background rate", ylabel=label)
            log_scale(axis, heights)
            axis.set_title(signal, fontsize=12)


def plot_scores(scored: Mapping[str, Scored], path: Path) -> None:
    """Draw how each score lies for background and signals, a panel for each score."""
    with panels(path, len(scored), 3.6) as (_, axes):
        for axis, (title, one) in zip(axes, scored.items(), strict=True):
            samples = {"background": one.background, **one.signals}
            values = {n: s.scores.astype(np.float64) for n, s in samples.items()}
            every = np.concatenate(list(values.values()))
            middle, label = float(np.median(every)), title
            if 0 < FAR * middle < np.quantile(every, 1 - TAIL):
                # What reaches far beyond the usual is shown by its order of magnitude.
                values = {n: np.log10(np.maximum(x, middle / FAR)) for n, x in values.items()}
                every, label = np.concatenate(list(values.values())), f"log10 of {title}"
            low, high = float(every.min()), float(np.quantile(every, 1 - TAIL))
            bins = Bins(low, high if high > low else low + 1, BINS)
            counted = []
            for colour, (name, sample) in zip(("black", *COLOURS), samples.items(), strict=False):
                counts = np.bincount(bins.places(values[name]), sample.weights, BINS + 2)
                counted.append(counts)
                axis.stairs(counts / sample.total, bins.edges, color=colour, label=name)
            bins.frame(axis, counted)
            log_scale(axis, [c for counts in counted for c in counts / counts.sum()])
            axis.set(xlabel=label, ylabel="share of events")


def plot_threshold(one: Scored, threshold: Threshold, path: Path) -> None:
    """Draw the background's rate against the threshold, and what it is made of."""
    values, rates = one.rates()
    with figure(path, figsize=(11, 4.6)) as fig:
        left, right = fig.subplots(1, 2)
        errors = np.array([one.background.above(v - 1).error for v in values])
        left.plot(values, rates, color=COLOURS[0])
        left.fill_between(values, rates - errors, rates + errors, color=COLOURS[0], alpha=0.25)
        left.axvline(threshold.chosen.threshold, color=COLOURS[1], label="threshold")
        left.axhline(threshold.target, color="0.5", linestyle=":", label="rate asked for")
        log_scale(left, rates.tolist())
        left.set(xscale="log", xlabel="threshold", ylabel="background rate")
        left.set_xlim(max(values.min(), values.max() * 1e-4), values.max())
        left.legend(fontsize=11)
        _compose(right, one, values, rates)


def _compose(axis: Any, one: Scored, values: NDArray[np.float64], rates: NDArray[Any]) -> None:
    """Stack the shares of processes in what passes, against the rate."""
    known = rates * one.background.effective >= FEW
    if not known.any():
        say(axis, f"fewer than {FEW} events")
        return
    names = np.unique(one.processes)
    passing = [one.background.scores >= value for value in values[known]]
    shares = [
        [float(one.background.weights[p & (one.processes == name)].sum()) for p in passing]
        for name in names
    ]
    stacked = np.array(shares) / np.sum(shares, axis=0)
    axis.stackplot(rates[known], stacked, labels=names, colors=COLOURS)
    axis.set(xscale="log", xlabel="background rate", ylabel="share of what passes", ylim=(0, 1))
    axis.set_xlim(rates[known].min(), 1)
    axis.legend(fontsize=11, loc="lower left", frameon=True)
