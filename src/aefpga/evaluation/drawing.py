"""What all plots share: style, panels, axes that show what matters, and files."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.files import atomic_path

# Okabe and Ito's, which the colour-blind tell apart, and four more for the fullest plot.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666", "#000000",
    "#8C510A", "#5E3C99", "#80CDC1", "#C51B7D",
)  # fmt: skip
COLUMNS = 4
# Of the bins that hold what lies beyond an axis.
BEYOND = {"color": "0.92", "linewidth": 0}
SMALL = 9
FEW_DECADES = 2e3


class Labelled(Protocol):
    """A variable, or the quality of one."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def symbol(self) -> str:
        """Its symbol, or nothing."""

    @property
    def unit(self) -> str:
        """Its unit, or nothing."""


@contextmanager
def figure(path: Path, **options: Any) -> Iterator[Any]:
    """Yield a matplotlib Figure in mplhep's style; write it to `path` and, as PDF, beside it."""
    import matplotlib as mpl
    import mplhep
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {**mplhep.style.CMS, "font.size": 13, "axes.linewidth": 1.2, "mathtext.default": "it"}
    style |= {"font.sans-serif": ["TeX Gyre Heros", "DejaVu Sans"], "mathtext.fallback": "stixsans"}
    for axis in ("xtick", "ytick"):
        style |= {f"{axis}.major.size": 6, f"{axis}.minor.size": 3, f"{axis}.labelsize": 11}
    with mpl.rc_context(style):
        drawn = Figure(layout="constrained", **options)
        FigureCanvasAgg(drawn)
        yield drawn
        with atomic_path(path) as picture, atomic_path(path.with_suffix(".pdf")) as pages:
            drawn.savefig(picture, dpi=130)
            # The layout is found: it takes longer than the drawing.
            drawn.set_layout_engine("none")
            drawn.savefig(pages)


@contextmanager
def panels(path: Path, n: int, height: float) -> Iterator[tuple[Any, list[Any]]]:
    """Yield a figure and its `n` panels of a height in inches; one legend of all comes above."""
    rows, columns, size = layout(n, height)
    with figure(path, figsize=size) as fig:
        axes = fig.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes[n:]:
            axis.set_axis_off()
        yield fig, list(axes[:n])
        share_legend(fig, axes[:n])


def layout(n: int, height: float) -> tuple[int, int, tuple[float, float]]:
    """Return rows, columns and the figure's size for `n` panels of a height in inches."""
    columns = min(max(n, 1), COLUMNS)
    rows = -(-max(n, 1) // columns)
    # The legend and the remark below want the width of two panels.
    return rows, columns, (max(4.2 * columns, 8.4), height * rows + 0.8)


def residual_label(variable: Labelled, *, is_relative: bool) -> str:
    """Return what the axis of a residual says: a difference, over the variable where relative."""
    symbol = words(variable)
    if is_relative:
        return rf"$\Delta${symbol} / {symbol}"
    return rf"$\Delta${symbol}" + f" [{variable.unit}]" * bool(variable.unit)


def words(variable: Labelled) -> str:
    """Return a variable's symbol, or its name as words."""
    return variable.symbol or variable.name.replace("_", " ")


def share_legend(fig: Any, axes: Iterable[Any]) -> None:
    """Put one legend of all panels above them, in as many columns as the figure has room for."""
    found: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    for columns in range(min(len(found), 4), 0, -1):
        legend = fig.legend(found.values(), found.keys(), loc="outside upper center", ncols=columns)
        if columns == 1 or legend.get_window_extent().width <= fig.bbox.width:
            break
        legend.remove()


def remark(fig: Any, text: str) -> None:
    """Say something below all panels: what was left out, and why."""
    if text:
        width = int(fig.get_figwidth() * 72 / (0.5 * SMALL) * 0.92)
        fig.supxlabel("\n".join(textwrap.wrap(text, width)), fontsize=SMALL + 1, ha="left", x=0.01)


def say(axis: Any, text: str) -> None:
    """Write a line into a panel, at the top left."""
    axis.text(
        0.03, 0.96, text, transform=axis.transAxes, ha="left", va="top", fontsize=SMALL, color="0.3"
    )


def log_scale(axis: Any, values: Iterable[float | None]) -> bool:
    """Give the y axis a logarithmic scale that shows all values above 0; False if there is none."""
    from matplotlib.ticker import LogLocator, NullFormatter

    known = [float(v) for v in values if v is not None and np.isfinite(v) and v > 0]
    if not known:
        axis.set_yticks([])
        return False
    low, high = min(known) / 2, max(known) * 2
    # At least one decade, so that a tick has a number.
    low, high = min(low, high / 30), max(high, low * 30)
    axis.set(yscale="log", ylim=(low, high))
    axis.yaxis.set_major_locator(LogLocator(numticks=8))
    # Over many decades minor ticks say nothing, and drawing them takes most of the time.
    few = high / low < FEW_DECADES
    axis.yaxis.set_minor_locator(LogLocator(subs=range(2, 10) if few else (1.0,), numticks=40))
    axis.yaxis.set_minor_formatter(NullFormatter())
    return True


@dataclass(frozen=True)
class Bins:
    """Bins of equal width that cover a range, and one at each end for what lies beyond it."""

    low: float
    high: float
    n: int

    @classmethod
    def of_counts(cls, low: float, high: float) -> "Bins":
        """Return bins with the integers, or a few of them, in the middle of each."""
        step = max(1, int((high - low) // 40))
        n = int((np.ceil(high) - np.floor(low)) // step) + 1
        start = float(np.floor(low)) - 0.5
        return cls(start, start + n * step, n)

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges, with the bins at the ends; shape (n + 3,)."""
        width = (self.high - self.low) / self.n
        inner = np.linspace(self.low, self.high, self.n + 1)
        return np.concatenate([[self.low - width], inner, [self.high + width]])

    def places(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return each value's bin: 0 below the range, n + 1 above it."""
        inner = np.linspace(self.low, self.high, self.n + 1)
        found = np.searchsorted(inner, values, side="right")
        # The range's end belongs to it.
        return np.asarray(np.where(values == self.high, self.n, found), np.int64)

    def count(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return how many values each bin holds, shape (n + 2,)."""
        return np.bincount(self.places(values), minlength=self.n + 2)

    def frame(self, axis: Any, filled: Sequence[NDArray[Any]], *, say_so: bool = True) -> None:
        """Limit the x axis to the range, and mark the bins beyond it that hold something."""
        edges = self.edges
        beyond = [bool(any(counts[end] for counts in filled)) for end in (0, -1)]
        axis.set_xlim(edges[0 if beyond[0] else 1], edges[-1 if beyond[1] else -2])
        for is_filled, end in zip(beyond, (edges[:2], edges[-2:]), strict=True):
            if is_filled:
                axis.axvspan(*end, zorder=0, **BEYOND)
        if any(beyond) and say_so:
            axis.text(
                0.97, 0.96, "grey: beyond", transform=axis.transAxes, ha="right", va="top",
                fontsize=SMALL, color="0.3",
            )  # fmt: skip
