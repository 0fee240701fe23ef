"""How well cells come back: where their energy is, how much it is, and how wide.

Definitions
-----------
* Distance: the earth mover's (`distance.py`), in the unit of the positions.
* Response: sum of the cells after over before, less 1.
* Position: way between the centres of energy before and after.
* Width: difference of the root of the energy-weighted mean square distance from that centre.
* Lost: share of records of which nothing comes back; they have no position and no width after.
* Occupancy: number of cells that are not 0 before; energy: their sum.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from aefpga.evaluation.cells.distance import earth_movers
from aefpga.evaluation.figures import two_digits
from aefpga.evaluation.metrics import Spread

Floats = NDArray[np.float64]

OCCUPANCIES = (1, 2, 4, 8, 16, 32, 64, 128, 1 << 16)
ENERGIES = (0.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, float("inf"))
# Cells of all records whose distances are computed, at most: records are taken from the first.
MOST_CELLS = 100_000


@dataclass(frozen=True)
class Ways:
    """Distribution of distances; None where there is none. `error` is of the mean."""

    mean: float | None
    error: float | None
    median: float | None
    below_90: float | None

    @classmethod
    def of(cls, ways: Floats) -> Self:
        """Summarize distances."""
        if not len(ways):
            return cls(None, None, None, None)
        error = float(ways.std() / np.sqrt(len(ways)))
        median, high = np.quantile(ways, (0.5, 0.9)).tolist()
        return cls(float(ways.mean()), error, median, high)


@dataclass(frozen=True)
class InBin:
    """Of the records in a bin, from `low` to below `high` (None: no limit)."""

    low: float
    high: float | None
    records: int
    distance: Ways
    response: Spread
    position: Ways
    width: Spread


@dataclass(frozen=True)
class CellsQuality:
    """How well one scheme gives cells back."""

    bits: float
    how: str
    lost: float
    distance: Ways
    response: Spread
    position: Ways
    width: Spread
    by_occupancy: tuple[InBin, ...]
    by_energy: tuple[InBin, ...]


@dataclass(frozen=True)
class CellsJudgement:
    """All schemes on the same records: the first `records` of those that are not empty."""

    records: int
    empty: int
    unit: str
    schemes: Mapping[str, CellsQuality]

    def beside(self, model: str) -> "Beside | None":
        """Compare a scheme with the best plain one; None where there is no plain one."""
        plain = {n: q for n, q in self.schemes.items() if q.how and q.distance.mean is not None}
        ours = self.schemes[model]
        if not plain or ours.distance.mean is None:
            return None
        best = min(plain, key=lambda name: plain[name].distance.mean or 0.0)
        return Beside.of(ours, best, plain[best], self.unit)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        content: dict[str, Any] = TypeAdapter(CellsJudgement).dump_python(self, mode="json")
        return content


@dataclass(frozen=True)
class Beside:
    """Whether cells come back closer than by the best of the plain choices; how close, in words."""

    verdict: Literal["closer", "as close", "farther"]
    sentence: str

    @classmethod
    def of(cls, ours: CellsQuality, name: str, plain: CellsQuality, unit: str) -> Self:
        """Compare mean distances; within three standard deviations they are as close."""
        way, other = (q.distance.mean or 0.0 for q in (ours, plain))
        apart = 3 * np.hypot(ours.distance.error or 0.0, plain.distance.error or 0.0)
        verdict: Literal["closer", "as close", "farther"] = (
            "as close" if abs(way - other) <= apart else "closer" if way < other else "farther"
        )
        of_unit = f" {unit}" * bool(unit)
        return cls(
            verdict,
            f"earth mover's distance {two_digits(way)}{of_unit} on average in {ours.bits:.0f} "
            f"bits, of {name} {two_digits(other)}{of_unit} in {plain.bits:.0f}",
        )


@dataclass(frozen=True)
class JudgedCells:
    """A judgement with the records that it is of: what pictures are drawn from."""

    judgement: CellsJudgement
    before: NDArray[Any]
    reconstructions: "Mapping[str, Reconstruction]"
    positions: Floats


@dataclass(frozen=True)
class Reconstruction:
    """What a scheme gives back, shape (n_records, n_cells), and in how many bits."""

    back: NDArray[Any]
    bits: float
    how: str = ""


def chosen(cells: NDArray[Any]) -> NDArray[np.int64]:
    """Return which records are judged: the first that are not empty, as many as is quick."""
    return np.flatnonzero(cells.any(axis=1))[: max(MOST_CELLS // cells.shape[1], 1)]


def judge_cells(
    before: NDArray[Any],
    reconstructions: Mapping[str, Reconstruction],
    positions: Floats,
    unit: str,
    empty: int,
) -> JudgedCells:
    """Judge what comes back of cells.

    Parameters
    ----------
    before : ndarray, shape (n_records, n_cells)
        Energies; each record has some.
    reconstructions : Mapping of str to Reconstruction
        Of the same records, by scheme; negative energies count as none.
    positions : ndarray of float64, shape (n_cells, 2)
        Where the cells are.
    unit : str
        Of positions.
    empty : int
        Number of records without energy, which are not among these.

    Raises
    ------
    ToolError
        If POT is not installed.
    """
    judged = {
        name: _judge(before.astype(np.float64), one, positions)
        for name, one in reconstructions.items()
    }
    judgement = CellsJudgement(len(before), empty, unit, judged)
    return JudgedCells(judgement, before, reconstructions, positions)


def _judge(before: Floats, reconstruction: Reconstruction, positions: Floats) -> CellsQuality:
    after = np.maximum(reconstruction.back.astype(np.float64), 0)
    energy, occupancy = before.sum(axis=1), (before > 0).sum(axis=1)
    is_left = np.asarray(after.any(axis=1))
    centre, width = _moments(before, positions)
    centre_after, width_after = _moments(after, positions)
    every = np.ones(len(before), bool)
    found = _Found(
        earth_movers(before, after, positions),
        after.sum(axis=1) / energy - 1,
        np.hypot(*(centre_after - centre).T),
        width_after - width,
        is_left,
    )
    return CellsQuality(
        bits=reconstruction.bits,
        how=reconstruction.how,
        lost=float(1 - is_left.mean()),
        **found.of(every),
        by_occupancy=tuple(found.binned(occupancy, OCCUPANCIES)),
        by_energy=tuple(found.binned(energy, ENERGIES)),
    )


@dataclass(frozen=True)
class _Found:
    """Figures of each record, shape (n_records,); of what is not left, position says nothing."""

    distance: Floats
    response: Floats
    position: Floats
    width: Floats
    is_left: NDArray[np.bool_]

    def of(self, some: NDArray[np.bool_]) -> dict[str, Any]:
        """Return the figures of some records."""
        return {
            "distance": Ways.of(self.distance[some]),
            "response": Spread.of(self.response[some]),
            "position": Ways.of(self.position[some & self.is_left]),
            "width": Spread.of(self.width[some & self.is_left]),
        }

    def binned(self, values: NDArray[Any], edges: tuple[float, ...]) -> Iterator[InBin]:
        """Yield the figures of each bin that holds records."""
        for low, high in pairwise(edges):
            some = (values >= low) & (values < high)
            if some.any():
                last = None if high == edges[-1] else high
                yield InBin(low, last, int(some.sum()), **self.of(some))


def _moments(cells: Floats, positions: Floats) -> tuple[Floats, Floats]:
    """Return centre, shape (n_records, 2), and width of records; of nothing, zeros."""
    total = cells.sum(axis=1, keepdims=True)
    shares = np.divide(cells, total, out=np.zeros_like(cells), where=total > 0)
    centre = shares @ positions
    square = shares @ np.square(positions).sum(axis=1) - np.square(centre).sum(axis=1)
    return centre, np.sqrt(np.maximum(square, 0))
