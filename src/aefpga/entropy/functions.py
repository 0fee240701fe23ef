"""Functions of IEEE additions, multiplications, divisions and square roots alone.

So every machine computes the same. They are references of what is coded: their errors cost bits,
not accuracy.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# Coefficients of x, x^3, … of an arctangent from 0 to 1, off by 2e-5 at most.
_ARCTANGENT = (0.99997726, -0.33262347, 0.19354346, -0.11643287, 0.05265332, -0.01172120)


def cosh(x: Values) -> Values:
    """Return cosh; of 20 for what is beyond.

    The exponential is the tenth square of that of x / 1024, of which Taylor's first six terms leave
    an error of 1e-9 at most.
    """
    small = np.clip(x, -20, 20) / 1024
    series = 1 + small * (1 + small / 2 * (1 + small / 3 * (1 + small / 4 * (1 + small / 5))))
    for _ in range(10):
        series = series * series
    return (series + 1 / series) / 2


def cos_sin(x: Values) -> tuple[Values, Values]:
    """Return cosine and sine, of angles within a turn: doubled five times from x / 32."""
    small = np.clip(x, -7, 7) / 32
    square = small * small
    cos = 1 - square / 2 * (1 - square / 12 * (1 - square / 30))
    sin = small * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)))
    for _ in range(5):
        cos, sin = cos * cos - sin * sin, 2 * cos * sin
    return cos, sin


def angle(x: Values, y: Values) -> Values:
    """Return the angles of vectors, from minus half a turn to half a turn; 0 of no vector."""
    across, along = np.abs(y), np.abs(x)
    larger = np.maximum(across, along)
    ratio = np.minimum(across, along) / np.where(larger > 0, larger, 1)
    square, found = ratio * ratio, np.zeros_like(ratio)
    for coefficient in reversed(_ARCTANGENT):
        found = found * square + coefficient
    found = found * ratio
    found = np.where(across > along, np.pi / 2 - found, found)
    found = np.where(x < 0, np.pi - found, found)
    return np.asarray(np.where(y < 0, -found, found))
