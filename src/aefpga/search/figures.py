"""What a search weighs: four figures of an encoder, limits to them, and the front."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import Field

from aefpga.config.section import Section


@dataclass(frozen=True)
class Figures:
    """An encoder's cost and accuracy; of each, less is better.

    Parameters
    ----------
    bits : float
        Sent per record.
    luts : float
        Of the part's logic.
    latency_ns : float
        From a record's arrival to its words.
    residual : float
        Mean residual of the variables, as `evaluation.merit` defines it.
    """

    bits: float
    luts: float
    latency_ns: float
    residual: float

    @property
    def cost(self) -> tuple[float, float, float]:
        """All but the residual."""
        return self.bits, self.luts, self.latency_ns

    @property
    def values(self) -> tuple[float, float, float, float]:
        """All of them."""
        return *self.cost, self.residual

    def dominates(self, other: Self) -> bool:
        """Whether this is nowhere worse than another, and somewhere better."""
        pairs = list(zip(self.values, other.values, strict=True))
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    def outclasses(self, other: Self, margin: float) -> bool:
        """Whether this costs no more than another, whose residual is `margin` times as large."""
        is_cheaper = all(a <= b for a, b in zip(self.cost, other.cost, strict=True))
        return is_cheaper and self.residual * margin <= other.residual

    def to_dict(self) -> dict[str, float]:
        """Return plain JSON content."""
        return asdict(self)


class Limits(Section):
    """What an encoder may cost at most; None is no limit."""

    bits: int | None = Field(None, gt=0, description="sent per record")
    luts: int | None = Field(None, gt=0, description="of the part's logic")
    latency_ns: float | None = Field(None, gt=0, description="from a record to its words")

    def excess(self, figures: Figures) -> dict[str, float]:
        """Return for each limit by which share it is exceeded; 0 and below is kept."""
        limits = self.model_dump(exclude_none=True)
        return {name: getattr(figures, name) / limit - 1 for name, limit in limits.items()}

    def are_kept(self, figures: Figures, slack: float = 0.0) -> bool:
        """Whether no limit is exceeded by more than a share."""
        return all(share <= slack for share in self.excess(figures).values())

    def options(self) -> Iterator[tuple[str, str, str]]:
        """Yield each limit that there is: its name, its option of the command line, its value."""
        for name, limit in self.model_dump(exclude_none=True).items():
            yield name, f"--max-{name.removesuffix('_ns')}", f"{limit:g}"

    def __str__(self) -> str:
        return " ".join(f"{option} {value}" for _, option, value in self.options())


def front(points: Mapping[str, Figures]) -> list[str]:
    """Return the names of the points that no other dominates, by bits, then LUTs."""
    names = [
        name
        for name, figures in points.items()
        if not any(other.dominates(figures) for other in points.values())
    ]
    return sorted(names, key=lambda name: points[name].values)


def nearest(points: Mapping[str, Figures], limits: Limits) -> str:
    """Return the name of the point that exceeds limits least: by the sum of the shares."""
    return min(
        points,
        key=lambda name: sum(max(x, 0.0) for x in limits.excess(points[name]).values()),
    )


def as_figures(content: Mapping[str, Any] | None) -> Figures | None:
    """Build figures from what `Figures.to_dict` returns; None of nothing."""
    return None if content is None else Figures(**content)
