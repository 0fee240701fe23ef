"""Convolutions between layers whose words lie in a row: from an image, and back to one."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import tensorflow as tf

from aefpga.config import PlacedKernel
from aefpga.fixedpoint import Convolution
from aefpga.trainers.qkeras.autoencoder import LayerWeights


def convolved(layer: Any, placed: PlacedKernel, x: Any) -> Any:
    """Return what a Keras convolution makes of inputs, shape (n_records, n_inputs), in a row."""
    image = tf.keras.layers.Lambda(lambda values: _image(placed.convolution, values))
    return tf.keras.layers.Flatten()(layer(image(x)))


def _image(convolution: Convolution, x: Any) -> Any:
    if convolution.places is not None:
        x = x @ tf.one_hot(convolution.places, prod(convolution.image), dtype=x.dtype)
    return tf.reshape(x, (-1, *convolution.image))


class Transposed(tf.keras.layers.Layer):  # type: ignore[misc]
    """The transpose of a convolution: what a kernel has made of an image, to such an image.

    Keras's own layer makes images of some sizes only.
    """

    def __init__(self, placed: PlacedKernel, name: str) -> None:
        super().__init__(name=name)
        self._placed = placed

    def build(self, shape: Any) -> None:
        """Make a kernel and a bias for each channel."""
        self.kernel = self.add_weight("kernel", self._placed.kernel)
        self.bias = self.add_weight("bias", (self._placed.kernel[2],), None, "zeros")

    def call(self, x: Any) -> Any:
        """Return images, shape (n_records, n_inputs of the convolution)."""
        convolution, places = self._placed.convolution, self._placed.convolution.places
        x = tf.reshape(x, (-1, *self._placed.shape))
        shape = tf.shape(x)[0], *convolution.image
        padding = convolution.padding.upper()
        x = tf.nn.conv2d_transpose(x, self.kernel, shape, convolution.strides, padding)
        x = tf.reshape(x + self.bias, (-1, prod(convolution.image)))
        if places is None:
            return x
        return tf.matmul(x, tf.one_hot(places, x.shape[1], dtype=x.dtype), transpose_b=True)


def decoder_name(placed: PlacedKernel, kernels: Sequence[PlacedKernel]) -> str:
    """Return the name of the decoder's layer that is the transpose of one of the encoder's."""
    return "output" if placed is kernels[0] else f"decoder_{placed.name}"


def as_matrices(weights: LayerWeights, kernels: Sequence[PlacedKernel]) -> LayerWeights:
    """Return the weights of dense layers that do what convolutions and their transposes do."""
    found = dict(weights)
    for placed in kernels:
        convolution, (height, width, _) = placed.convolution, placed.shape
        if placed.name in found:
            kernel, bias = found[placed.name]
            found[placed.name] = convolution.matrix(kernel), np.tile(bias, height * width)
        if (name := decoder_name(placed, kernels)) in found:
            kernel, bias = found[name]
            of_image = np.tile(bias, prod(convolution.image[:2]))
            there = slice(None) if convolution.places is None else list(convolution.places)
            found[name] = convolution.matrix(kernel).T, of_image[there]
    return found
