"""The judgement: several reconstructions of the same jets, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError
from aefpga.evaluation.metrics import (
    NormalisedError,
    VariableMetrics,
    normalised_metrics,
    variable_metrics,
)
from aefpga.variables import Variable

SCHEMA_VERSION = 1

Floats = NDArray[np.float32]


class Normaliser(Protocol):
    """Maps jets in physical units to what the literature's errors are quoted in."""

    def transform(self, x: Floats) -> Floats:
        """Return normalised jets, shape (n_jets, n_variables)."""
        ...


@dataclass(frozen=True)
class SchemeMetrics:
    """One way to send a jet: how many bits it takes and how well the jet comes back.

    Parameters
    ----------
    name : str
        For tables and legends.
    bits_per_jet : float or None
        What is sent for one jet; None where the scheme sends nothing that could be counted.
    normalised : NormalisedError
        Over all jets and variables, in units of the normaliser.
    normalised_by_variable : dict
        The same for each variable.
    variables : tuple of VariableMetrics
        In physical units, in the order of the columns.
    """

    name: str
    bits_per_jet: float | None
    normalised: NormalisedError
    normalised_by_variable: Mapping[str, NormalisedError]
    variables: tuple[VariableMetrics, ...]

    def variable(self, name: str) -> VariableMetrics:
        """Return the metrics of one variable."""
        return {v.name: v for v in self.variables}[name]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        each = self.normalised_by_variable.items()
        return {
            "name": self.name,
            "bits_per_jet": self.bits_per_jet,
            "normalised": asdict(self.normalised),
            "normalised_by_variable": {name: asdict(error) for name, error in each},
            "variables": [v.to_dict() for v in self.variables],
        }


@dataclass(frozen=True)
class Evaluation:
    """All schemes on the same jets."""

    jets: int
    schemes: tuple[SchemeMetrics, ...]

    def scheme(self, name: str) -> SchemeMetrics:
        """Return one scheme by its name."""
        return {s.name: s for s in self.schemes}[name]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content, without NaN or infinity."""
        return {
            "schema": SCHEMA_VERSION,
            "jets": self.jets,
            "schemes": [s.to_dict() for s in self.schemes],
        }


def compare(
    original: Floats,
    reconstructions: Mapping[str, Floats],
    variables: Sequence[Variable],
    normaliser: Normaliser,
    bits_per_jet: Mapping[str, float],
) -> Evaluation:
    """Judge reconstructions of the same jets.

    Parameters
    ----------
    original : ndarray of float32, shape (n_jets, n_variables), physical units
        The jets as they were, at least one.
    reconstructions : mapping of str to ndarray, as `original`
        The jets as they came back, by the name of the scheme, such as ``quantized model``.
    variables : sequence of Variable
        The columns.
    normaliser : Normaliser
        Of the training: its units are those of the normalised errors.
    bits_per_jet : mapping of str to float
        What each scheme sends; schemes may be missing.

    Raises
    ------
    DataError
        If there are no jets, shapes differ, or a value is NaN or infinite.
    """
    names = tuple(v.name for v in variables)
    _check("the original jets", original, (len(original), len(names)), names)
    for scheme, jets in reconstructions.items():
        _check(f"the jets from {scheme}", jets, original.shape, names)
    pt = original[:, names.index("pt")] if "pt" in names else None
    normalised = normaliser.transform(original)
    schemes = []
    for scheme, jets in reconstructions.items():
        overall, each = normalised_metrics(normalised, normaliser.transform(jets), names)
        physical = tuple(
            variable_metrics(variable, original[:, i], jets[:, i], pt)
            for i, variable in enumerate(variables)
        )
        schemes.append(SchemeMetrics(scheme, bits_per_jet.get(scheme), overall, each, physical))
    return Evaluation(len(original), tuple(schemes))


def _check(what: str, jets: Floats, shape: tuple[int, ...], names: Sequence[str]) -> None:
    if jets.shape != shape or not jets.size:
        raise DataError(
            f"{what} have shape {jets.shape}, expected {shape} with at least one jet; "
            "give every scheme the same jets and variables"
        )
    finite = np.isfinite(jets)
    if not finite.all():
        column = int(np.argmin(finite.all(axis=0)))
        count = int((~finite[:, column]).sum())
        raise DataError(
            f"{what} have NaN or infinity in {names[column]} ({count} of {len(jets)} jets); "
            "metrics of such jets mean nothing: look at how they were decoded"
        )
