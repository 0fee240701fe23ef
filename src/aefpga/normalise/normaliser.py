"""`Normaliser`: the columns that a network learns, of a record's variables.

The contract is scikit-learn's: `fit`, `transform`, `inverse_transform`, learned attributes end in
an underscore. State is plain JSON.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError, RunError
from aefpga.files import write_json
from aefpga.fixedpoint.total import shares, sums
from aefpga.normalise.maps import Affine, Constant, Map, map_from_config, map_to_config
from aefpga.normalise.recipes import RECIPES, SHARES
from aefpga.schema import Schema
from aefpga.threads import over_blocks

SCHEMA_VERSION = 3
# What a network may make of a column, at most, as large as float32 holds.
MAX_COLUMN = 1e38
# Shares that add up to less are as good as none.
LEAST_SHARE = 1e-9
# Records whose columns are made together: they stay in a core's cache.
BLOCK = 8192

Floats = NDArray[np.float32]


class Normaliser:
    """A map for each variable, chosen by a recipe and learned from training data.

    Parameters
    ----------
    recipe : str
        One of `RECIPES`.
    schema : Schema
        The columns of the data.

    Attributes
    ----------
    maps_ : tuple of Map
        The map of each variable.
    minimum_, maximum_ : ndarray of float64, shape (n_variables,)
        Range of each variable in the training data, physical units.

    Examples
    --------
    >>> from aefpga.schema import JETS
    >>> jets = np.array([[100.0, 1.5, 3.0, 10.0]], np.float32)
    >>> normaliser = Normaliser("physics", JETS.choose("4")).fit(jets)
    >>> normaliser.inverse_transform(normaliser.transform(jets)).round(3)
    array([[100. ,   1.5,   3. ,  10. ]], dtype=float32)
    """

    maps_: tuple[Map, ...]
    minimum_: NDArray[np.float64]
    maximum_: NDArray[np.float64]

    def __init__(self, recipe: str, schema: Schema) -> None:
        self.recipe, self.names = recipe, schema.names
        self._schema = schema

    @property
    def n_columns(self) -> int:
        """Number of columns: one for each variable."""
        return len(self.maps_)

    @property
    def logarithmic(self) -> tuple[str, ...]:
        """The variables that are learned on a logarithmic scale."""
        pairs = zip(self.names, self.maps_, strict=True)
        return tuple(name for name, one_map in pairs if one_map.is_logarithmic)

    @property
    def is_of_shares(self) -> bool:
        """Whether columns are shares of a record's sum, which goes another way."""
        return self.recipe == SHARES

    @property
    def min_max_(self) -> "Normaliser":
        """The literature's units, whatever the network learns."""
        if self.recipe == "min-max":
            return self
        pairs = zip(self.minimum_.tolist(), self.maximum_.tolist(), strict=True)
        config = {
            "recipe": "min-max",
            "variables": self.names,
            "maps": [map_to_config(_range(low, high)) for low, high in pairs],
            "minimum": self.minimum_,
            "maximum": self.maximum_,
        }
        return self.from_config(config)

    def fit(self, x: Floats) -> Self:
        """Learn from training data in physical units, shape (n_records, n_variables).

        Raises
        ------
        DataError
            If there are none, or a value is NaN or infinite.
        """
        if x.ndim != 2 or not x.size or not np.isfinite(x).all():
            raise DataError(
                f"cannot normalise data of shape {x.shape}: at least one record is needed, and no "
                "NaN or infinity"
            )
        columns = x.T.astype(np.float64)
        self.minimum_, self.maximum_ = columns.min(axis=1), columns.max(axis=1)
        if self.is_of_shares:
            columns = shares(x).T
        recipe, image = RECIPES[self.recipe], self._schema.image()
        cells = [] if image is None else image.cells.tolist()
        # Cells of an image are alike, whatever each has seen.
        all_cells = columns[cells].ravel()
        self.maps_ = tuple(
            recipe(self._schema, variable, all_cells if j in cells else columns[j])
            for j, variable in enumerate(self._schema.variables)
        )
        return self

    def transform(self, x: Floats) -> Floats:
        """Return columns, float32 of shape (n_records, n_columns), of physical units."""
        values = (shares(x) if self.is_of_shares else x.astype(np.float64)).T
        columns = [m.forward(v) for m, v in zip(self.maps_, values, strict=True)]
        return np.stack(columns, axis=1).astype(np.float32)

    def inverse_transform(
        self, y: Floats, totals: NDArray[np.floating[Any]] | None = None
    ) -> Floats:
        """Return physical units, float32, of columns.

        Parameters
        ----------
        y : ndarray of float32, shape (n_records, n_columns)
        totals : ndarray, shape (n_records,), or None
            Of shares, the sum of each record, which those of what is returned add up to, but for
            rounding to whole numbers.
        """
        # Column after column in memory, as they are made here and written to files.
        values = np.empty((len(y), len(self.maps_)), np.float32, order="F")

        def invert(rows: slice) -> None:
            for j, one_map in enumerate(self.maps_):
                values[rows, j] = one_map.backward(y[rows, j].astype(np.float64))

        over_blocks(invert, len(y), BLOCK)
        if totals is None:
            return values
        return np.asarray(np.rint(self.unrounded(values, totals)), np.float32)

    @staticmethod
    def unrounded(shares: Floats, totals: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return cells of shares, which need not add up to 1, and of the sums of their records."""
        positive = np.maximum(shares, 0)
        factor = totals / np.maximum(sums(positive), LEAST_SHARE)
        return np.asarray(positive * factor[:, None])

    def get_config(self) -> dict[str, Any]:
        """Return the state as plain JSON content."""
        return {
            "recipe": self.recipe,
            "variables": list(self.names),
            "maps": [map_to_config(m) for m in self.maps_],
            "minimum": self.minimum_.tolist(),
            "maximum": self.maximum_.tolist(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build a normaliser, that is fitted, from the content that `get_config` returns.

        Raises
        ------
        ValueError, KeyError, TypeError, AttributeError
            If the content is something else.
        """
        if config["recipe"] not in RECIPES:
            raise ValueError(f"unknown normaliser {config['recipe']}")
        self = cls.__new__(cls)
        self.recipe, self.names = config["recipe"], tuple(map(str, config["variables"]))
        self.maps_ = tuple(map_from_config(m) for m in config["maps"])
        self.minimum_ = np.asarray(config["minimum"], np.float64)
        self.maximum_ = np.asarray(config["maximum"], np.float64)
        lengths = {(len(self.names),), (len(self.maps_),), self.minimum_.shape, self.maximum_.shape}
        if len(lengths) > 1 or not np.isfinite([self.minimum_, self.maximum_]).all():
            raise ValueError("a map and a finite range for each variable were expected")
        return self


def save_normaliser(normaliser: Normaliser, path: Path) -> None:
    """Write a normaliser with schema version and checksum."""
    config = normaliser.get_config()
    write_json(path, {"schema": SCHEMA_VERSION, "checksum": _checksum(config), **config})


def load_normaliser(path: Path, names: tuple[str, ...]) -> Normaliser:
    """Read a normaliser of these variables and check it.

    Raises
    ------
    RunError
        If the file is missing, damaged, changed, of another schema version, or of other variables.
    """
    try:
        config = json.loads(path.read_text())
        schema, checksum = config.pop("schema"), config.pop("checksum")
        if schema not in (2, SCHEMA_VERSION) or checksum != _checksum(config):
            raise RunError(
                f"{path} has schema {schema} (expected {SCHEMA_VERSION}) or was changed after it "
                "was written; train again"
            )
        normaliser = Normaliser.from_config(_upgraded(config, names) if schema == 2 else config)
        # Tried before it is believed: numbers may be out of all range.
        with np.errstate(all="ignore"):
            totals = np.ones(1) if normaliser.is_of_shares else None
            for y in (0, -MAX_COLUMN, MAX_COLUMN):
                normaliser.inverse_transform(np.full((1, len(names)), y, np.float32), totals)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
            RecursionError) as error:  # fmt: skip
        raise RunError(f"{path} cannot be read as a normaliser ({error}); train again") from error
    if normaliser.names != names:
        raise RunError(
            f"{path} is of {', '.join(normaliser.names)}; of {', '.join(names)} expected"
        )
    return normaliser


def _range(low: float, high: float) -> Map:
    return Affine(low, high - low) if high > low else Constant(low)


def _upgraded(config: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return what a normaliser of schema 2 is today."""
    ranges = config.get("min_max", config)
    low, high = list(map(float, ranges["minimum"])), list(map(float, ranges["maximum"]))
    of_ranges = [map_to_config(_range(a, b)) for a, b in zip(low, high, strict=True)]
    return {
        "recipe": config["id"],
        "variables": config.get("variables", names),
        "maps": config.get("maps", of_ranges),
        "minimum": low,
        "maximum": high,
    }


def _checksum(config: Mapping[str, Any]) -> str:
    return sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
