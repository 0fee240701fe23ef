"""What `anomaly` leaves of a run, as its page reads it."""

from collections.abc import Mapping
from dataclasses import dataclass

from aefpga.evaluation.anomaly.weighted import Share
from aefpga.fixedpoint import Trigger


@dataclass(frozen=True)
class Curve:
    """Efficiencies against background rates."""

    rates: tuple[float, ...]
    efficiencies: tuple[float, ...]


@dataclass(frozen=True)
class Found:
    """What a score finds of one signal; `efficiencies` by the background's rate."""

    events: int
    auc: Share
    efficiencies: Mapping[str, Share | None]
    curve: Curve


@dataclass(frozen=True)
class Scored:
    """What a score finds of each signal, and where it is computed."""

    computed: str
    signals: Mapping[str, Found]


@dataclass(frozen=True)
class Working:
    """A threshold, and the share of the background that passes."""

    threshold: int
    rate: Share


@dataclass(frozen=True)
class Triggered:
    """The trigger: a kind of score, what rate was asked for, what passes of each signal."""

    score: str
    target: float
    chosen: Working
    signals: Mapping[str, Share]


@dataclass(frozen=True)
class Background:
    """What scores were judged on."""

    source: str
    events: int
    effective_events: float


@dataclass(frozen=True)
class Anomaly:
    """The trigger and all scores beside it, with what is doubtful of them."""

    verdict: str
    is_rough: bool
    notes: tuple[str, ...]
    record: str
    background: Background
    trigger: Triggered
    scores: Mapping[str, Scored]

    def is_of(self, trigger: Trigger | None) -> bool:
        """Whether this is the trigger of a specification."""
        return trigger is not None and (trigger.score.kind, trigger.threshold) == (
            self.trigger.score,
            self.trigger.chosen.threshold,
        )

    @property
    def own(self) -> str:
        """The trigger's score, as `scores` calls it."""
        return next(name for name in self.scores if name.endswith(self.trigger.score))
