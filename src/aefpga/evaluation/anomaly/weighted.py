"""Scores of weighted events: shares above a threshold, with errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[Any]


@dataclass(frozen=True)
class Share:
    """A share of a sample, with the half-width of its interval of one standard deviation."""

    value: float
    error: float

    @classmethod
    def of(cls, value: float, n: float) -> "Share":
        """Return a share of a binomial sample of `n`, that need be no integer.

        The error is half of Wilson's interval (J. Am. Stat. Assoc. 22 (1927) 209), which is not
        zero where nothing, or everything, was found.
        """
        return cls(value, sqrt(value * (1 - value) / n + 1 / (4 * n * n)) / (1 + 1 / n))

    def written(self, form: str) -> str:
        """Return the share with its error, both in a format such as ``.3f``."""
        return f"{self.value:{form}} ± {self.error:{form}}"


@dataclass(frozen=True)
class Sample:
    """Scores of events, the most anomalous the highest, and the events' weights.

    Parameters
    ----------
    scores : ndarray, shape (n_events,)
        Integers or floats.
    weights : ndarray of float64, shape (n_events,)
        Not negative, and not all zero.
    """

    scores: Scores
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.scores)

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return float(self.weights.sum())

    @property
    def effective(self) -> float:
        """Number of events of equal weight with as small relative errors."""
        return self.total**2 / float(np.square(self.weights).sum())

    def above(self, threshold: float) -> Share:
        """Return the share of weight of what has a score above a threshold."""
        share = float(self.weights[self.scores > threshold].sum()) / self.total
        return Share.of(min(share, 1.0), self.effective)

    def least_threshold(self, share: float) -> Any:
        """Return the least of all scores above which lies at most a share of the weight."""
        values, inverse = np.unique(self.scores, return_inverse=True)
        of_value = np.bincount(inverse, self.weights, len(values))
        # Summed from the top, where rates are small: nothing is lost to rounding.
        above = np.append(np.cumsum(of_value[::-1])[::-1][1:], 0.0) / self.total
        return values[int(np.argmax(above <= share * (1 + 1e-12)))]


@dataclass(frozen=True)
class Curve:
    """Shares of background and of signal above every threshold, from the highest down.

    Parameters
    ----------
    rates, efficiencies : ndarray of float64, shape (n_points,)
        From 0, 0 to 1, 1.
    """

    rates: NDArray[np.float64]
    efficiencies: NDArray[np.float64]

    @classmethod
    def of(cls, background: Sample, signal: Sample) -> "Curve":
        """Return the curve of two samples."""
        values = np.unique(np.concatenate([background.scores, signal.scores]))
        rates, efficiencies = (_from_top(sample, values) for sample in (background, signal))
        return cls(rates, efficiencies)

    def thinned(self, rates: NDArray[np.float64]) -> "Curve":
        """Return the efficiencies at the thresholds whose rates are at or just below these."""
        places = np.searchsorted(self.rates, rates * (1 + 1e-12), side="right") - 1
        places = np.unique(places)
        return Curve(self.rates[places], self.efficiencies[places])


def _from_top(sample: Sample, values: Scores) -> NDArray[np.float64]:
    of_value = np.bincount(
        np.searchsorted(values, sample.scores), sample.weights, minlength=len(values)
    )
    return np.concatenate([[0.0], np.cumsum(of_value[::-1])]) / sample.total


def area(background: Sample, signal: Sample) -> Share:
    """Return the area under the curve: the share of pairs in which the signal scores higher.

    Pairs that score alike count half. The error is DeLong's (Biometrics 44 (1988) 837): that of
    the mean, over events of either sample, of the share of the other that they stand above.
    """
    of_signal = _below(background, signal.scores)
    of_background = 1 - _below(signal, background.scores)
    value = float(np.average(of_signal, weights=signal.weights))
    variance = sum(
        float(np.sum(np.square(sample.weights * (shares - value)))) / sample.total**2
        for sample, shares in ((signal, of_signal), (background, of_background))
    )
    return Share(value, sqrt(variance))


def _below(sample: Sample, scores: Scores) -> NDArray[np.float64]:
    """Return the share of a sample below each score; half of what is equal counts."""
    order = np.argsort(sample.scores, kind="stable")
    summed = np.concatenate([[0.0], np.cumsum(sample.weights[order])]) / sample.total
    ranked = sample.scores[order]
    left, right = (np.searchsorted(ranked, scores, side=side) for side in ("left", "right"))
    return np.asarray((summed[left] + summed[right]) / 2)


def efficiency(background: Sample, signal: Sample, rate: float) -> Share | None:
    """Return the share of a signal that is found at a background rate.

    Its error has two sources: the number of signal events, and that of background events, by which
    the threshold is known. None where less than one effective background event is expected.
    """
    if background.effective * rate < 1:
        return None
    found = signal.above(background.least_threshold(rate))
    moved = sqrt(rate / background.effective)
    ends = [signal.above(background.least_threshold(r)).value for r in (rate - moved, rate + moved)]
    return Share(found.value, sqrt(found.error**2 + ((ends[1] - ends[0]) / 2) ** 2))


def significance_improvement(found: Share, rate: float) -> Share:
    """Return by how much a cut multiplies the significance of a signal over its background."""
    return Share(found.value / sqrt(rate), found.error / sqrt(rate))


def composition(
    labels: NDArray[Any], weights: NDArray[np.float64], mask: NDArray[np.bool_]
) -> Mapping[str, Share]:
    """Return the share of each process among the events where `mask` is true."""
    kept = weights[mask]
    if not kept.sum():
        return {}
    n = float(kept.sum()) ** 2 / float(np.square(kept).sum())
    return {
        str(name): Share.of(float(kept[labels[mask] == name].sum() / kept.sum()), n)
        for name in np.unique(labels)
    }
