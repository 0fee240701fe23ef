"""Quantizers that train: QKeras's for weights, and one that rounds halves up for activations.

QKeras rounds halves to even, which neither da4ml nor cheap hardware does, and ties are common
between words of few bits. So activations are quantized here, by the very rule of `FixedType`.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from qkeras import quantized_bits

from aefpga.fixedpoint import Activation, FixedType


class WeightQuantizer(quantized_bits):  # type: ignore[misc]
    """QKeras's `quantized_bits` with a binary point for each weight, each neuron, or all.

    QKeras itself takes only ranges of 1, 2, 4, …; here the numbers are scaled into [-1, 1) by an
    exact power of two, quantized there, and scaled back. It knows one width, and signed numbers;
    where weights differ in these, they are quantized here, with its rounding.
    """

    def __init__(self, fixed: FixedType) -> None:
        super().__init__(int(fixed.width.max()), 0, alpha=1)
        self.full_scale = np.asarray(-fixed.min, np.float32)
        self._fixed = fixed
        self._is_one_width = np.unique(fixed.width).size == 1 and bool(fixed.signed.all())

    def max(self) -> float:
        """Return the largest number of all: QKeras clips weights and biases there in training."""
        return float(self.full_scale.max())

    def __call__(self, weights: Any) -> Any:
        """Return the nearest numbers on the grid; the gradient passes straight through."""
        if self._is_one_width:
            return super().__call__(weights / self.full_scale) * self.full_scale
        step, low, high = _constants(self._fixed, weights.dtype)
        words = _round_half_even(weights / step)
        # What saturates is not held back either.
        return step * (words + tf.stop_gradient(tf.clip_by_value(words, low, high) - words))


def quantize_activation(
    fixed: FixedType, activation: Activation, slope: float, **layer_options: Any
) -> Any:
    """Return a Keras layer: exact activation, then rounding and overflow to `fixed`.

    The gradient passes straight through the rounding and stops where the word saturates
    (Bengio, Léonard and Courville, arXiv:1308.3432).
    """
    rounded = _ROUNDINGS[fixed.rounding]

    def quantize(sums: Any) -> Any:
        step, low, high = _constants(fixed, sums.dtype)
        words = sums / step
        if activation == "leaky_relu":
            words = tf.maximum(words, words * slope)
        elif activation == "relu":
            words = tf.maximum(words, 0.0)
        if fixed.overflow == "WRAP":
            words, span = rounded(words), high - low + 1.0
            return (words - span * tf.floor((words - low) / span)) * step
        return rounded(tf.clip_by_value(words, low, high)) * step

    return tf.keras.layers.Lambda(quantize, **layer_options)


def _constants(fixed: FixedType, dtype: Any) -> tuple[Any, Any, Any]:
    """Return the value of a word's last bit, and the least and the largest word."""
    values = fixed.lsb, fixed.min_word, fixed.max_word
    return tuple(tf.constant(v.astype(dtype.as_numpy_dtype)) for v in values)


@tf.custom_gradient
def _round_half_up(x: Any) -> Any:
    """Round to the nearest integer, halves up; the gradient is that of the identity."""
    floor = tf.floor(x)
    rounded = floor + tf.cast(x - floor >= 0.5, x.dtype)
    return rounded, lambda gradient: gradient


@tf.custom_gradient
def _round_half_even(x: Any) -> Any:
    """Round to the nearest integer, halves to the even one; the gradient is the identity's."""
    return tf.round(x), lambda gradient: gradient


@tf.custom_gradient
def _round_down(x: Any) -> Any:
    """Round to the integer below; the gradient is that of the identity."""
    return tf.floor(x), lambda gradient: gradient


_ROUNDINGS = {"RND": _round_half_up, "RND_CONV": _round_half_even, "TRN": _round_down}
