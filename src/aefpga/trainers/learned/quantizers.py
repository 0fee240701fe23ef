"""Rounding whose number of fractional bits has a gradient, too.

C. Sun et al., HGQ: High Granularity Quantization (arXiv:2405.00645), section III: the error of
rounding shrinks by half with each bit, so its derivative by the number of bits is ``-ln 2`` times
itself. Halves go up, as in `FixedType`'s rounding, and powers of two are exact in every precision.
"""

import math
from typing import Any

import tensorflow as tf

LN2 = math.log(2.0)
# Mantissa's bits and exponent's bias of IEEE 754.
_LAYOUTS = {tf.float32: (tf.int32, 23, 127), tf.float64: (tf.int64, 52, 1023)}


def power_of_two(exponent: Any) -> Any:
    """Return 2 to whole exponents within float32's range, exactly: `tf.pow` may round."""
    integer, mantissa, bias = _LAYOUTS[exponent.dtype]
    bits = (tf.cast(exponent, integer) + bias) * tf.constant(1 << mantissa, integer)
    return tf.bitcast(bits, exponent.dtype)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def whole(bits: Any) -> Any:
    """Round a number of bits; the gradient is that of the identity."""
    return tf.round(bits), lambda gradient: gradient


@tf.custom_gradient  # type: ignore[untyped-decorator]
def rounded(values: Any, fraction: Any) -> Any:
    """Round to multiples of ``2**-fraction``, halves up.

    Parameters
    ----------
    values, fraction : Tensor
        Of one shape; `fraction` holds whole numbers.
    """
    found = _on_grid(values, fraction)

    def gradient(upstream: Any) -> Any:
        return upstream, LN2 * (values - found) * upstream

    return found, gradient


@tf.custom_gradient  # type: ignore[untyped-decorator]
def saturated(values: Any, fraction: Any, low: Any, high: Any) -> Any:
    """Round as `rounded` does, and clip to between `low` and `high`; there no gradient passes.

    Parameters
    ----------
    values : Tensor, shape (n_jets, n)
        Numbers.
    fraction, low, high : Tensor, shape (n,)
        Whole numbers of bits, and the ends of the range.
    """
    near = _on_grid(values, fraction)
    found = tf.clip_by_value(near, low, high)
    inside = tf.cast((near >= low) & (near <= high), values.dtype)

    def gradient(upstream: Any) -> Any:
        passed = upstream * inside
        return passed, tf.reduce_sum(LN2 * (values - found) * passed, 0), None, None

    return found, gradient


def bits_of(values: Any, fraction: Any) -> Any:
    """Return the bits from a number's leading one to its last fractional one; none where it is 0.

    Only `fraction` has a gradient.
    """
    size = tf.maximum(tf.abs(values), 1e-30)
    leading = tf.floor(tf.math.log(size) / LN2 + 1e-4) + 1.0
    return tf.where(values != 0, tf.nn.relu(tf.stop_gradient(leading) + fraction), 0.0)


def _on_grid(values: Any, fraction: Any) -> Any:
    words = values * power_of_two(fraction)
    down = tf.floor(words)
    return (down + tf.cast(words - down >= 0.5, words.dtype)) * power_of_two(-fraction)
