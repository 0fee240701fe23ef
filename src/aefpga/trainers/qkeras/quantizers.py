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
    """QKeras's `quantized_bits` for signed types of one width, with a point for each neuron or all.

    QKeras itself takes only ranges of 1, 2, 4, …; here the numbers are scaled into [-1, 1) by an
    exact power of two, quantized there, and scaled back.
    """

    def __init__(self, fixed: FixedType) -> None:
        super().__init__(int(fixed.width.max()), 0, alpha=1)
        self.full_scale = np.asarray(-fixed.min, np.float32)

    def __call__(self, weights: Any) -> Any:
        """Return the nearest numbers on the grid; the gradient passes straight through."""
        return super().__call__(weights / self.full_scale) * self.full_scale


def quantize_activation(
    fixed: FixedType, activation: Activation, slope: float, **layer_options: Any
) -> Any:
    """Return a Keras layer: exact activation, then rounding and saturation to `fixed`.

    The gradient passes straight through the rounding and stops where the word saturates
    (Bengio, Léonard and Courville, arXiv:1308.3432).
    """
    low, high = float(fixed.min_word), float(fixed.max_word)
    step = float(fixed.lsb)

    def quantize(sums: Any) -> Any:
        words = sums / step
        if activation == "leaky_relu":
            words = tf.maximum(words, words * slope)
        elif activation == "relu":
            words = tf.maximum(words, 0.0)
        words = tf.clip_by_value(words, low, high)
        return _round_half_up(words) * step

    return tf.keras.layers.Lambda(quantize, **layer_options)


@tf.custom_gradient
def _round_half_up(x: Any) -> Any:
    """Round to the nearest integer, halves up; the gradient is that of the identity."""
    floor = tf.floor(x)
    rounded = floor + tf.cast(x - floor >= 0.5, x.dtype)
    return rounded, lambda gradient: gradient
