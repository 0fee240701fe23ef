"""How far reconstructed jets are from the originals, in normalised and in physical units.

The definitions, and why they were chosen, are in `docs/physics.md`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.variables import Variable

Numbers = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]

# Originals must exceed this for a relative residual: below it, the ratio says little about physics
# and its mean is ruled by divisions by almost nothing. GeV for momenta and energies.
RELATIVE_ABOVE: Mapping[str, float] = {"momentum": 5.0, "energy": 5.0, "area": 0.0}
# Of the original jet, GeV; bins that hold no jet are left out.
PT_EDGES = (0.0, 10.0, 20.0, 30.0, 50.0, 100.0, 200.0, 500.0, np.inf)


@dataclass(frozen=True)
class NormalisedError:
    """Errors in units of the normaliser, over jets (and variables, where it is the overall one)."""

    mse: float
    rmse: float
    mean_absolute: float

    @classmethod
    def of(cls, residual: Numbers) -> "NormalisedError":
        """Summarise residuals, reconstructed - original, both normalised; any shape but empty."""
        exact = residual.astype(np.float64)
        mse = float(np.mean(exact**2))
        return cls(mse, mse**0.5, float(np.mean(np.abs(exact))))


@dataclass(frozen=True)
class Spread:
    """Centre and width of residuals; None where there are no jets.

    `half_width_68` is the 0.68 quantile of the absolute residual: 68 % of the jets are off by less,
    whether by bias or by fluctuation. So for `half_width_95`. For an unbiased normal distribution
    they are 0.994 and 1.960 standard deviations.
    """

    jets: int
    mean: float | None
    median: float | None
    half_width_68: float | None
    half_width_95: float | None

    @classmethod
    def of(cls, residual: Numbers) -> "Spread":
        """Summarise residuals, shape (n_jets,)."""
        if not residual.size:
            return cls(0, None, None, None, None)
        exact = residual.astype(np.float64)
        widths = np.quantile(np.abs(exact), (0.68, 0.95))
        return cls(exact.size, float(exact.mean()), float(np.median(exact)), *widths.tolist())


@dataclass(frozen=True)
class PtBin:
    """The leading residual of jets with ``low <= pt < high`` (GeV; None: no upper edge)."""

    low: float
    high: float | None
    residual: Spread


@dataclass(frozen=True)
class VariableMetrics:
    """One variable in physical units.

    Parameters
    ----------
    name, unit, kind : str
        As in the catalogue.
    residual : Spread
        Reconstructed - original, in `unit`, of all jets; azimuths wrapped into [-pi, pi).
    relative : Spread or None
        Reconstructed/original - 1 of jets whose original exceeds `threshold`; None for kinds that
        have no meaningful ratio (angles, positions, multiplicities).
    threshold : float or None
        In `unit`.
    below : Spread or None
        As `residual`, of the jets that `relative` leaves out.
    exact : float or None
        Multiplicities: share of jets that are right after rounding to the nearest integer.
    bins : tuple of PtBin
        The leading residual in bins of the original pt; empty where the jets have no pt.
    """

    name: str
    unit: str
    kind: str
    residual: Spread
    relative: Spread | None
    threshold: float | None
    below: Spread | None
    exact: float | None
    bins: tuple[PtBin, ...]

    @property
    def leading(self) -> Spread:
        """The relative residual where the kind has one, else the absolute residual."""
        return self.residual if self.relative is None else self.relative

    @property
    def response_mean(self) -> float | None:
        """Mean of reconstructed/original, over the jets of `relative`."""
        return _plus_one(self.relative and self.relative.mean)

    @property
    def response_median(self) -> float | None:
        """Median of reconstructed/original, over the jets of `relative`."""
        return _plus_one(self.relative and self.relative.median)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        response = {"response_mean": self.response_mean, "response_median": self.response_median}
        return {**asdict(self), **response}


def _plus_one(value: float | None) -> float | None:
    return None if value is None else 1.0 + value


def normalised_metrics(
    original: Numbers, reconstructed: Numbers, names: Sequence[str]
) -> tuple[NormalisedError, dict[str, NormalisedError]]:
    """Return the errors of normalised jets, shape (n_jets, n_variables): overall, per variable."""
    residual = reconstructed.astype(np.float64) - original
    each = {name: NormalisedError.of(residual[:, i]) for i, name in enumerate(names)}
    return NormalisedError.of(residual), each


def is_periodic(variable: Variable) -> bool:
    """Whether a variable is an azimuth: the angle that is given in radians."""
    return variable.kind == "angle" and variable.unit == "rad"


def absolute_residual(variable: Variable, original: Numbers, reconstructed: Numbers) -> Doubles:
    """Return reconstructed - original in the variable's unit; azimuths wrapped into [-pi, pi)."""
    difference = reconstructed.astype(np.float64) - original
    if not is_periodic(variable):
        return difference
    wrapped = (difference + np.pi) % (2 * np.pi) - np.pi
    # The remainder of a tiny negative number rounds up to the full period.
    return np.where(wrapped >= np.pi, -np.pi, wrapped)


def has_ratio(variable: Variable, original: Numbers) -> NDArray[np.bool_]:
    """Return which jets enter the relative residual; none for kinds that have no ratio."""
    threshold = RELATIVE_ABOVE.get(variable.kind, np.inf)
    return np.asarray(original > threshold)


def leading_residual(
    variable: Variable, original: Numbers, reconstructed: Numbers
) -> tuple[Doubles, NDArray[np.bool_]]:
    """Return the residual by which a variable is judged first, and which jets have one.

    Relative (reconstructed/original - 1) above the kind's threshold for momenta, energies and
    areas; absolute, of all jets, for the others. The response, reconstructed/original, is the
    ratio by which jet energy scale and resolution are quoted (CMS, arXiv:1607.03663).

    Returns
    -------
    residual : ndarray of float64, shape (n_selected,)
    selected : ndarray of bool, shape (n_jets,)
    """
    residual = absolute_residual(variable, original, reconstructed)
    if variable.kind not in RELATIVE_ABOVE:
        return residual, np.ones(len(original), bool)
    selected = has_ratio(variable, original)
    return residual[selected] / original[selected], selected


def variable_metrics(
    variable: Variable, original: Numbers, reconstructed: Numbers, pt: Numbers | None = None
) -> VariableMetrics:
    """Judge one variable in physical units.

    Parameters
    ----------
    variable : Variable
        Its kind decides how.
    original, reconstructed : ndarray, shape (n_jets,)
        Physical units, finite.
    pt : ndarray, shape (n_jets,), or None
        Transverse momentum of the originals in GeV, for the bins.
    """
    residual = absolute_residual(variable, original, reconstructed)
    leading, selected = leading_residual(variable, original, reconstructed)
    has_relative = variable.kind in RELATIVE_ABOVE
    exact = None
    if variable.kind == "multiplicity" and original.size:
        exact = float(np.mean(np.rint(reconstructed) == np.rint(original)))
    return VariableMetrics(
        variable.name,
        variable.unit,
        variable.kind,
        residual=Spread.of(residual),
        relative=Spread.of(leading) if has_relative else None,
        threshold=RELATIVE_ABOVE.get(variable.kind),
        below=Spread.of(residual[~selected]) if has_relative else None,
        exact=exact,
        bins=() if pt is None else _bins(leading, pt[selected]),
    )


def _bins(residual: Doubles, pt: Numbers) -> tuple[PtBin, ...]:
    found = []
    for low, high in zip(PT_EDGES, PT_EDGES[1:], strict=False):
        inside = (pt >= low) & (pt < high)
        if inside.any():
            upper = None if np.isinf(high) else high
            found.append(PtBin(low, upper, Spread.of(residual[inside])))
    return tuple(found)


def residual_correlation(
    variables: Sequence[Variable], original: Numbers, reconstructed: Numbers
) -> Doubles:
    """Return Pearson's correlation of the absolute residuals.

    Parameters
    ----------
    variables : sequence of Variable
        The columns.
    original, reconstructed : ndarray, shape (n_jets, n_variables)
        Physical units.

    Returns
    -------
    ndarray of float64, shape (n_variables, n_variables)
        NaN in row and column of a variable whose residual never varies.
    """
    columns = zip(variables, original.T, reconstructed.T, strict=True)
    residual = np.array([absolute_residual(v, o, r) for v, o, r in columns])
    centred = residual - residual.mean(axis=1, keepdims=True)
    # A spread that is only the rounding of the mean is none.
    norm = np.sqrt(np.sum(centred**2, axis=1))
    scale = np.sqrt(np.sum(residual**2, axis=1))
    unit = np.full_like(centred, np.nan)
    np.divide(centred, norm[:, None], out=unit, where=(norm > 1e-12 * scale)[:, None])
    return np.asarray(unit @ unit.T)
