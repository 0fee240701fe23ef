"""How far reconstructed records are from the originals, in normalised and in physical units.

Definitions
-----------
* Normalised: mean squared error, its root, and mean absolute residual in min-max units of the
  training records, as in the literature.
* Residual of a variable: relative, (reconstructed - original) / original, where its kind says so
  (momenta, energies and areas); absolute, in the variable's unit, otherwise (angles and positions),
  brought to half a turn on either side where the variable has a period. Relative residuals are
  taken where the original is above 0 and at least the kind's threshold, 5 GeV for momenta and
  energies: below it they would divide by next to nothing. How many records enter is stated.
* Half-width at 68, 95 or 99 %: the quantile of the absolute residual, so that a bias counts.
* Its uncertainty: half of how far the order statistics one binomial standard deviation below and
  above the quantile are apart.
* Core: mean and width of the Gaussian whose part within two widths matches the residual's; found by
  iteration from the median, as experiments fit jet responses (CMS, arXiv:1607.03663, sect. 6).
* Beside the relative residual, the absolute one of the records below the threshold.
* Counts: share of records exactly right after rounding to an integer, beside the residual.
* What the data never had is not judged; nor is an angle of an object that is absent, which would
  always be right. The pt that an absent object is given counts as one below the threshold.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError
from aefpga.normalise import Normaliser
from aefpga.schema import Schema, Variable
from aefpga.schema.relations import present

Floats = NDArray[np.float32]
# Which records are in each bin.
Groups = Sequence[NDArray[np.bool_]]

PT_EDGES = (10.0, 20.0, 30.0, 50.0, 100.0, 200.0, 500.0, float("inf"))
# Barrel, end cap with tracker, end cap without, forward: CMS's regions.
ETA_EDGES = (0.0, 1.3, 2.5, 3.0, float("inf"))
# The core reaches this many widths to either side, which hold this share of a Gaussian's variance.
CORE_REACH, CORE_VARIANCE = 2.0, 0.7737413
CORE_ITERATIONS = 50


@dataclass(frozen=True)
class Spread:
    """Distribution of a residual; None where no record enters."""

    records: int
    mean: float | None
    median: float | None
    half_width_68: float | None
    half_width_95: float | None
    half_width_99: float | None
    core_mean: float | None
    core_width: float | None
    half_width_68_error: float | None = None

    @classmethod
    def of(cls, residual: NDArray[Any]) -> "Spread":
        """Summarize the residuals of some records."""
        if not len(residual):
            return cls(0, None, None, None, None, None, None, None)
        step = np.sqrt(0.68 * 0.32 / len(residual))
        places = (0.68, 0.95, 0.99, max(0.68 - step, 0.0), min(0.68 + step, 1.0))
        *widths, low, high = np.quantile(np.abs(residual), places).tolist()
        centre = float(residual.mean()), float(np.median(residual))
        figures = [*centre, *widths, *gaussian_core(residual), (high - low) / 2]
        return cls(len(residual), *figures)


def gaussian_core(residual: NDArray[Any]) -> tuple[float, float]:
    """Return mean and width of the Gaussian core of residuals, at least one of them."""
    x = residual.astype(np.float64)
    mean = float(np.median(x))
    width = float(np.median(np.abs(x - mean))) / 0.6745
    for _ in range(CORE_ITERATIONS):
        if not width:
            break
        core = x[np.abs(x - mean) <= CORE_REACH * width]
        before = mean, width
        mean, width = float(core.mean()), float(np.sqrt(core.var() / CORE_VARIANCE))
        if np.allclose(before, (mean, width), rtol=1e-6, atol=0):
            break
    return mean, width


@dataclass(frozen=True)
class VariableQuality:
    """How well one variable is reconstructed.

    `kind` is ``relative`` or ``absolute``; `response` and `response_median` are the mean and median
    of reconstructed over original (None for absolute residuals); `below` the absolute residual, in
    `unit`, of the records that the relative one leaves out; `exact` the share of records exactly
    right, for counts; `normalised_mse` and `normalised_mean_absolute` in the normaliser's units.
    """

    name: str
    unit: str
    kind: str
    residual: Spread
    response: float | None
    response_median: float | None
    below: Spread | None
    exact: float | None
    by_pt: tuple[Spread, ...]
    by_eta: tuple[Spread, ...]
    normalised_mse: float
    normalised_mean_absolute: float
    symbol: str = ""


@dataclass(frozen=True)
class Quality:
    """How well records are reconstructed by one scheme; `shown` are the headline variables."""

    mse: float
    rmse: float
    mean_absolute_residual: float
    variables: tuple[VariableQuality, ...]
    shown: tuple[str, ...]

    def variable(self, name: str) -> VariableQuality:
        """Return the quality of one variable."""
        return next(v for v in self.variables if v.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Quality":
        """Build it from what `to_dict` returns."""
        variables = [
            VariableQuality(
                **{
                    **v,
                    "residual": Spread(**v["residual"]),
                    "below": v["below"] and Spread(**v["below"]),
                    "by_pt": tuple(Spread(**s) for s in v["by_pt"]),
                    "by_eta": tuple(Spread(**s) for s in v["by_eta"]),
                }
            )
            for v in content["variables"]
        ]
        shown = tuple(content["shown"])
        return cls(**{**content, "variables": tuple(variables), "shown": shown})


def judge(
    original: Floats,
    reconstructed: Floats,
    schema: Schema,
    normaliser: Normaliser,
    lacking: Collection[str] = (),
) -> Quality:
    """Compare reconstructed records with the originals.

    Parameters
    ----------
    original, reconstructed : ndarray of float32, shape (n_records, n_variables)
        Physical units.
    schema : Schema
        The columns.
    normaliser : Normaliser
        Gives the literature's units.
    lacking : collection of str
        Variables that the data never had; they are not judged.

    Raises
    ------
    DataError
        If there is nothing to judge, shapes differ, or a value is NaN or infinite.
    """
    _check(original, reconstructed, schema)
    normalised = normaliser.transform(reconstructed).astype(np.float64)
    difference = normalised - normaliser.transform(original)
    judged = [i for i, name in enumerate(schema.names) if name not in lacking]
    if not judged:
        raise DataError(f"these {schema.name} have none of the variables that would be judged")
    mse = float(np.square(difference[:, judged]).mean())
    groups, there = _groups(original, schema), present(schema, original)
    return Quality(
        mse=mse,
        rmse=float(np.sqrt(mse)),
        mean_absolute_residual=float(np.abs(difference[:, judged]).mean()),
        variables=tuple(
            _judge_variable(
                schema.variables[i],
                original[:, i],
                reconstructed[:, i],
                there[:, i],
                groups,
                difference[:, i],
            )
            for i in judged
        ),
        shown=schema.select(schema.names[i] for i in judged).shown,
    )


def residuals(
    variable: Variable, original: NDArray[Any], reconstructed: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the residual of every record, and which enter; see the module's definitions."""
    truth = original.astype(np.float64)
    difference = absolute_residual(variable, original, reconstructed)
    if not variable.kind.is_relative:
        return difference, np.ones(len(truth), bool)
    enters = (truth > 0) & (truth >= variable.kind.threshold)
    return np.divide(difference, truth, out=np.zeros_like(truth), where=enters), enters


def absolute_residual(
    variable: Variable, original: NDArray[Any], reconstructed: NDArray[Any]
) -> NDArray[np.float64]:
    """Return reconstructed - original of every record, the short way round."""
    difference = np.asarray(reconstructed, np.float64) - np.asarray(original, np.float64)
    if variable.period is None:
        return difference
    half = variable.period / 2
    wrapped = np.mod(difference + half, variable.period) - half
    # The remainder of a tiny negative number rounds up to the whole period.
    return np.where(wrapped >= half, -half, wrapped)


def pt_bins() -> list[tuple[float, float]]:
    """Return the bins of pt in GeV."""
    return list(pairwise(PT_EDGES))


def eta_bins() -> list[tuple[float, float]]:
    """Return the bins of |eta|."""
    return list(pairwise(ETA_EDGES))


def _groups(original: Floats, schema: Schema) -> tuple[Groups, Groups]:
    """Return which records are in each bin of pt and of |eta|; none where there is no momentum."""
    if schema.momentum is None or not schema.holds(schema.momentum.pt, schema.momentum.eta):
        return (), ()
    pt = original[:, schema.index(schema.momentum.pt)]
    eta = np.abs(original[:, schema.index(schema.momentum.eta)])
    return (
        [(low <= pt) & (pt < high) for low, high in pt_bins()],
        [(low <= eta) & (eta < high) for low, high in eta_bins()],
    )


def _check(original: Floats, reconstructed: Floats, schema: Schema) -> None:
    expected = (len(original), len(schema))
    for what, table in (("original", original), ("reconstructed", reconstructed)):
        if table.shape != expected or not table.size:
            raise DataError(
                f"{what} {schema.name} have shape {table.shape}, expected {expected} with at least "
                "one row"
            )
        finite = np.isfinite(table)
        if not finite.all():
            column = int(np.argmin(finite.all(axis=0)))
            raise DataError(
                f"NaN or infinity in {schema.names[column]} of {int((~finite[:, column]).sum())} "
                f"{what} {schema.name}; metrics of them would mean nothing: look at how they were "
                "made"
            )


def _judge_variable(
    variable: Variable,
    original: NDArray[Any],
    reconstructed: NDArray[Any],
    there: NDArray[np.bool_],
    groups: tuple[Groups, Groups],
    normalised: NDArray[np.float64],
) -> VariableQuality:
    residual, enters = residuals(variable, original, reconstructed)
    enters &= there
    relative = variable.kind.is_relative
    by_pt, by_eta = (
        tuple(Spread.of(residual[enters & group]) for group in bins) for bins in groups
    )
    overall = Spread.of(residual[enters])
    absolute = absolute_residual(variable, original, reconstructed)
    exact = None
    if variable.kind.is_count:
        exact = float((np.rint(reconstructed) == original).mean())
    return VariableQuality(
        name=variable.name,
        unit=variable.unit,
        kind="relative" if relative else "absolute",
        residual=overall,
        response=1 + overall.mean if relative and overall.mean is not None else None,
        response_median=1 + overall.median if relative and overall.median is not None else None,
        below=Spread.of(absolute[~enters]) if relative else None,
        exact=exact,
        by_pt=by_pt,
        by_eta=by_eta,
        normalised_mse=float(np.square(normalised).mean()),
        normalised_mean_absolute=float(np.abs(normalised).mean()),
        symbol=variable.symbol,
    )
