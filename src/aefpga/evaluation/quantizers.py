"""Classical ways to turn jets into words: what an autoencoder's latent words compete with.

Each maps jets in physical units to words of fixed widths and back; `codec/coders.py` makes bytes of
words. What a quantizer has to learn (ranges, axes) it learns from training jets.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.normalise import Normaliser
from aefpga.schema import Schema

Floats = NDArray[np.float32]
Words = NDArray[np.int64]
Widths = NDArray[np.int64]

MANTISSA_BITS = 23
SIGN_AND_EXPONENT = 9


class Quantizer(Protocol):
    """Jets to words that are not negative, and back."""

    @property
    def label(self) -> str:
        """What it is and how fine, for tables."""

    def widths(self, n_variables: int) -> Widths:
        """Return the bits of each column's words."""

    def to_words(self, jets: Floats) -> Words:
        """Return words, shape (n_jets, n_columns), of jets in physical units."""

    def to_jets(self, words: Words) -> Floats:
        """Return jets in physical units, as they are after quantization."""


@dataclass(frozen=True)
class FloatTruncation:
    """Keep `mantissa` of the 23 bits that a float32 has, rounded to nearest; 23 is lossless.

    Examples
    --------
    >>> truncation = FloatTruncation(mantissa=5)
    >>> jets = np.array([[100.3, 0.1], [7.7, -3.3]], np.float32)
    >>> truncation.to_jets(truncation.to_words(jets))
    array([[100.     ,   0.09961],
           [  7.75   ,  -3.3125 ]], dtype=float32)
    """

    mantissa: int

    def __post_init__(self) -> None:
        if not 0 <= self.mantissa <= MANTISSA_BITS:
            raise ValueError(f"mantissa must be 0 to {MANTISSA_BITS}, found {self.mantissa}")

    @property
    def label(self) -> str:
        """Such as ``float truncation, 5 bits``."""
        if self.mantissa == MANTISSA_BITS:
            return "lossless"
        return f"float truncation, {self.mantissa} bits"

    def widths(self, n_variables: int) -> Widths:
        """Return sign, exponent and mantissa bits of each number."""
        return np.full(n_variables, SIGN_AND_EXPONENT + self.mantissa)

    def to_words(self, jets: Floats) -> Words:
        """Return the kept bits of each number as an integer."""
        words = np.ascontiguousarray(jets, np.float32).view(np.uint32)
        if self._dropped:
            words = words + np.uint32(1 << (self._dropped - 1))
        return (words >> np.uint32(self._dropped)).astype(np.int64)

    def to_jets(self, words: Words) -> Floats:
        """Return the truncated numbers."""
        return (words.astype(np.uint32) << np.uint32(self._dropped)).view(np.float32)

    @property
    def _dropped(self) -> int:
        return MANTISSA_BITS - self.mantissa


class GridQuantizer:
    """Uniform steps in a normaliser's columns, each range in the training jets covered exactly.

    Parameters
    ----------
    label : str
        For tables.
    normaliser : Normaliser
        Fitted; its columns are what is cut into steps.
    jets : ndarray of float32
        Training jets, which fix the ranges; values beyond are clipped.
    steps : ndarray of float64 or float
        Width of a step in each column.
    """

    def __init__(self, label: str, normaliser: Normaliser, jets: Floats, steps: Any) -> None:
        self.label = label
        self._normaliser = normaliser
        columns = normaliser.transform(jets).astype(np.float64)
        self._low = columns.min(axis=0)
        self._steps = np.broadcast_to(np.asarray(steps, np.float64), self._low.shape)
        self._top = np.rint((columns.max(axis=0) - self._low) / self._steps).astype(np.int64)

    def widths(self, n_variables: int) -> Widths:
        """Return as many bits as each column's number of steps needs."""
        return np.asarray(np.maximum(np.frexp(self._top)[1], 1), np.int64)

    def to_words(self, jets: Floats) -> Words:
        """Return the number of the nearest step in each column."""
        steps = np.rint((self._normaliser.transform(jets) - self._low) / self._steps)
        return np.asarray(np.clip(steps, 0, self._top), np.int64)

    def to_jets(self, words: Words) -> Floats:
        """Return the jets that the steps stand for."""
        columns = words * self._steps + self._low
        return self._normaliser.inverse_transform(columns.astype(np.float32))


class PcaQuantizer:
    """Principal components of a normaliser's columns, each in `bits` bits over its range.

    Parameters
    ----------
    components, bits : int
        How many, and in how many bits each.
    normaliser : Normaliser
        Fitted.
    jets : ndarray of float32
        Training jets.
    """

    def __init__(self, components: int, bits: int, normaliser: Normaliser, jets: Floats) -> None:
        from sklearn.decomposition import PCA

        self.label = f"PCA to {components}, {bits} bits each"
        self._bits, self._normaliser = bits, normaliser
        self._pca = PCA(components).fit(normaliser.transform(jets))
        scores = self._pca.transform(normaliser.transform(jets))
        self._low = scores.min(axis=0)
        span = np.ptp(scores, axis=0)
        self._step = np.where(span > 0, span, 1.0) / (2**bits - 1)

    def widths(self, n_variables: int) -> Widths:
        """Return the bits of each component."""
        return np.full(len(self._low), self._bits)

    def to_words(self, jets: Floats) -> Words:
        """Return the nearest step of each component."""
        scores = self._pca.transform(self._normaliser.transform(jets))
        steps = np.rint((scores - self._low) / self._step)
        return np.asarray(np.clip(steps, 0, 2**self._bits - 1), np.int64)

    def to_jets(self, words: Words) -> Floats:
        """Return the jets that the components stand for."""
        columns = self._pca.inverse_transform(words * self._step + self._low)
        return self._normaliser.inverse_transform(columns.astype(np.float32))


def uniform(bits: int, schema: Schema, jets: Floats) -> GridQuantizer:
    """Return `bits` bits for every variable, in equal steps over its range."""
    normaliser = Normaliser("min-max", schema).fit(jets)
    return GridQuantizer(f"uniform, {bits} bits", normaliser, jets, 1 / (2**bits - 1))


def logarithmic(relative: float, schema: Schema, jets: Floats) -> GridQuantizer:
    """Return steps of a size in physics: `relative` for momenta and energies above 1 GeV.

    The area's step is the same, that of angles 1.5 rad times as large (0.01 makes 0.015 rad);
    multiplicities are exact.
    """
    normaliser = Normaliser("natural", schema).fit(jets)
    kinds = [v.kind for v in schema.variables]
    steps = [1.0 if k.is_count else relative * (k.bound, 1)[k.is_relative] for k in kinds]
    return GridQuantizer(f"logarithmic, {relative:.2%} steps", normaliser, jets, steps)
