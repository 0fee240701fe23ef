"""What an evaluation counts, so that others can draw it: values, residuals and latent words.

Bins have equal widths from `low` to `high`. Of values and residuals two more, first and last, hold
what is beyond.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.drawing import Bins
from aefpga.evaluation.metrics import residuals
from aefpga.fixedpoint import FixedType
from aefpga.schema import Schema, Variable
from aefpga.schema.relations import present

Floats = NDArray[np.float32]
Counts = tuple[int, ...]
VALUE_BINS, RESIDUAL_BINS, WORD_BINS = 40, 60, 256
# The axis of residuals reaches this far beyond the quantile of the model's.
REACH, QUANTILE = 1.25, 0.995


@dataclass(frozen=True)
class ValueCounts:
    """Records in bins of a variable's value, before and after.

    `stayed` counts those that are in the same bin before and after.
    """

    low: float
    high: float
    original: Counts
    reconstructed: Counts
    stayed: Counts


@dataclass(frozen=True)
class ResidualCounts:
    """Records in bins of a variable's residual, by scheme."""

    low: float
    high: float
    schemes: Mapping[str, Counts]


@dataclass(frozen=True)
class VariableCounts:
    """Of one variable.

    `values` is None where all records have the same, before and after; `residuals` where the model
    keeps the variable exactly, or no record enters.
    """

    values: ValueCounts | None
    residuals: ResidualCounts | None


@dataclass(frozen=True)
class WordCounts:
    """Records in bins of a latent word, and the share in which it is at an end of its range."""

    low: float
    high: float
    counts: Counts
    saturated: float


@dataclass(frozen=True)
class Histograms:
    """All that is counted: values before and after the scheme `model`, residuals, and words."""

    model: str
    variables: Mapping[str, VariableCounts]
    words: tuple[WordCounts, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


def count_variables(
    original: Floats, reconstructions: Mapping[str, Floats], model: str, schema: Schema
) -> dict[str, VariableCounts]:
    """Count values and residuals of every variable.

    Parameters
    ----------
    original : ndarray of float32, shape (n_records, n_variables)
        Physical units.
    reconstructions : Mapping of str to ndarray of float32
        By scheme.
    model : str
        The scheme that is judged: values are those before and after it, and its residuals decide
        how far the bins reach.
    schema : Schema
        The columns.
    """
    columns = columns_of_present(schema, original, reconstructions)
    return {
        variable.name: VariableCounts(
            _values(variable, before, after[model]), _residuals(variable, before, after, model)
        )
        for variable, before, after in columns
    }


def count_words(words: NDArray[np.int64], kind: FixedType) -> tuple[WordCounts, ...]:
    """Count the values of latent words, shape (n_records, n_latents), of a type."""
    kind, content = kind.broadcast(words.shape[1:]), []
    for column, low, high in zip(words.T, kind.min_word, kind.max_word, strict=True):
        edges = np.linspace(low - 0.5, high + 0.5, min(int(high - low) + 1, WORD_BINS) + 1)
        counts = np.histogram(column, edges)[0].tolist()
        saturated = float(((column == low) | (column == high)).mean())
        content.append(WordCounts(float(edges[0]), float(edges[-1]), tuple(counts), saturated))
    return tuple(content)


def value_bins(variable: Variable, values: NDArray[Any]) -> Bins:
    """Return bins that hold all but the outermost of a variable's values."""
    low, high = float(values.min()), float(np.quantile(values, 0.998))
    if variable.kind.is_count:
        return Bins.of_counts(low, high)
    if variable.period is not None:
        return Bins(-variable.period / 2, variable.period / 2, VALUE_BINS)
    if not variable.kind.is_companded:
        low = float(np.quantile(values, 0.002))
    return Bins(low, high if high > low else low + 1, VALUE_BINS)


def residual_bins(variable: Variable, values: NDArray[np.float64]) -> Bins:
    """Return bins about 0 that hold a model's residuals, at least one of which is not 0."""
    sizes = np.abs(values)
    if variable.kind.is_count:
        reach = max(1.0, float(np.ceil(np.quantile(sizes, QUANTILE))))
        return Bins.of_counts(-reach, reach)
    # Of few records, or of many that are exact, the quantile may be 0.
    reach = REACH * float(np.quantile(sizes, QUANTILE)) or float(sizes.max())
    return Bins(-reach, reach, RESIDUAL_BINS)


def columns_of_present(
    schema: Schema, original: Floats, reconstructions: Mapping[str, Floats]
) -> Iterator[tuple[Variable, Floats, dict[str, Floats]]]:
    """Yield each variable and its columns, of the records in which its object is there."""
    there = present(schema, original)
    for i, variable in enumerate(schema.variables):
        rows = there[:, i] if there[:, i].any() else slice(None)
        after = {name: x[rows, i] for name, x in reconstructions.items()}
        yield variable, original[rows, i], after


def entering_residuals(
    variable: Variable, original: Floats, reconstructions: Mapping[str, Floats]
) -> dict[str, NDArray[np.float64]]:
    """Return by scheme the residuals of the records that enter, of columns of a variable."""
    values = {}
    for name, column in reconstructions.items():
        residual, enters = residuals(variable, original, column)
        values[name] = residual[enters]
    return values


def _values(variable: Variable, before: Floats, after: Floats) -> ValueCounts | None:
    if not (np.ptp(before) or np.ptp(after)):
        return None
    bins = value_bins(variable, before)
    places = bins.places(before), bins.places(after)
    stayed = np.bincount(places[0][places[0] == places[1]], minlength=bins.n + 2)
    original, reconstructed = bins.count(before).tolist(), bins.count(after).tolist()
    return ValueCounts(
        bins.low, bins.high, tuple(original), tuple(reconstructed), tuple(stayed.tolist())
    )


def _residuals(
    variable: Variable, before: Floats, after: Mapping[str, Floats], model: str
) -> ResidualCounts | None:
    found = entering_residuals(variable, before, after)
    if not found[model].any():
        return None
    bins = residual_bins(variable, found[model])
    counts = {name: tuple(bins.count(values).tolist()) for name, values in found.items()}
    return ResidualCounts(bins.low, bins.high, counts)
