"""Figures as data: panels of series on axes, which the page's script draws, zooms and labels.

They are drawn in the browser, by `figures.js`: SVG prints and scales well, and a few hundred lines
of our own are 30 kB with all data of a run, where a bundled plotting library has megabytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aefpga.report.labels import label

# How a series is drawn. Steps have one edge more than heights.
Shape = Literal["steps", "points", "line", "band"]


@dataclass(frozen=True)
class Axis:
    """What an axis says, and how far it reaches where the data do not decide."""

    text: str
    log: bool = False
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "label": label(self.text),
            "log": self.log,
            **{k: short(v) for k, v in (("low", self.low), ("high", self.high)) if v is not None},
        }


@dataclass(frozen=True)
class Series:
    """What is drawn in one colour.

    Parameters
    ----------
    name : str
        In the legend.
    shape : str
        Steps, points, a line, or a band of steps.
    x, y : sequence of float
        Places; the edges of steps. Of a band, `y` is its lower end and `upper` the other.
    colour : int
        Its place among the page's colours; 0 is that of text.
    y_error, x_error : sequence of float
        Half-lengths of bars at points; none where empty.
    notes : sequence of str
        Of each point, what it is besides.
    named : bool
        Whether notes are written beside the points, too.
    filled : bool
        Whether points are full.
    """

    name: str
    shape: Shape
    x: Sequence[float]
    y: Sequence[float | None]
    colour: int
    upper: Sequence[float | None] = ()
    y_error: Sequence[float] = ()
    x_error: Sequence[float] = ()
    notes: Sequence[str] = ()
    named: bool = False
    filled: bool = True
    dashed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content; what is empty is left out."""
        numbers = {
            name: shorts(getattr(self, name)) for name in ("x", "y", "upper", "y_error", "x_error")
        }
        flags = {"named": self.named, "hollow": not self.filled, "dashed": self.dashed}
        given = {k: v for k, v in {**numbers, "notes": list(self.notes), **flags}.items() if v}
        return {"name": self.name, "shape": self.shape, "colour": self.colour, **given}


@dataclass(frozen=True)
class Panel:
    """Series on their axes.

    `remark` stands in the panel; where there are no series it says why. `frame` is the part of the
    x axis outside which bins hold all that is beyond.
    """

    x: Axis = field(default_factory=lambda: Axis(""))
    y: Axis = field(default_factory=lambda: Axis(""))
    series: Sequence[Series] = ()
    remark: str = ""
    frame: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "x": self.x.to_dict(),
            "y": self.y.to_dict(),
            "series": [s.to_dict() for s in self.series],
            "remark": self.remark,
            **({} if self.frame is None else {"frame": shorts(self.frame)}),
        }


@dataclass(frozen=True)
class Figure:
    """A picture with a title and a caption; of several panels, one is shown at a time.

    Parameters
    ----------
    key : str
        Unique on its page.
    title, caption : str
        What it is, and how to read it.
    panels : Mapping of str to Panel
        By what is chosen: a variable, say.
    group : str
        Figures of one group show the panel of the same name.
    """

    key: str
    title: str
    caption: str
    panels: Mapping[str, Panel]
    group: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "key": self.key,
            "title": self.title,
            "group": self.group,
            "panels": {name: panel.to_dict() for name, panel in self.panels.items()},
        }


def short(value: float) -> float:
    """Return a number with as many digits as a picture can show."""
    return float(f"{value:.6g}")


def shorts(values: Iterable[float | None]) -> list[float | None]:
    """Return numbers with as many digits as a picture can show."""
    return [None if v is None else short(v) for v in values]
