"""Cells before and after, and how far apart they are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.cells.judge import CellsJudgement, CellsQuality, InBin, JudgedCells
from aefpga.evaluation.drawing import COLOURS, SMALL, figure, panels, remark

# Pictured records: those of which so many have fewer cells.
PLACES = (0.25, 0.5, 0.75, 0.95)
PANEL = 2.1
# Of the darkest cell; below it, steps to nothing are as long for each factor.
DECADES = 3


def plot_cells(judged: JudgedCells, path: Path) -> None:
    """Draw some records, from few cells to many, as they were and as each scheme gives them back.

    Parameters
    ----------
    judged : JudgedCells
        The records.
    path : Path
        File to write.
    """
    occupancy = (judged.before > 0).sum(axis=1)
    order = np.argsort(occupancy, kind="stable")
    rows = [int(order[int(place * (len(order) - 1))]) for place in PLACES]
    columns = {"before": judged.before} | {
        name: one.back for name, one in judged.reconstructions.items()
    }
    size = (PANEL * len(columns), PANEL * len(rows) + 0.5)
    with figure(path, figsize=size) as fig:
        axes = fig.subplots(len(rows), len(columns), squeeze=False)
        for axis, name in zip(axes[0], columns, strict=True):
            axis.set_title(name, fontsize=SMALL + 1)
        for line, row in zip(axes, rows, strict=True):
            largest, total = float(judged.before[row].max()), float(judged.before[row].sum())
            for axis, cells in zip(line, columns.values(), strict=True):
                _draw(axis, cells[row], judged.positions, largest)
            line[0].set_ylabel(f"{occupancy[row]} cells, sum {total:,.0f}", fontsize=SMALL)
        shares = ", ".join(f"{place:.0%}" for place in PLACES)
        remark(fig, f"More cells than {shares} of all records have; each row has its own colours.")


def _draw(axis: Any, cells: NDArray[Any], positions: NDArray[Any], largest: float) -> None:
    """Draw the cells of a record; grey are those with next to nothing."""
    from matplotlib.colors import LogNorm

    least = largest / 10**DECADES
    apart = np.hypot(*(positions[:, None] - positions).transpose(2, 0, 1))
    across = np.ptp(positions[:, 0]) / apart[apart > 0].min(initial=np.inf) + 1
    style = {"s": (72 * 0.8 * PANEL / across) ** 2, "marker": "h", "linewidths": 0}
    axis.scatter(*positions.T, color="0.95", **style)
    there = cells > least
    norm = LogNorm(least, largest, clip=True)
    axis.scatter(*positions[there].T, c=cells[there], cmap="viridis_r", norm=norm, **style)
    axis.set_aspect("equal")
    axis.margins(0.12)
    axis.set_xticks([])
    axis.set_yticks([])


def plot_cell_distances(judgement: CellsJudgement, path: Path) -> None:
    """Draw distances, positions and energies against occupancy and energy, a line for each scheme.

    Parameters
    ----------
    judgement : CellsJudgement
        The figures.
    path : Path
        File to write.
    """
    unit = f" [{judgement.unit}]" if judgement.unit else ""
    figures: tuple[tuple[str, Callable[[InBin], float | None]], ...] = (
        (f"earth mover's distance{unit}", lambda b: b.distance.mean),
        (f"way of the centre{unit}", lambda b: b.position.mean),
        ("energy, 68 % half-width", lambda b: b.response.half_width_68),
        (f"width, 68 % half-width{unit}", lambda b: b.width.half_width_68),
    )
    bins: tuple[tuple[str, Callable[[CellsQuality], Sequence[InBin]]], ...] = (
        ("cells", lambda q: q.by_occupancy),
        ("energy of all cells", lambda q: q.by_energy),
    )
    with panels(path, len(figures) * len(bins), 2.8) as (_, axes):
        pairs = [(b, f) for b in bins for f in figures]
        for axis, ((along, binned), (label, value)) in zip(axes, pairs, strict=True):
            for colour, (name, quality) in zip(COLOURS, judgement.schemes.items(), strict=False):
                points = [(b.low, value(b)) for b in binned(quality) if value(b) is not None]
                x, y = [max(low, 1.0) for low, _ in points], [y for _, y in points]
                axis.plot(x, y, "o-", color=colour, label=name, markersize=4, linewidth=1.4)
            axis.set(xscale="log", xlabel=f"{along}, from", ylabel=label)
            axis.set_ylim(bottom=0)
