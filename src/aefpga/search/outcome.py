"""What a search came to: the front of its encoders, in tables and as JSON."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aefpga.evaluation.figures import two_digits
from aefpga.evaluation.merit import DEFINITION
from aefpga.search.figures import Figures, Limits
from aefpga.search.space import SearchConfig
from aefpga.search.trials import Trial

SCHEMA_VERSION = 1
# Of a run's folder in that of the search; and where LUTs come from that nothing counted.
RUNS, ESTIMATE = "runs", "da4ml's cost and the companders'"


@dataclass(frozen=True)
class Point:
    """An encoder of the front.

    Parameters
    ----------
    trial : Trial
        Where it comes from; its figures are of validation records, and LUTs and latency estimates.
    figures : Figures
        The same with LUTs and latency as synthesized, where that was possible.
    luts_source : str
        Where these come from.
    """

    trial: Trial
    figures: Figures
    luts_source: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        estimate = self.trial.figures
        assert estimate is not None
        return {
            "run": self.trial.name,
            "folder": f"{RUNS}/{self.trial.name}",
            "chosen": dict(self.trial.chosen),
            **self.figures.to_dict(),
            "luts_source": self.luts_source,
            "estimated_luts": estimate.luts,
            **(self.trial.facts or {}),
        }


@dataclass(frozen=True)
class Outcome:
    """What a search found: the front, all trials, and what kept a point from being synthesized."""

    points: list[Point]
    trials: list[Trial]
    notes: list[str]

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of trials by how they ended."""
        return Counter(t.state or "" for t in self.trials)

    def to_dict(self, config: SearchConfig) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "schema": SCHEMA_VERSION,
            "residual": DEFINITION,
            "limits": config.limits.model_dump(exclude_none=True),
            "seed": config.training.seed,
            "trials": dict(self.counts),
            "front": [p.to_dict() for p in self.points],
            **{
                state: {t.name: t.reason for t in self.trials if t.state == state}
                for state in ("pruned", "failed")
            },
            "notes": self.notes,
        }


def exceeded(limits: Limits, figures: Figures) -> str:
    """Name the limits that figures exceed, and by what."""
    return " and ".join(
        f"{option} {value} with {getattr(figures, name):,.4g}"
        for name, option, value in limits.options()
        if limits.excess(figures)[name] > 0
    )


def rows(config: SearchConfig, outcome: Outcome) -> list[tuple[str, ...]]:
    """Return the front as rows of text, below a first one that names the columns."""
    first = outcome.points[0].trial.facts or {}
    found: list[tuple[str, ...]] = [
        ("run", "encoder", "bits", "LUTs", "latency", "residual", str(first["headline"]))
    ]
    for p in outcome.points:
        facts = p.trial.facts or {}
        found.append(
            (
                p.trial.name,
                config.describe(p.trial.chosen),
                f"{p.figures.bits:.0f}",
                f"{p.figures.luts:,.0f}" + "*" * (p.luts_source == ESTIMATE),
                f"{p.figures.latency_ns:.4g} ns",
                f"{facts['test_residual']:.2%}",
                _headline(facts),
            )
        )
    return found


def _headline(facts: Mapping[str, Any]) -> str:
    width = facts["headline_residual"]
    if width is None:
        return "–"
    if facts["headline_kind"] == "relative":
        return f"{width:.2%}"
    return f"{two_digits(width)} {facts['headline_unit']}".rstrip()


def markdown(config: SearchConfig, outcome: Outcome) -> str:
    """Return the front as a Markdown table."""
    heading, *body = rows(config, outcome)
    lines = [heading, ("---",) * len(heading), *body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
