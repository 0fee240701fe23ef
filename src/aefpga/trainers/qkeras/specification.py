"""From a float encoder to the types of its layers, and from a QKeras encoder to its integers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import PlacedKernel, RunConfig
from aefpga.fixedpoint import (
    ConvolutionLayer,
    DenseLayer,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Layer,
    Tensor,
    exact_accumulator,
)
from aefpga.trainers.calibrate import Floats, LayerTypes, layer_types
from aefpga.trainers.qkeras.autoencoder import dense_weights, layer_activation, layer_names
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.path import types_in_sequence

# A width for each latent word, where they have not all the one of the configuration.
LatentBits = NDArray[np.int64] | None


def chosen_types(
    encoder: Any,
    inputs: Floats,
    handed_on: FixedType | None,
    latent_bits: LatentBits,
    config: RunConfig,
) -> list[LayerTypes]:
    """Choose the types of all layers by what a float Keras encoder makes of inputs.

    Parameters
    ----------
    encoder : keras.Model
        The float encoder.
    inputs : ndarray of float32, shape (n_records, n_inputs)
        Training records, as the network reads them.
    handed_on : FixedType or None
        Of the inputs, which hidden layers hand on where there is a linear path in sequence.
    latent_bits : ndarray of int64, shape (n_latent,), or None
        A width for each latent word, whose values are within [-1, 1]; None is the one of the
        configuration, with the binary points that suit the values.
    config : RunConfig
        Model and widths.
    """
    names = layer_names(config.model)
    outputs = [encoder.get_layer(f"{name}_activation").output for name in names]
    probe = tensorflow().keras.Model(encoder.input, outputs)
    # One output comes as an array, several as a list of them.
    activations = tensorflow().nest.flatten(probe.predict(inputs, len(inputs), verbose=0))
    weights, quantization = dense_weights(encoder), config.quantization
    widths = quantization.widths
    types = []
    for name, values in zip(names, activations, strict=True):
        is_latent = name == "latent"
        weight, bias = weights[name]
        # The same at all places of a convolution, whose filters come last.
        n = weight.shape[-1]
        chosen = layer_types(
            weight.reshape(-1, n),
            bias,
            values.reshape(-1, n),
            layer_activation(config.model, name),
            widths.latent if is_latent else widths.activation,
            quantization,
        )
        if is_latent and latent_bits is not None:
            chosen = replace(chosen, output=FixedType(signed=True, width=latent_bits, integer=1))
        chosen = replace(chosen, output=chosen.output.repeated(values.shape[1] // n))
        if handed_on is not None and name != "latent":
            chosen = types_in_sequence(chosen, bias, handed_on)
        types.append(chosen)
    return types


def specification(
    encoder: Any,
    source: EncoderInput,
    types: Sequence[LayerTypes],
    kernels: Sequence[PlacedKernel],
    config: RunConfig,
    provenance: Mapping[str, str],
) -> EncoderSpec:
    """Read the integers out of a QKeras encoder, through its own quantizers."""
    layers: list[Layer] = []
    arriving = source.network_type
    placed = {one.name: one for one in kernels}
    for name, fixed in zip(layer_names(config.model), types, strict=True):
        layer = encoder.get_layer(name)
        weight, bias = (
            Tensor(kind.to_words(quantizer(variable).numpy()), kind)
            for kind, quantizer, variable in (
                (fixed.weight, layer.kernel_quantizer_internal, layer.kernel),
                (fixed.bias, layer.bias_quantizer_internal, layer.bias),
            )
        )
        matrix = weight
        if (one := placed.get(name)) is not None:
            matrix = one.convolution.lowered(weight)
            places = matrix.words.shape[1] // len(bias.words)
            bias = Tensor(np.tile(bias.words, places), bias.type)
        activation = layer_activation(config.model, name)
        content: dict[str, Any] = {
            "name": name,
            "weight": weight,
            "bias": bias,
            "accumulator": exact_accumulator(arriving, matrix, bias),
            "activation": activation,
            "output": fixed.output,
            "negative_slope_shift": (
                config.model.negative_slope_shift if activation == "leaky_relu" else 0
            ),
        }
        layers.append(
            DenseLayer(**content)
            if one is None
            else ConvolutionLayer(**content, **vars(one.convolution))
        )
        arriving = fixed.output
    return EncoderSpec(source, tuple(layers), provenance)


def kernel_and_bias(layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the numbers that Keras's layer of the same name has."""
    if isinstance(layer, ConvolutionLayer):
        kernel = layer.weight.values
        return kernel, layer.bias.values[: kernel.shape[-1]]
    return layer.matrix.values, layer.bias.values


def types_of(layer: Layer) -> LayerTypes:
    """Return the types of a layer of a specification."""
    weight = layer.weight if isinstance(layer, ConvolutionLayer) else layer.matrix
    return LayerTypes(weight.type, layer.bias.type, layer.output)
