"""Maps of one variable: physical units to what a network learns, and back."""

from dataclasses import asdict, dataclass
from math import isfinite, pi
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.compand import compand, expand

Column = NDArray[Any]


@dataclass(frozen=True)
class Affine:
    """(x - offset) / scale."""

    is_logarithmic: ClassVar = False

    offset: float
    scale: float

    def forward(self, x: Column) -> Column:
        """Return the normalised column of values, both of shape (n_records,)."""
        return np.asarray((x - self.offset) / self.scale)

    def backward(self, y: Column) -> Column:
        """Return values of the normalised column."""
        return np.asarray(y * self.scale + self.offset)


@dataclass(frozen=True)
class Constant:
    """Of a variable that was the same throughout the training: 0, and back to that value."""

    is_logarithmic: ClassVar = False

    value: float

    def forward(self, x: Column) -> Column:
        """Return zeros."""
        return np.zeros_like(x)

    def backward(self, y: Column) -> Column:
        """Return the constant."""
        return np.full_like(y, self.value)


@dataclass(frozen=True)
class Count(Affine):
    """An affine map of integers from 0, rounded to an integer on the way back."""

    def backward(self, y: Column) -> Column:
        """Return the nearest integers that are not negative."""
        return np.asarray(np.maximum(np.rint(super().backward(y)), 0))


@dataclass(frozen=True)
class Wrapped(Affine):
    """An affine map of what goes around a circle, brought back to half a turn on either side."""

    period: float = 2 * pi

    def backward(self, y: Column) -> Column:
        """Return values from minus half a period to below half a period."""
        x = super().backward(y)
        return np.asarray(x - self.period * np.floor((x + self.period / 2) / self.period))


@dataclass(frozen=True)
class Log:
    """(log10(x + shift) - offset) / scale; values below `lowest` are clipped to it."""

    is_logarithmic: ClassVar = True

    shift: float
    offset: float
    scale: float
    lowest: float

    def forward(self, x: Column) -> Column:
        """Return the normalised column of values, both of shape (n_records,)."""
        positive = np.maximum(x, self.lowest) + self.shift
        return np.asarray((np.log10(positive) - self.offset) / self.scale)

    def backward(self, y: Column) -> Column:
        """Return values of the normalised column; what a network overshoots is clipped."""
        exponent = np.clip(y * self.scale + self.offset, -30, 30)
        return np.maximum(10.0**exponent - self.shift, self.lowest)


@dataclass(frozen=True)
class Companded:
    """The companded scale of the firmware's inputs, in octaves / scale; see `compand`."""

    is_logarithmic: ClassVar = True

    grid: int
    mantissa: int
    scale: float

    def forward(self, x: Column) -> Column:
        """Return the normalised column of values, both of shape (n_records,)."""
        companded = compand(np.ldexp(np.maximum(x, 0), self.grid), self.mantissa)
        return np.asarray(np.ldexp(companded, -self.mantissa) / self.scale)

    def backward(self, y: Column) -> Column:
        """Return values of the normalised column; what a network overshoots is clipped."""
        octaves = np.clip(y * self.scale, 0, 60)
        counts = expand(octaves * 2.0**self.mantissa, self.mantissa)
        return np.asarray(counts * 2.0**-self.grid)


Map = Affine | Constant | Log | Companded
MAPS: dict[str, type[Map]] = {
    m.__name__.lower(): m for m in (Affine, Constant, Count, Wrapped, Log, Companded)
}


def map_to_config(one_map: Map) -> dict[str, Any]:
    """Return plain JSON content."""
    return {"kind": type(one_map).__name__.lower(), **asdict(one_map)}


def map_from_config(config: dict[str, Any]) -> Map:
    """Build a map from the content that `map_to_config` returns; ValueError if it is none."""
    fields = dict(config)
    kind = MAPS.get(fields.pop("kind"))
    if kind is None or not all(type(v) in (int, float) and isfinite(v) for v in fields.values()):
        raise ValueError(f"{config} is no map of a variable")
    one_map = kind(**fields)
    if isinstance(one_map, Companded) and not (
        isinstance(one_map.grid, int) and 0 <= one_map.grid <= 52 and one_map.mantissa in range(53)
    ):
        raise ValueError(f"{config} is no companded scale")
    return one_map
