"""Simulated records of cells: modules, calorimeter regions and jet images. They are toys.

No detector is simulated: showers of `showers.py` fall on the cells. Those of modules are made like
charges of a real simulation in occupancy and spectrum (`docs/cells.md` compares them), the others
are of a reasonable size and nothing more.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aefpga.data.records import Records
from aefpga.data.simulate.showers import LogNormal, PowerLaw, Showers, Spots, collected
from aefpga.errors import UsageError
from aefpga.schema import CELLS, IMAGES, REGIONS, Schema
from aefpga.schema.cells import PIXEL, REGIONS_SHAPE

Floats = NDArray[np.float64]

# Records that are not empty, each block from a seed of its own.
BLOCK = 2_000

# Of modules, in cm: just beyond the furthest corner, and half the diagonal of a cell.
MODULE_RADIUS, CELL_REACH = 9.5, 1.45
# Of many collisions at once: in number as broadly distributed as between layers and angles.
PILEUP = (
    Showers(LogNormal(16.6, 1.17, 130), LogNormal(18.0, 1.2, 6000), 0.43, 2.1, 0.14, 22.0),
    Showers(LogNormal(0.46, 0, 9), PowerLaw(140.0, 1.14, 6000), 0.43, 2.1, 0.14, 22.0),
)
# Of a jet's particles alone, most of which leave little in a cell.
JETS = (
    Showers(LogNormal(0.4, 0, 9), LogNormal(2.9, 0.6, 50), 0.4, 0.4, 0, 1e9),
    Showers(LogNormal(0.15, 0, 9), PowerLaw(8.2, 0.76, 6000), 1.4, 4.5, 0.28, 16.0),
)
# Counts below are not sent.
THRESHOLDS = {"pileup": 4, "jets": 2}
MODULES = {"pileup": PILEUP, "jets": JETS}

# In regions; those at the edge see what is half of one beyond.
SOFT = Showers(LogNormal(120.0, 0.5, 1000), LogNormal(1.2, 0.8, 30), 0.3, 0.8, 0.1, 1e9)
HARD = Showers(LogNormal(1.2, 0, 9), PowerLaw(60.0, 3.0, 2000), 0.4, 1.0, 0.3, 5.0)
COUNTER = 1023

# Of jets: energy in counts of 0.25 GeV, distances in eta and phi.
PRONG = Showers(LogNormal(1, 0, 9), PowerLaw(1.0, 1.0, 1.0), 0.04, 0.15, 0.3, 16.0)
LEAST_ENERGY, SPECTRUM = 1200.0, PowerLaw(900.0, 3.0, 8000)
# Of two prongs: mass over momentum says how far they are apart.
MASS = 320.0


@dataclass(frozen=True)
class GridSimulation(ABC):
    """What to simulate.

    Parameters
    ----------
    process : str
        One of `processes`.
    events : int
        Number of records; what no cell sees is not one.
    seed : int
        With the version of NumPy it determines every bit. Fewer records of a seed are the first of
        more.
    """

    schema: ClassVar[Schema]
    processes: ClassVar[tuple[str, ...]]
    reach: ClassVar[float]

    process: str = ""
    events: int = 20_000
    seed: int = 1

    def __post_init__(self) -> None:
        # Frozen for others.
        object.__setattr__(self, "process", self.process or self.processes[0])
        if self.process not in self.processes:
            raise UsageError(
                f"unknown process {self.process}; expected {' or '.join(self.processes)}"
            )

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.events // BLOCK)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of what decides the result."""
        return {"numpy": np.__version__}

    def block(self, number: int) -> Records:
        """Make a block of records; the first has number 0."""
        rng = np.random.default_rng([self.seed, number])
        parts: list[Floats] = []
        while sum(map(len, parts)) < BLOCK:
            counts = np.floor(self._energies(rng))
            parts.append(counts[counts.any(axis=1)])
        cells = np.concatenate(parts)[: min(BLOCK, self.events - number * BLOCK)]
        values = np.column_stack([cells, cells.sum(axis=1)]).astype(np.float32)
        return Records(self.schema, values, np.ones(len(values), np.int64))

    @property
    def _places(self) -> Floats:
        image = self.schema.image()
        assert image is not None, "these are records of cells"
        return image.positions

    def _energies(self, rng: np.random.Generator) -> Floats:
        """Return what the cells of a block's records see."""
        energy = np.zeros((BLOCK, len(self._places)))
        for spots in self._spots(rng):
            energy += collected(spots, self._places, self.reach, BLOCK)
        return energy

    @abstractmethod
    def _spots(self, rng: np.random.Generator) -> Iterator[Spots]:
        """Yield the spots of a block's records."""


class ModuleSimulation(GridSimulation):
    """Modules of an endcap calorimeter: under many collisions, or those that a jet hits."""

    schema, processes, reach = CELLS, tuple(MODULES), CELL_REACH

    def _energies(self, rng: np.random.Generator) -> Floats:
        energy = super()._energies(rng)
        return np.where(energy >= THRESHOLDS[self.process], energy, 0)

    def _spots(self, rng: np.random.Generator) -> Iterator[Spots]:
        for showers in MODULES[self.process]:
            yield showers.spots(rng, BLOCK, self._anywhere)

    def _anywhere(self, rng: np.random.Generator, n: int) -> Floats:
        radius, angle = MODULE_RADIUS * np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
        around = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return np.asarray(self._places.mean(axis=0) + around)


class RegionSimulation(GridSimulation):
    """The regions of a calorimeter, around the beam: many collisions, and a few jets."""

    schema, processes, reach = REGIONS, ("jets",), 0.75

    def _energies(self, rng: np.random.Generator) -> Floats:
        return np.minimum(super()._energies(rng), COUNTER)

    def _spots(self, rng: np.random.Generator) -> Iterator[Spots]:
        around, _ = REGIONS_SHAPE
        for showers in (SOFT, HARD):
            spots = showers.spots(rng, BLOCK, _on_the_cylinder)
            # The last row is beside the first.
            position = spots.position.copy()
            position[:, 1] = -np.mod(-position[:, 1] + 0.5, around) + 0.5
            yield Spots(spots.record, position, spots.energy)


def _on_the_cylinder(rng: np.random.Generator, n: int) -> Floats:
    around, along = REGIONS_SHAPE
    x, y = rng.uniform(-0.5, along - 0.5, n), rng.uniform(-0.5, around - 0.5, n)
    return np.stack([x, -y], axis=1)


class ImageSimulation(GridSimulation):
    """Images of jets around their axis: of one prong, or of two as of a heavy boson."""

    schema, processes, reach = IMAGES, ("one-prong", "two-prongs"), 0.75 * PIXEL

    def _spots(self, rng: np.random.Generator) -> Iterator[Spots]:
        energy = LEAST_ENERGY + SPECTRUM.draw(rng, BLOCK)
        if self.process == "one-prong":
            yield PRONG.spread(rng, np.arange(BLOCK), np.zeros((BLOCK, 2)), energy)
            return
        share, angle = rng.uniform(0.2, 0.8, BLOCK), 2 * np.pi * rng.random(BLOCK)
        apart = np.minimum(MASS / energy / np.sqrt(share * (1 - share)), 0.7)
        across = np.stack([np.cos(angle), np.sin(angle)], axis=1) * apart[:, None]
        for part, centre in ((share, (1 - share)[:, None]), (1 - share, -share[:, None])):
            yield PRONG.spread(rng, np.arange(BLOCK), centre * across, energy * part)
