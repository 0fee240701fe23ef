"""What compression does to physics: resolution, masses of pairs, sum rules, distributions.

Definitions
-----------
* Detector resolution: CMS jets at central rapidity, 15 % at 30 GeV (of the 15 to 20 % stated), 10 %
  at 100 GeV, 5 % at 1 TeV (arXiv:1607.03663, abstract), straight lines in between in log-log.
  What compression *adds* is sqrt(detector**2 + compression**2) / detector - 1, with the 68 %
  half-width of the pt residual for the compression.
* Pair mass: invariant mass of two jets drawn at random. The jets of a test split are not kept in
  events, so these are no dijet events; the residual of the mass does not need them to be.
* Energy sum: the seven particle-class energies over the energy of the jet's four-momentum, less 1.
* Multiplicity sums: share of jets in which a total multiplicity is the sum of its parts.
* Correlation: Pearson's, of each pair of variables that vary; the largest change of any.
* Kolmogorov distance: the largest difference of the cumulative distributions before and after, of
  each variable that varies before.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.metrics import Quality, Spread, pt_bins
from aefpga.schema import FourMomentum, Schema

Floats = NDArray[np.float32]
Columns = Mapping[str, NDArray[Any]]

# Published pt in GeV and relative resolution.
DETECTOR = ((30.0, 0.15), (100.0, 0.10), (1000.0, 0.05))
SEED = 1


@dataclass(frozen=True)
class AddedResolution:
    """In a bin of pt, GeV: the detector's resolution, the compression's, and what it adds."""

    pt_low: float
    pt_high: float | None
    detector: float
    compression: float
    added: float


@dataclass(frozen=True)
class CorrelationChange:
    """The pair of variables whose correlation changed most, before and after."""

    first: str
    second: str
    before: float
    after: float


@dataclass(frozen=True)
class Physics:
    """What is left of physics after compression; None where the variables do not tell."""

    resolution: tuple[AddedResolution, ...]
    pair_mass: Spread | None
    energy_sum_before: Spread | None
    energy_sum: Spread | None
    multiplicity_sums_before: Mapping[str, float]
    multiplicity_sums: Mapping[str, float]
    correlation_change: CorrelationChange | None
    kolmogorov: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


def detector_resolution(pt: float) -> float:
    """Return the relative jet energy resolution of CMS at a pt in GeV; constant beyond the ends."""
    x, y = np.log(np.array(DETECTOR)).T
    return float(np.exp(np.interp(np.log(pt), x, y)))


def judge_physics(
    original: Floats, reconstructed: Floats, schema: Schema, quality: Quality
) -> Physics:
    """Compare jets before and after compression.

    Parameters
    ----------
    original, reconstructed : ndarray of float32, shape (n_jets, n_variables)
        Physical units.
    schema : Schema
        The columns.
    quality : Quality
        Of the same jets.
    """
    before, after = (
        {name: jets[:, i].astype(np.float64) for i, name in enumerate(schema.names)}
        for jets in (original, reconstructed)
    )
    momentum = schema.momentum
    if momentum is not None and not schema.holds(*momentum.names):
        momentum = None
    return Physics(
        resolution=tuple(_added(quality, momentum)) if momentum else (),
        pair_mass=_pair_mass_residual(before, after, momentum) if momentum else None,
        energy_sum_before=_energy_sum(before, schema) if momentum else None,
        energy_sum=_energy_sum(after, schema) if momentum else None,
        multiplicity_sums_before=_multiplicity_sums(before, schema),
        multiplicity_sums=_multiplicity_sums(after, schema),
        correlation_change=_correlation_change(before, after),
        kolmogorov={name: kolmogorov(x, after[name]) for name, x in before.items() if np.ptp(x)},
    )


def _added(quality: Quality, momentum: FourMomentum) -> list[AddedResolution]:
    found = []
    for (low, high), spread in zip(pt_bins(), quality.variable(momentum.pt).by_pt, strict=True):
        if spread.half_width_68 is None or spread.records < 10:
            continue
        # The geometric middle of the bin; twice its start where it has no end.
        end = high if np.isfinite(high) else 2 * low
        detector = detector_resolution(float(np.sqrt(low * end)))
        added = np.hypot(detector, spread.half_width_68) / detector - 1
        finite = high if np.isfinite(high) else None
        found.append(AddedResolution(low, finite, detector, spread.half_width_68, float(added)))
    return found


def _pair_mass_residual(before: Columns, after: Columns, momentum: FourMomentum) -> Spread:
    pairs = np.random.default_rng(SEED).permutation(len(before[momentum.pt]))
    pairs = pairs[: len(pairs) // 2 * 2].reshape(-1, 2)
    truth, found = (_pair_mass(jets, pairs, momentum) for jets in (before, after))
    return Spread.of(np.divide(found, truth, out=np.ones_like(truth), where=truth > 0) - 1)


def _pair_mass(jets: Columns, pairs: NDArray[Any], momentum: FourMomentum) -> NDArray[np.float64]:
    """Return invariant masses in GeV of pairs of jets with masses."""
    energy, px, py, pz = (p[pairs].sum(axis=1) for p in _four_momentum(jets, momentum))
    squared = energy**2 - px**2 - py**2 - pz**2
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def _four_momentum(jets: Columns, momentum: FourMomentum) -> tuple[NDArray[np.float64], ...]:
    pt, eta, phi, mass = (jets[n] for n in momentum.names)
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return np.sqrt(px**2 + py**2 + pz**2 + mass**2), px, py, pz


def _energy_sum(jets: Columns, schema: Schema) -> Spread | None:
    names = [c.energy for c in schema.classes]
    if not names or not schema.holds(*names) or schema.momentum is None:
        return None
    energy = _four_momentum(jets, schema.momentum)[0]
    return Spread.of(np.sum([jets[n] for n in names], axis=0) / np.maximum(energy, 1e-9) - 1)


def _multiplicity_sums(jets: Columns, schema: Schema) -> dict[str, float]:
    found = {}
    for total, parts in schema.sums.items():
        if schema.holds(total, *parts) and schema.variable(total).kind.is_count:
            rounded = [np.rint(jets[n]) for n in (total, *parts)]
            found[total] = float((rounded[0] == np.sum(rounded[1:], axis=0)).mean())
    return found


def correlations(jets: Columns) -> NDArray[np.float64]:
    """Return the matrix of correlations of all variables; 0 where one does not vary."""
    x = np.stack(list(jets.values()), axis=1).astype(np.float64)
    x -= x.mean(axis=0)
    spread = x.std(axis=0)
    x = np.divide(x, spread, out=np.zeros_like(x), where=spread > 0)
    return np.asarray(x.T @ x / len(x))


def _correlation_change(before: Columns, after: Columns) -> CorrelationChange | None:
    first, second = correlations(before), correlations(after)
    names, changes = list(before), np.abs(np.triu(second - first, 1))
    i, j = np.unravel_index(int(changes.argmax()), changes.shape)
    if not changes[i, j]:
        return None
    return CorrelationChange(names[i], names[j], float(first[i, j]), float(second[i, j]))


def kolmogorov(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Return the largest difference between the cumulative distributions of two samples."""
    points = np.concatenate([before, after])
    shares = [np.searchsorted(np.sort(x), points, side="right") / len(x) for x in (before, after)]
    return float(np.abs(shares[0] - shares[1]).max())
