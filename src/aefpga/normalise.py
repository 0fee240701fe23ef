"""Normalisers: physical units to the numbers a network learns, and back.

The contract is scikit-learn's: `fit`, `transform`, `inverse_transform`, learned attributes end in
an underscore. State is plain JSON under an id, so that a file says which normaliser it holds.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError, RunError
from aefpga.files import write_json

SCHEMA_VERSION = 1

Floats = NDArray[np.float32]


class MinMax:
    """Map each variable's range in the training jets to [0, 1].

    A variable that is constant there maps to 0 and back to the constant.

    Attributes
    ----------
    minimum_, maximum_ : ndarray of float64, shape (n_variables,)
        Range of each variable, physical units.

    Examples
    --------
    >>> jets = np.array([[20.0, 1.0], [60.0, 1.0]], np.float32)
    >>> MinMax().fit(jets).transform(jets)
    array([[0., 0.],
           [1., 0.]], dtype=float32)
    """

    id: ClassVar[str] = "min-max"

    minimum_: NDArray[np.float64]
    maximum_: NDArray[np.float64]

    def fit(self, x: Floats) -> Self:
        """Learn the ranges of jets in physical units, shape (n_jets, n_variables).

        Raises
        ------
        DataError
            If there are no jets, or a value is NaN or infinite.
        """
        if x.ndim != 2 or not x.size or not np.isfinite(x).all():
            raise DataError(
                f"cannot normalise jets of shape {x.shape}: at least one jet is needed, and no "
                "NaN or infinity"
            )
        self.minimum_ = x.min(axis=0).astype(np.float64)
        self.maximum_ = x.max(axis=0).astype(np.float64)
        return self

    @property
    def _span(self) -> NDArray[np.float64]:
        span = self.maximum_ - self.minimum_
        return np.where(span > 0, span, 1.0)

    def transform(self, x: Floats) -> Floats:
        """Return normalised variables, float32, of jets in physical units."""
        normalised = (x - self.minimum_) / self._span
        return np.where(self.maximum_ > self.minimum_, normalised, 0.0).astype(np.float32)

    def inverse_transform(self, y: Floats) -> Floats:
        """Return jets in physical units, float32, of normalised variables."""
        physical = y * self._span + self.minimum_
        return np.where(self.maximum_ > self.minimum_, physical, self.minimum_).astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the state as plain JSON content."""
        return {
            "id": self.id,
            "minimum": self.minimum_.tolist(),
            "maximum": self.maximum_.tolist(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build a normaliser from the content that `get_config` returns."""
        self = cls()
        self.minimum_ = np.asarray(config["minimum"], np.float64)
        self.maximum_ = np.asarray(config["maximum"], np.float64)
        return self


NORMALISERS = {MinMax.id: MinMax}


def save_normaliser(normaliser: MinMax, path: Path) -> None:
    """Write a normaliser with schema version and checksum."""
    config = normaliser.get_config()
    write_json(path, {"schema": SCHEMA_VERSION, "checksum": _checksum(config), **config})


def load_normaliser(path: Path) -> MinMax:
    """Read a normaliser and check it.

    Raises
    ------
    RunError
        If the file is missing, damaged, changed, or of another schema version.
    """
    try:
        config = json.loads(path.read_text())
        schema, checksum = config.pop("schema"), config.pop("checksum")
        if schema != SCHEMA_VERSION or checksum != _checksum(config):
            raise RunError(
                f"{path} has schema {schema} (expected {SCHEMA_VERSION}) or was changed after it "
                "was written; train again"
            )
        return NORMALISERS[config["id"]].from_config(config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} cannot be read as a normaliser ({error}); train again") from error


def _checksum(config: Mapping[str, Any]) -> str:
    return sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
