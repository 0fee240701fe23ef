"""The summary of the DarkMachines challenge: what is gained, over signals and channels.

Defined in SciPost Phys. 12 (2022) 043 (arXiv:2105.14027), section 6, and its published notebooks:
the significance improvement of a signal, efficiency over the root of the rate, is the best at
rates of 1e-2, 1e-3 and 1e-4; its total improvement is that of its best channel; a score has the
least, the median and the largest total improvement of all signals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from aefpga.evaluation.anomaly.weighted import Share, significance_improvement

WORKING_POINTS = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class Summary:
    """Total improvements of a score: least, median and largest over `signals` signals."""

    signals: int
    least: float
    median: float
    largest: float


def best_improvement(efficiencies: Mapping[float, Share | None]) -> float | None:
    """Return the largest significance improvement at the challenge's rates, if any is known."""
    known = [
        significance_improvement(found, rate).value
        for rate in WORKING_POINTS
        if (found := efficiencies.get(rate)) is not None
    ]
    return max(known, default=None)


def summarise(channels: Sequence[Mapping[str, float]]) -> Summary | None:
    """Return the summary over channels, each with the best improvement of its signals."""
    total: dict[str, float] = {}
    for channel in channels:
        for signal, found in channel.items():
            total[signal] = max(found, total.get(signal, found))
    if not total:
        return None
    values = list(total.values())
    return Summary(len(values), min(values), median(values), max(values))
