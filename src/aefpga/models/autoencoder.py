"""The networks: a float autoencoder, and the QKeras encoder that replaces its first half."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import ModelConfig
from aefpga.fixedpoint import FixedType
from aefpga.fixedpoint.spec import Activation
from aefpga.models.backend import tensorflow


@dataclass(frozen=True)
class LayerTypes:
    """Fixed-point types of one dense layer: of its weights, biases and output words."""

    weight: FixedType
    bias: FixedType
    output: FixedType


def layer_names(model: ModelConfig) -> tuple[str, ...]:
    """Return the names of the encoder's layers, from the first hidden one to the latent."""
    return (*(f"hidden_{i + 1}" for i in range(len(model.hidden))), "latent")


def layer_activation(model: ModelConfig, name: str) -> Activation:
    """Return the activation of an encoder layer; the latent's is linear."""
    return "linear" if name == "latent" else model.activation


def float_encoder(n_inputs: int, model: ModelConfig) -> Any:
    """Return a Keras encoder: inputs (n_jets, n_inputs) scaled by powers of two, to latents."""
    keras = tensorflow().keras
    x = inputs = keras.Input((n_inputs,), name="jet")
    for name, n_out in zip(layer_names(model), (*model.hidden, model.latent), strict=True):
        x = keras.layers.Dense(n_out, name=name)(x)
        x = _activate(layer_activation(model, name), model, f"{name}_activation")(x)
    return keras.Model(inputs, x, name="encoder")


def quantized_encoder(n_inputs: int, model: ModelConfig, types: Sequence[LayerTypes]) -> Any:
    """Return the QKeras encoder that computes with the given fixed-point types.

    Its inputs are input words as the numbers they stand for in the network; its outputs are latent
    words as numbers. Layers carry the names of the float encoder's.
    """
    keras = tensorflow().keras
    from qkeras import QDense

    from aefpga.models.quantizers import WeightQuantizer, quantize_activation

    x = inputs = keras.Input((n_inputs,), name="jet")
    sizes = (*model.hidden, model.latent)
    for name, n_out, fixed in zip(layer_names(model), sizes, types, strict=True):
        x = QDense(
            n_out,
            kernel_quantizer=WeightQuantizer(fixed.weight),
            bias_quantizer=WeightQuantizer(fixed.bias),
            name=name,
        )(x)
        activation = layer_activation(model, name)
        x = quantize_activation(
            fixed.output,
            activation,
            2.0**-model.negative_slope_shift,
            name=f"{name}_activation",
            activity_regularizer=_sparsity(activation, model),
        )(x)
    return keras.Model(inputs, x, name="encoder")


def float_decoder(n_outputs: int, model: ModelConfig) -> Any:
    """Return the Keras decoder: latents to normalised variables."""
    keras = tensorflow().keras
    x = inputs = keras.Input((model.latent,), name="latent_words")
    for i, n_out in enumerate(model.decoder_layers):
        x = keras.layers.Dense(n_out, name=f"decoder_{i + 1}")(x)
        x = _activate(model.activation, model, f"decoder_{i + 1}_activation")(x)
    x = keras.layers.Dense(n_outputs, name="output")(x)
    return keras.Model(inputs, x, name="decoder")


def dense_weights(network: Any) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return kernel and bias of every dense layer of a Keras model, by name, in order."""
    return {
        layer.name: tuple(layer.get_weights()) for layer in network.layers if layer.get_weights()
    }


def set_dense_weights(network: Any, weights: Mapping[str, Sequence[NDArray[Any]]]) -> None:
    """Set kernel and bias of the dense layers named in `weights`."""
    for name, values in weights.items():
        network.get_layer(name).set_weights(values)


def _activate(activation: Activation, model: ModelConfig, name: str) -> Any:
    layers, regularizer = tensorflow().keras.layers, _sparsity(activation, model)
    if activation == "leaky_relu":
        return layers.LeakyReLU(
            2.0**-model.negative_slope_shift, name=name, activity_regularizer=regularizer
        )
    return layers.Activation(activation, name=name, activity_regularizer=regularizer)


def _sparsity(activation: Activation, model: ModelConfig) -> Any:
    """Return the L1 penalty on a hidden layer's activations (summed, mean over jets), or None."""
    if model.kind == "sparse-l1" and activation != "linear":
        return tensorflow().keras.regularizers.L1(model.sparsity)
    return None
