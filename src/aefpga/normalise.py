"""Normalisers: physical units to the numbers a network learns, and back.

The contract is scikit-learn's: `fit`, `transform`, `inverse_transform`, learned attributes end in
an underscore. State is plain JSON under an id, so that a file says which normaliser it holds.

* ``min-max``: each variable's range in the training jets to [0, 1].
* ``standard``: each variable's mean to 0, its standard deviation to 1.
* ``four-momentum``: pt to (log10 pt - 1.3) / 1.2, m to log10(m + 1) / 1.8 (GeV), eta / 5, phi / 3,
  the rest min-max: the code of the study that this toolkit comes from.
* ``physics``: every variable in units of the resolution that is asked of it, so that the mean
  squared error weighs what matters: momenta and energies companded (close to logarithmic above 2
  GeV), phi brought back into one turn, multiplicities rounded to integers.
* ``natural``: physical units, momenta and energies logarithmic; for scalar quantizers.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError, RunError, UsageError
from aefpga.files import write_json
from aefpga.fixedpoint.compand import compand, expand
from aefpga.variables import Variable, variable

SCHEMA_VERSION = 2
# What a network may make of a column, at most, as large as float32 holds.
MAX_COLUMN = 1e38

Floats = NDArray[np.float32]


class Normaliser(ABC):
    """Maps jets in physical units to the columns that a network learns, and back."""

    # In the literature's units, whatever the network learns.
    min_max_: "MinMax"

    id: str

    @property
    @abstractmethod
    def n_columns(self) -> int:
        """Number of columns that the network learns."""

    @abstractmethod
    def fit(self, x: Floats) -> Self:
        """Learn from training jets in physical units, shape (n_jets, n_variables)."""

    @abstractmethod
    def transform(self, x: Floats) -> Floats:
        """Return columns, float32 of shape (n_jets, n_columns), of jets in physical units."""

    @abstractmethod
    def inverse_transform(self, y: Floats) -> Floats:
        """Return jets in physical units, float32, of columns."""

    @abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Return the state as plain JSON content."""


class MinMax(Normaliser):
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

    id = "min-max"

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
    def min_max_(self) -> "MinMax":  # type: ignore[override]
        """Itself."""
        return self

    @property
    def n_columns(self) -> int:
        """Number of columns: one for each variable."""
        return len(self.minimum_)

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


@dataclass(frozen=True)
class Affine:
    """(x - offset) / scale."""

    offset: float
    scale: float

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the normalised column of values, both of shape (n_jets,)."""
        return np.asarray((x - self.offset) / self.scale)

    def backward(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return values of the normalised column."""
        return np.asarray(y * self.scale + self.offset)


@dataclass(frozen=True)
class Count(Affine):
    """An affine map of integers from 0, rounded to an integer on the way back."""

    def backward(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return the nearest integers that are not negative."""
        return np.asarray(np.maximum(np.rint(super().backward(y)), 0))


@dataclass(frozen=True)
class Log:
    """(log10(x + shift) - offset) / scale; values below `lowest` are clipped to it."""

    shift: float
    offset: float
    scale: float
    lowest: float

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the normalised column of values, both of shape (n_jets,)."""
        positive = np.maximum(x, self.lowest) + self.shift
        return np.asarray((np.log10(positive) - self.offset) / self.scale)

    def backward(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return values of the normalised column; what a network overshoots is clipped."""
        exponent = np.clip(y * self.scale + self.offset, -30, 30)
        return np.maximum(10.0**exponent - self.shift, self.lowest)


@dataclass(frozen=True)
class Companded:
    """The companded scale of the firmware's inputs, in octaves / scale; see `compand`."""

    grid: int
    mantissa: int
    scale: float

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the normalised column of values, both of shape (n_jets,)."""
        companded = compand(np.ldexp(np.maximum(x, 0), self.grid), self.mantissa)
        return np.asarray(np.ldexp(companded, -self.mantissa) / self.scale)

    def backward(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return values of the normalised column; what a network overshoots is clipped."""
        octaves = np.clip(y * self.scale, 0, 60)
        counts = expand(octaves * 2.0**self.mantissa, self.mantissa)
        return np.asarray(counts * 2.0**-self.grid)


@dataclass(frozen=True)
class Wrapped(Affine):
    """An affine map of an angle in rad, brought back into [-pi, pi)."""

    def backward(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return angles in [-pi, pi)."""
        angle = super().backward(y)
        return np.asarray(angle - 2 * np.pi * np.floor((angle + np.pi) / (2 * np.pi)))


Map = Affine | Log | Companded
KINDS = (Affine, Count, Wrapped, Log, Companded)
MAPS: dict[str, type[Map]] = {m.__name__.lower(): m for m in KINDS}


def _min_max(variable: Variable, x: NDArray[Any]) -> Map:
    return Affine(float(x.min()), float(np.ptp(x)) or 1.0)


def _standard(variable: Variable, x: NDArray[Any]) -> Map:
    return Affine(float(x.mean()), float(x.std()) or 1.0)


def _four_momentum(variable: Variable, x: NDArray[Any]) -> Map:
    known: dict[str, Map] = {
        "pt": Log(0.0, 1.3, 1.2, lowest=1e-3),
        "mass": Log(1.0, 0.0, 1.8, lowest=0.0),
        "eta": Affine(0.0, 5.0),
        "phi": Affine(0.0, 3.0),
    }
    return known.get(variable.name) or _min_max(variable, x)


# What the mean squared error weighs equally: of momenta and energies, relative; of the area,
# relative; of angles, in rad; of multiplicities, far below the half that rounds to another integer.
ENERGY_RESOLUTION, AREA_RESOLUTION = 0.01, 0.0005
ANGLE_RESOLUTION, COUNT_RESOLUTION = 0.004, 0.06
# Resolutions in a unit of a column, so that columns are of the order of one.
RESOLUTIONS = 400.0
# GeV; below it momenta and energies are linear, as zero must have a place.
SOFT = 1.0
# Companded scale: a grid of 1/128 GeV, on which steps are at most 2**-7 of the quantity. Targets on
# the scale of the firmware's inputs are what a linear encoder and decoder can return exactly.
FINE_BITS, MANTISSA_BITS = 7, 7


def _physics(variable: Variable, x: NDArray[Any]) -> Map:
    if variable.kind in ("momentum", "energy"):
        octave = RESOLUTIONS * ENERGY_RESOLUTION / np.log(2)
        return Companded(FINE_BITS, MANTISSA_BITS, float(octave))
    if variable.kind == "multiplicity":
        return Count(0.0, RESOLUTIONS * COUNT_RESOLUTION)
    if variable.name == "phi":
        return Wrapped(0.0, RESOLUTIONS * ANGLE_RESOLUTION)
    if variable.kind == "angle":
        return Affine(0.0, RESOLUTIONS * ANGLE_RESOLUTION)
    typical = float(np.median(np.abs(x))) or 1.0
    return Affine(float(np.median(x)), RESOLUTIONS * AREA_RESOLUTION * typical)


def _natural(variable: Variable, x: NDArray[Any]) -> Map:
    """Relative changes of momenta, energies and areas; rad; numbers of particles."""
    if variable.kind in ("momentum", "energy"):
        return Log(SOFT, float(np.log10(SOFT)), float(1 / np.log(10)), lowest=0.0)
    if variable.kind == "multiplicity":
        return Count(0.0, 1.0)
    if variable.kind == "area":
        return Affine(0.0, float(np.median(x)) or 1.0)
    return Affine(0.0, 1.0)


RECIPES: dict[str, Callable[[Variable, NDArray[Any]], Map]] = {
    "standard": _standard,
    "four-momentum": _four_momentum,
    "physics": _physics,
    "natural": _natural,
}


class VariableWise(Normaliser):
    """A map for each variable, chosen by a recipe.

    Parameters
    ----------
    id : str
        ``standard``, ``four-momentum`` or ``physics``.
    variables : sequence of Variable
        The columns of the jets.

    Attributes
    ----------
    maps_ : tuple
        The map of each variable.

    Examples
    --------
    >>> from aefpga.variables import variable_set
    >>> jets = np.array([[100.0, 1.5, 3.0, 10.0]], np.float32)
    >>> normaliser = VariableWise("physics", variable_set("4")).fit(jets)
    >>> normaliser.inverse_transform(normaliser.transform(jets)).round(3)
    array([[100. ,   1.5,   3. ,  10. ]], dtype=float32)
    """

    maps_: tuple[Map, ...]

    def __init__(self, id: str, variables: Sequence[Variable]) -> None:
        self.id = id
        self.variables = tuple(variables)

    @property
    def n_columns(self) -> int:
        """Number of columns: one for each variable."""
        return len(self.maps_)

    def fit(self, x: Floats) -> Self:
        """Learn from training jets in physical units, shape (n_jets, n_variables).

        Raises
        ------
        DataError
            If there are no jets, or a value is NaN or infinite.
        """
        self.min_max_ = MinMax().fit(x)
        columns = x.T.astype(np.float64)
        self.maps_ = tuple(map(RECIPES[self.id], self.variables, columns))
        return self

    def transform(self, x: Floats) -> Floats:
        """Return columns, float32 of shape (n_jets, n_columns), of jets in physical units."""
        values = x.T.astype(np.float64)
        columns = [m.forward(v) for m, v in zip(self.maps_, values, strict=True)]
        return np.stack(columns, axis=1).astype(np.float32)

    def inverse_transform(self, y: Floats) -> Floats:
        """Return jets in physical units, float32, of columns."""
        # Column after column in memory, as they are made here and written to files.
        values = np.empty((len(y), len(self.maps_)), np.float32, order="F")
        for j, one_map in enumerate(self.maps_):
            values[:, j] = one_map.backward(y[:, j].astype(np.float64))
        return values

    def get_config(self) -> dict[str, Any]:
        """Return the state as plain JSON content."""
        return {
            "id": self.id,
            "variables": [v.name for v in self.variables],
            "maps": [{"kind": type(m).__name__.lower(), **asdict(m)} for m in self.maps_],
            "min_max": self.min_max_.get_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build a normaliser from the content that `get_config` returns."""
        if config["id"] not in RECIPES:
            raise ValueError(f"unknown normaliser {config['id']}")
        self = cls(config["id"], [variable(name) for name in config["variables"]])
        self.maps_ = tuple(
            MAPS[m["kind"]](**{k: v for k, v in m.items() if k != "kind"}) for m in config["maps"]
        )
        self.min_max_ = MinMax.from_config(config["min_max"])
        if not len(self.variables) == len(self.maps_) == self.min_max_.n_columns:
            raise ValueError("its variables, maps and ranges differ in number")
        return self


def make_normaliser(id: str, variables: Sequence[Variable]) -> Normaliser:
    """Return the normaliser of this id, not fitted yet, for jets with these variables."""
    return MinMax() if id == MinMax.id else VariableWise(id, variables)


def logarithmic(normaliser: Normaliser) -> tuple[str, ...]:
    """Return the variables that a fitted normaliser learns on a logarithmic scale."""
    if not isinstance(normaliser, VariableWise):
        return ()
    pairs = zip(normaliser.variables, normaliser.maps_, strict=True)
    return tuple(v.name for v, m in pairs if isinstance(m, Log | Companded))


def save_normaliser(normaliser: Normaliser, path: Path) -> None:
    """Write a normaliser with schema version and checksum."""
    config = normaliser.get_config()
    write_json(path, {"schema": SCHEMA_VERSION, "checksum": _checksum(config), **config})


def load_normaliser(path: Path) -> Normaliser:
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
        kind = MinMax if config["id"] == MinMax.id else VariableWise
        found = kind.from_config(config)
        # Tried before it is believed: numbers may be texts, of other lengths or out of all range.
        with np.errstate(all="ignore"):
            for y in (0, -MAX_COLUMN, MAX_COLUMN):
                found.inverse_transform(np.full((1, found.n_columns), y, np.float32))
        return found
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
            RecursionError, UsageError) as error:  # fmt: skip
        raise RunError(f"{path} cannot be read as a normaliser ({error}); train again") from error


def _checksum(config: Mapping[str, Any]) -> str:
    return sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
