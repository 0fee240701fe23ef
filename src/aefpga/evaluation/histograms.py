"""What an evaluation counts, so that others can draw it: values, residuals and latent words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.drawing import Bins
from aefpga.evaluation.metrics import residuals
from aefpga.fixedpoint import FixedType
from aefpga.schema import Schema, Variable

Floats = NDArray[np.float32]
VALUE_BINS, RESIDUAL_BINS, WORD_BINS = 40, 60, 256
# The axis of residuals reaches this far beyond the quantile of the model's.
REACH, QUANTILE = 1.25, 0.995


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


def entering_residuals(
    variable: Variable, original: Floats, reconstructions: Mapping[str, Floats]
) -> dict[str, NDArray[np.float64]]:
    """Return by scheme the residuals of the records that enter, of columns of a variable."""
    values = {}
    for name, column in reconstructions.items():
        residual, enters = residuals(variable, original, column)
        values[name] = residual[enters]
    return values


def histograms(
    original: Floats, reconstructions: Mapping[str, Floats], model: str, schema: Schema
) -> dict[str, Any]:
    """Count values and residuals of every variable in bins; plain JSON content.

    The bins have equal widths from `low` to `high`; two more, first and last, hold what is beyond.
    `stayed` are the records whose value is in the same bin before and after. Variables that are the
    same in all records have no `values`, those that the model keeps exactly no `residuals`.

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
    content: dict[str, Any] = {}
    for i, variable in enumerate(schema.variables):
        before, after = original[:, i], reconstructions[model][:, i]
        counted: dict[str, Any] = {}
        if np.ptp(before) or np.ptp(after):
            bins = value_bins(variable, before)
            first, second = bins.places(before), bins.places(after)
            counted["values"] = {
                **_extent(bins),
                "original": bins.count(before).tolist(),
                "reconstructed": bins.count(after).tolist(),
                "stayed": np.bincount(first[first == second], minlength=bins.n + 2).tolist(),
            }
        found = entering_residuals(
            variable, before, {n: x[:, i] for n, x in reconstructions.items()}
        )
        if found[model].any():
            bins = residual_bins(variable, found[model])
            counts = {name: bins.count(values).tolist() for name, values in found.items()}
            counted["residuals"] = {**_extent(bins), "schemes": counts}
        content[variable.name] = counted
    return {"model": model, "variables": content}


def word_histograms(words: NDArray[np.int64], kind: FixedType) -> list[dict[str, Any]]:
    """Count each latent word's values, and how often it is at the end of its range; JSON content.

    Parameters
    ----------
    words : ndarray of int64, shape (n_records, n_latents)
        Latent words.
    kind : FixedType
        Their type.
    """
    content = []
    kind = kind.broadcast(words.shape[1:])
    for column, low, high in zip(words.T, kind.min_word, kind.max_word, strict=True):
        edges = np.linspace(low - 0.5, high + 0.5, min(int(high - low) + 1, WORD_BINS) + 1)
        content.append(
            {
                "low": float(edges[0]),
                "high": float(edges[-1]),
                "counts": np.histogram(column, edges)[0].tolist(),
                "saturated": float(((column == low) | (column == high)).mean()),
            }
        )
    return content


def _extent(bins: Bins) -> dict[str, float]:
    return {"low": bins.low, "high": bins.high, "bins": bins.n}
