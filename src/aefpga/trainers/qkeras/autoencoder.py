"""The networks: a float autoencoder, and the QKeras encoder that replaces its first half."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import ModelConfig, PlacedKernel
from aefpga.fixedpoint import Activation
from aefpga.trainers.calibrate import LayerTypes
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.sparsity import penalty_of_neurons

# Kernel and bias of layers, by name, in order.
LayerWeights = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]

NORMALISATION = "_normalisation"
# Of the decoder, the layer from the latents straight to the output; of the encoder, from the inputs
# straight to the latents.
LINEAR_PATH = "linear_path"
# Of a variational encoder, the layer beside the latents.
LOG_VARIANCE = "log_variance"


def layer_names(model: ModelConfig) -> tuple[str, ...]:
    """Return the names of the encoder's layers, from the first hidden one to the latent."""
    return (*model.hidden_names, "latent")


def layer_activation(model: ModelConfig, name: str) -> Activation:
    """Return the activation of an encoder layer."""
    return model.latent_activation if name == "latent" else model.activation


def float_encoder(n_inputs: int, model: ModelConfig, kernels: Sequence[PlacedKernel] = ()) -> Any:
    """Return a Keras encoder: inputs (n_jets, n_inputs) scaled by powers of two, to latents.

    A model of kind conv has `kernels`, whose outputs lie in a row, as those of all layers.
    """
    keras = tensorflow().keras
    x = inputs = keras.Input((n_inputs,), name="jet")
    placed = {one.name: one for one in kernels}
    sizes = (*model.filters, *model.hidden, model.n_latent)
    for name, n_out in zip(layer_names(model), sizes, strict=True):
        if name in placed:
            x = _convolved(keras.layers.Conv2D, placed[name])(x)
        else:
            x = _dense(n_out, model, name)(x)
        if name == "latent" and model.linear_path:
            x = keras.layers.Add()([x, keras.layers.Dense(n_out, name=LINEAR_PATH)(inputs)])
        activation = layer_activation(model, name)
        penalty = penalty_of_neurons(name, model)
        x = _activate(activation, model, f"{name}_activation", penalty)(x)
    return keras.Model(inputs, x, name="encoder")


def quantized_encoder(
    n_inputs: int,
    model: ModelConfig,
    types: Sequence[LayerTypes],
    kernels: Sequence[PlacedKernel] = (),
) -> Any:
    """Return the QKeras encoder that computes with the given fixed-point types.

    Its inputs are input words as the numbers they stand for in the network; its outputs are latent
    words as numbers. Layers carry the names of the float encoder's.
    """
    keras = tensorflow().keras
    from qkeras import QConv2D, QDense

    from aefpga.trainers.qkeras.quantizers import WeightQuantizer, quantize_activation

    x = inputs = keras.Input((n_inputs,), name="jet")
    placed = {one.name: one for one in kernels}
    sizes = (*model.filters, *model.hidden, model.n_latent)
    for name, n_out, fixed in zip(layer_names(model), sizes, types, strict=True):
        quantizers = {
            "kernel_quantizer": WeightQuantizer(fixed.weight),
            "bias_quantizer": WeightQuantizer(fixed.bias),
        }
        if name in placed:
            x = _convolved(QConv2D, placed[name], **quantizers)(x)
        else:
            x = QDense(n_out, **quantizers, name=name)(x)
        activation = layer_activation(model, name)
        x = quantize_activation(
            fixed.output,
            activation,
            2.0**-model.negative_slope_shift,
            name=f"{name}_activation",
            activity_regularizer=penalty_of_neurons(name, model),
        )(x)
    return keras.Model(inputs, x, name="encoder")


def float_decoder(n_outputs: int, model: ModelConfig, kernels: Sequence[PlacedKernel] = ()) -> Any:
    """Return the Keras decoder: latents to normalised variables.

    That of a model of kind conv ends with the transposes of its `kernels`, the last one first.
    """
    keras = tensorflow().keras
    x = inputs = keras.Input((model.n_latent,), name="latent_words")
    image = [prod(one.shape) for one in kernels[-1:]]
    for i, n_out in enumerate((*model.decoder_layers, *image)):
        x = _dense(n_out, model, f"decoder_{i + 1}")(x)
        x = _activate(model.activation, model, f"decoder_{i + 1}_activation")(x)
    if kernels:
        return keras.Model(inputs, _images(x, model, kernels), name="decoder")
    x = keras.layers.Dense(n_outputs, name="output")(x)
    if model.has_linear_path:
        x = keras.layers.Add()([x, keras.layers.Dense(n_outputs, name=LINEAR_PATH)(inputs)])
    return keras.Model(inputs, x, name="decoder")


def _images(x: Any, model: ModelConfig, kernels: Sequence[PlacedKernel]) -> Any:
    """Return the images that a decoder ends with; the last layer is linear."""
    from aefpga.trainers.qkeras.images import Transposed, decoder_name

    for one in reversed(kernels):
        name = decoder_name(one, kernels)
        x = Transposed(one, name)(x)
        if one is not kernels[0]:
            x = _activate(model.activation, model, f"{name}_activation")(x)
    return x


def _convolved(kind: Any, placed: PlacedKernel, **options: Any) -> Callable[[Any], Any]:
    """Return a function that adds a convolution of one of Keras's or QKeras's kinds."""
    from aefpga.trainers.qkeras.images import convolved

    height, width, _, filters = placed.kernel
    layer = kind(
        filters,
        (height, width),
        strides=placed.convolution.strides,
        padding=placed.convolution.padding,
        name=placed.name,
        **options,
    )
    return lambda x: convolved(layer, placed, x)


def _dense(n_out: int, model: ModelConfig, name: str) -> Any:
    layers = tensorflow().keras.layers
    dense = layers.Dense(n_out, name=name)
    if not model.batch_norm or name == "latent":
        return dense
    normalise = layers.BatchNormalization(name=f"{name}{NORMALISATION}")
    return lambda x: normalise(dense(x))


def dense_weights(network: Any) -> LayerWeights:
    """Return kernel and bias of every layer of a Keras model that has them, by name, in order.

    A batch normalisation that follows a layer is folded into it: at inference it is an affine map
    of each neuron (Ioffe and Szegedy, arXiv:1502.03167, algorithm 2).
    """
    found: LayerWeights = {}
    for layer in network.layers:
        weights = layer.get_weights()
        if layer.name.endswith(NORMALISATION):
            name = layer.name.removesuffix(NORMALISATION)
            (kernel, bias), (gamma, beta, mean, variance) = found[name], weights
            factor = gamma / np.sqrt(variance + layer.epsilon)
            found[name] = kernel * factor, (bias - mean) * factor + beta
        elif weights:
            found[layer.name] = tuple(weights)
    return found


def set_dense_weights(network: Any, weights: Mapping[str, Sequence[NDArray[Any]]]) -> None:
    """Set kernel and bias of the layers named in `weights`."""
    for name, values in weights.items():
        network.get_layer(name).set_weights(values)


def _activate(activation: Activation, model: ModelConfig, name: str, penalty: Any = None) -> Any:
    layers = tensorflow().keras.layers
    if activation == "leaky_relu":
        return layers.LeakyReLU(
            2.0**-model.negative_slope_shift, name=name, activity_regularizer=penalty
        )
    return layers.Activation(activation, name=name, activity_regularizer=penalty)
