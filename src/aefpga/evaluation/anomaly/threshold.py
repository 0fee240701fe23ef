"""The integer threshold that gives a trigger its rate."""

from dataclasses import dataclass

from aefpga.errors import DataError, UsageError
from aefpga.evaluation.anomaly.weighted import Sample, Share

# Background events beyond the threshold below which a rate is hardly known: within 32 %.
FEW = 10


@dataclass(frozen=True)
class Working:
    """A threshold: the bit is set where the score reaches it, for that share of the background."""

    threshold: int
    rate: Share
    accepted: int

    @classmethod
    def at(cls, threshold: int, background: Sample) -> "Working":
        """Return what a threshold does to a background."""
        accepted = int((background.scores >= threshold).sum())
        return cls(threshold, background.above(threshold - 1), accepted)


@dataclass(frozen=True)
class Threshold:
    """The least integer threshold with a background rate at or below a target.

    `neighbour` is the next lower one, which is above the target; `expected` are the effective
    background events that the target lets pass.
    """

    target: float
    chosen: Working
    neighbour: Working
    expected: float

    @property
    def is_rough(self) -> bool:
        """Whether so few events are beyond it that the rate is hardly known."""
        return self.expected < FEW

    @property
    def sentence(self) -> str:
        """What there is to say of it."""
        rates = (f"{x.rate.value:.2e} ± {x.rate.error:.1e}" for x in (self.chosen, self.neighbour))
        here, there = rates
        said = (
            f"from {self.chosen.threshold} on the background's rate is {here} "
            f"({self.chosen.accepted} events), from {self.neighbour.threshold} on {there}"
        )
        if self.is_rough:
            said += (
                f"; the sample is too small for {self.target:g}: {self.expected:.1f} effective "
                f"events were to pass, {FEW} would make the rate known within a third"
            )
        return said


def find_threshold(background: Sample, target: float, largest: int) -> Threshold:
    """Return the least integer threshold with a rate at or below `target`.

    Parameters
    ----------
    background : Sample
        Integer scores.
    target : float
        Share of the background, above 0 and below 1.
    largest : int
        The score of latent words at the ends of their ranges.

    Raises
    ------
    DataError
        If the sample is too small to say anything of such a rate.
    UsageError
        If only what saturates would pass; the nearest rate that is possible is named.
    """
    expected = background.effective * target
    if expected < 1:
        raise DataError(
            f"--rate {target:g} cannot be seen in {len(background):,} background events (effective "
            f"number {background.effective:,.0f}): less than one would pass. Give more with "
            f"--input, or a rate of at least {1 / background.effective:.1g}"
        )
    threshold = int(background.least_threshold(target)) + 1
    if threshold >= largest:
        nearest = Working.at(largest - 1, background)
        raise UsageError(
            f"--rate {target:g} needs a threshold of {threshold}, but words saturate at a score of "
            f"{largest}: whatever is beyond looks alike. The nearest possible threshold is "
            f"{largest - 1}, with a rate of {nearest.rate.value:.2g}; take that, another --score, "
            "or train with more --latent-bits"
        )
    chosen, neighbour = (Working.at(t, background) for t in (threshold, threshold - 1))
    return Threshold(target, chosen, neighbour, expected)
