"""The encoder whose widths are learned, in TensorFlow: training in float32, proof in float64."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from aefpga.config import ModelConfig
from aefpga.trainers.learned.quantizers import (
    bits_of,
    power_of_two,
    rounded,
    saturated,
    whole,
)
from aefpga.trainers.qkeras.autoencoder import layer_activation, layer_names

Arrays = Mapping[str, NDArray[Any]]

INPUTS = "inputs"
# Records on which the ranges of the neurons are measured.
CALIBRATION_RECORDS = 8000
# What a layer has of its own, beside the types of its outputs.
LAYER = ("kernel", "bias", "kernel_fraction", "bias_fraction")
# Outputs smaller than this are as good as none.
LEAST_RANGE = 2.0**-12
# Fractional bits, at least and at most.
COARSEST, FINEST = -24.0, 24.0


@dataclass(frozen=True)
class Pass:
    """What becomes of jets in the encoder.

    Parameters
    ----------
    sums, outputs : list of Tensor, each of shape (n_jets, n_out)
        Of each layer, after the activation: before and after rounding.
    operations : Tensor, shape ()
        Effective bit operations: bits of a weight times bits of what it multiplies, summed, and
        the bits of the biases (arXiv:2405.00645, eq. 5).
    """

    sums: list[Any]
    outputs: list[Any]
    operations: Any


class LearnedEncoder:
    """Dense layers with a number of fractional bits for each weight, bias, input and neuron.

    Integer bits follow from the numbers: those of weights need none, those of neurons are set by
    `calibrate`. Latents have their bits given, within [-1, 1).

    Parameters
    ----------
    arrays : Mapping of str to ndarray
        What `start` or `arrays` returns.
    model : ModelConfig
        Gives names and activations of the layers.
    dtype : tf.DType
        In which to compute.
    """

    def __init__(self, arrays: Arrays, model: ModelConfig, dtype: Any = tf.float32) -> None:
        self.names = layer_names(model)
        slopes = {"linear": 1.0, "relu": 0.0, "leaky_relu": 2.0**-model.negative_slope_shift}
        self._slopes = [slopes[layer_activation(model, name)] for name in self.names]
        self._variables = {name: tf.Variable(tf.cast(a, dtype)) for name, a in arrays.items()}
        self._finest = tf.cast(arrays[f"{INPUTS}/finest"], dtype)
        self._dtype = dtype

    def __getitem__(self, name: str) -> Any:
        """Return a variable by layer and part."""
        return self._variables[name]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that determines the encoder, by layer and part."""
        return {name: variable.numpy() for name, variable in self._variables.items()}

    def get_weights(self) -> list[NDArray[Any]]:
        """Return the arrays without their names, as Keras does."""
        return list(self.arrays().values())

    def set_weights(self, weights: list[NDArray[Any]]) -> None:
        """Set what `get_weights` returned."""
        for variable, value in zip(self._variables.values(), weights, strict=True):
            variable.assign(value)

    @property
    def weights(self) -> list[Any]:
        """Variables that are numbers of the network: kernels and biases."""
        return [self[f"{name}/{part}"] for name in self.names for part in LAYER[:2]]

    @property
    def widths(self) -> list[Any]:
        """Variables that are numbers of bits, and learned."""
        of_layers = [self[f"{name}/{part}"] for name in self.names for part in LAYER[2:]]
        return [*of_layers, *(self[f"{x}/fraction"] for x in (INPUTS, *self.names[:-1]))]

    def __call__(self, inputs: Any) -> Pass:
        """Compute the layers' outputs for inputs of shape (n_jets, n_inputs)."""
        values, arriving = self._quantized(inputs, INPUTS)
        sums, outputs = [], []
        operations = tf.zeros((), self._dtype)
        for name, slope in zip(self.names, self._slopes, strict=True):
            kernel, kernel_bits = self._rounded(f"{name}/kernel")
            bias, bias_bits = self._rounded(f"{name}/bias")
            operations += tf.reduce_sum(kernel_bits * arriving[:, None]) + tf.reduce_sum(bias_bits)
            found = values @ kernel + bias
            if slope != 1.0:
                found = tf.maximum(found, found * slope)
            values, arriving = self._quantized(found, name)
            sums.append(found)
            outputs.append(values)
        return Pass(sums, outputs, operations)

    def calibrate(self, inputs: Any, bits: int | None = None) -> None:
        """Set the integer bits of each hidden neuron from its largest sum; layer by layer.

        With `bits`, set its fractional bits, too, so that its words have that many.
        """
        for place, name in enumerate(self.names[:-1]):
            largest = np.abs(self(inputs).sums[place].numpy()).max(axis=0)
            integer = np.ceil(np.log2(np.maximum(largest, LEAST_RANGE)))
            self[f"{name}/integer"].assign(integer)
            if bits is not None:
                self[f"{name}/fraction"].assign(bits - integer)

    def within_limits(self, finest: Mapping[str, float]) -> None:
        """Keep numbers of fractional bits within bounds: the grid of an input is the finest."""
        for name in (INPUTS, *self.names[:-1]):
            bits = self[f"{name}/fraction"]
            bits.assign(tf.clip_by_value(bits, COARSEST, FINEST))
        inputs = self[f"{INPUTS}/fraction"]
        # A companded word is no grid of which a coarser one could be made.
        is_kept = self[f"{INPUTS}/companded"] > 0
        inputs.assign(tf.where(is_kept, self._finest, tf.minimum(inputs, self._finest)))
        for name in self.names:
            for part in LAYER[2:]:
                bits = self[f"{name}/{part}"]
                bits.assign(tf.clip_by_value(bits, COARSEST, finest[name]))

    def _rounded(self, name: str) -> tuple[Any, Any]:
        """Return weights on their grids, and the bits that each of them has."""
        fraction = whole(self[f"{name}_fraction"])
        found = rounded(self[name], fraction)
        return found, bits_of(found, fraction)

    def _quantized(self, values: Any, name: str) -> tuple[Any, Any]:
        """Return numbers rounded and saturated to their types, and the bits that they have."""
        fraction = whole(self[f"{name}/fraction"])
        integer, signed = self[f"{name}/integer"], self[f"{name}/signed"]
        bits = signed + integer + fraction
        top, step = (tf.stop_gradient(power_of_two(x)) for x in (integer, -fraction))
        alive = tf.cast(bits > 0.5, values.dtype)
        low, high = -signed * top * alive, (top - step) * alive
        return saturated(values, fraction, low, high), tf.nn.relu(bits)
