"""How well a score finds each signal, and how its values lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.anomaly.weighted import (
    Curve,
    Sample,
    Share,
    area,
    efficiency,
    significance_improvement,
)

RATES = (1e-2, 1e-3, 1e-4, 1e-5)
# Points of a curve in a decade of rates.
A_DECADE = 20


@dataclass(frozen=True)
class Found:
    """What a score finds of one signal.

    `efficiencies` are at `RATES`, None where the background is too small; `curve` is thinned.
    """

    events: int
    auc: Share
    efficiencies: Mapping[float, Share | None]
    curve: Curve

    @classmethod
    def of(cls, background: Sample, signal: Sample) -> "Found":
        """Judge a score by its values of background and of a signal."""
        n_decades = int(np.ceil(np.log10(max(background.effective, 10))))
        rates = np.logspace(-n_decades, 0, n_decades * A_DECADE + 1)
        return cls(
            events=len(signal),
            auc=area(background, signal),
            efficiencies={rate: efficiency(background, signal, rate) for rate in RATES},
            curve=Curve.of(background, signal).thinned(rates),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "events": self.events,
            "auc": vars(self.auc),
            "efficiencies": {
                f"{rate:g}": found and vars(found) for rate, found in self.efficiencies.items()
            },
            "significance_improvements": {
                f"{rate:g}": found and vars(significance_improvement(found, rate))
                for rate, found in self.efficiencies.items()
            },
            "curve": {
                "rates": self.curve.rates.tolist(),
                "efficiencies": self.curve.efficiencies.tolist(),
            },
        }


@dataclass(frozen=True)
class Scored:
    """The values of one score: of the background and of each signal.

    Parameters
    ----------
    background : Sample
        Of all processes together.
    processes : ndarray of str, shape (n_background,)
        The process of each event of the background.
    signals : Mapping of str to Sample
        By name.
    """

    background: Sample
    processes: NDArray[Any]
    signals: Mapping[str, Sample]

    def judged(self) -> dict[str, Found]:
        """Return what the score finds of each signal."""
        return {name: Found.of(self.background, signal) for name, signal in self.signals.items()}

    def rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return thresholds, and the shares of background at or above them; at most 200."""
        values = np.unique(self.background.scores)[::-1]
        of_value = np.bincount(
            np.searchsorted(-values, -self.background.scores),
            self.background.weights,
            minlength=len(values),
        )
        rates = np.cumsum(of_value) / self.background.total
        wanted = np.logspace(np.log10(rates[0]), 0, 200)
        kept = np.unique(np.searchsorted(rates, wanted * (1 - 1e-12)).clip(max=len(rates) - 1))
        return values[kept].astype(np.float64), rates[kept]
