"""Companding: a logarithmic scale that hardware reaches with a leading-one detector and a shifter.

The scale is that of a small floating-point number whose bits are read as one integer: linear up to
``2**(mantissa + 1)``, from there each octave in ``2**mantissa`` equal steps. That the bits of a
float, read so, approximate its logarithm is J. N. Mitchell's (IRE Trans. Electron. Comput. EC-11
(1962) 512); the linear start is IEEE 754's subnormal numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The grid of companded quantities: 1/128 of the unit, on which steps are at most 2**-7 of the
# quantity. A network's targets on the scale of the firmware's inputs are what a linear encoder and
# decoder can return exactly.
FINE_BITS, MANTISSA_BITS = 7, 7
# Octaves of numbers that float64 holds; those below 2**53 have fewer.
_POWERS = np.ldexp(1.0, np.arange(1024))


def compand(counts: ArrayLike, mantissa: ArrayLike) -> NDArray[np.float64]:
    """Return numbers of at least 0 on the companded scale; the floor of an integer's is its word.

    Parameters
    ----------
    counts : array_like
        Numbers from 0 to below 2**53, in steps of the linear scale.
    mantissa : array_like of int
        Bits of mantissa; the relative width of a step is ``2**-mantissa`` at most.
    """
    counts, mantissa = np.asarray(counts, np.float64), np.asarray(mantissa)
    octave = _octave(counts, mantissa)
    return np.asarray(octave * np.ldexp(1.0, mantissa) + counts / _POWERS[octave], np.float64)


def expand(companded: ArrayLike, mantissa: ArrayLike) -> NDArray[np.float64]:
    """Return the numbers whose place on the companded scale is given; undoes `compand` exactly."""
    companded, first = np.asarray(companded, np.float64), np.ldexp(1.0, mantissa)
    # Products and quotients by powers of two are exact, and much faster than `ldexp`.
    octave = np.maximum(np.floor(companded / first) - 1, 0).astype(np.int64)
    return np.asarray((companded - octave * first) * _POWERS[octave], np.float64)


def _octave(counts: NDArray[np.float64], mantissa: NDArray[Any]) -> NDArray[np.int64]:
    """Return how often a number is halved until `mantissa` + 1 bits hold its integer part."""
    # frexp: counts < 2**exponent, so for an integer the exponent is its number of bits.
    return np.asarray(np.maximum(np.frexp(counts)[1] - (mantissa + 1), 0), np.int64)
