"""A toy of showers: energy at points of a plane, and what cells see of it. No detector simulation.

A shower is as many spots as its energy makes, each about as far from its centre as electromagnetic
showers are wide: the radial profile is that of Grindhammer and Peters (hep-ex/0001020), a core and
a halo.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Place = Callable[[np.random.Generator, int], Floats]

# Of a shower; more energy makes spots larger.
MOST_SPOTS = 41
# Relative spread of the energies of spots.
SPOT_SPREAD = 0.5
# Distances to all cells that are computed at a time.
AT_A_TIME = 1 << 20


@dataclass(frozen=True)
class LogNormal:
    """Numbers whose logarithms are normal; cut at `most`."""

    median: float
    spread: float
    most: float

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` of them."""
        return np.minimum(self.median * np.exp(self.spread * rng.normal(size=n)), self.most)


@dataclass(frozen=True)
class PowerLaw:
    """Numbers that fall with a power, ``(1 + x / scale) ** -(index + 1)``; cut at `most`."""

    scale: float
    index: float
    most: float

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` of them."""
        return np.minimum(self.scale * ((1 - rng.random(n)) ** (-1 / self.index) - 1), self.most)


@dataclass(frozen=True)
class Spots:
    """Energy at points.

    Parameters
    ----------
    record : ndarray of int64, shape (n_spots,)
        Which record each is of.
    position : ndarray of float64, shape (n_spots, 2)
    energy : ndarray of float64, shape (n_spots,)
    """

    record: NDArray[np.int64]
    position: Floats
    energy: Floats


@dataclass(frozen=True)
class Showers:
    """Showers of one kind.

    Parameters
    ----------
    number : LogNormal
        Mean number in a record; what there is, is Poisson's.
    energy : LogNormal or PowerLaw
        Of a shower.
    core, halo : float
        Radii within which half of the core, or of the halo, is; in the plane's unit.
    halo_share : float
        Of the energy.
    spot : float
        Energy that makes one more spot.
    """

    number: LogNormal
    energy: LogNormal | PowerLaw
    core: float
    halo: float
    halo_share: float
    spot: float

    def spots(self, rng: np.random.Generator, n_records: int, place: Place) -> Spots:
        """Return the spots of all showers of records, whose centres `place` draws."""
        number = rng.poisson(self.number.draw(rng, n_records))
        record = np.repeat(np.arange(n_records), number)
        energy = self.energy.draw(rng, len(record))
        return self.spread(rng, record, place(rng, len(record)), energy)

    def spread(
        self, rng: np.random.Generator, record: NDArray[np.int64], centre: Floats, energy: Floats
    ) -> Spots:
        """Return the spots of showers of these records, centres and energies."""
        number = np.minimum(1 + rng.poisson(energy / self.spot), MOST_SPOTS)
        of = np.repeat(np.arange(len(record)), number)
        share = rng.gamma(SPOT_SPREAD**-2, SPOT_SPREAD**2, len(of)) / number[of]
        scale = np.where(rng.random(len(of)) < self.halo_share, self.halo, self.core)
        inside = rng.random(len(of))
        radius, angle = scale * np.sqrt(inside / (1 - inside)), 2 * np.pi * rng.random(len(of))
        around = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return Spots(record[of], centre[of] + around, energy[of] * share)


def collected(spots: Spots, cells: Floats, reach: float, n_records: int) -> Floats:
    """Return the energy in each cell, shape (n_records, n_cells).

    Parameters
    ----------
    spots : Spots
        Of all records.
    cells : ndarray of float64, shape (n_cells, 2)
        Where the cells are; each spot is in the nearest.
    reach : float
        Spots further off are in none.
    n_records : int
        Number of records.
    """
    energy = np.zeros(n_records * len(cells))
    step = AT_A_TIME // len(cells)
    for start in range(0, len(spots.energy), step):
        part = slice(start, start + step)
        across, along = (
            np.square(np.subtract.outer(spots.position[part, i], cells[:, i])) for i in (0, 1)
        )
        apart = across + along
        is_seen = apart.min(axis=1) < reach**2
        place = spots.record[part] * len(cells) + apart.argmin(axis=1)
        energy += np.bincount(place[is_seen], spots.energy[part][is_seen], minlength=len(energy))
    return energy.reshape(n_records, len(cells))
