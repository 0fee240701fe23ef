"""Where the learning of widths starts from: a trained float network, with more bits than it needs.

Weights get those of the uniform encoder over the range of their neuron, hidden neurons some more.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import RunConfig
from aefpga.fixedpoint import EncoderInput
from aefpga.trainers.learned.encoder import CALIBRATION_RECORDS, INPUTS, LearnedEncoder
from aefpga.trainers.qkeras.autoencoder import (
    LayerWeights,
    dense_weights,
    float_decoder,
    layer_activation,
    layer_names,
    set_dense_weights,
)
from aefpga.trainers.qkeras.training import Samples
from aefpga.trainers.trainer import Trained

# Bits beyond those of the uniform encoder, of hidden neurons and of biases.
MORE_BITS, MORE_BIAS_BITS = 2, 4
# Smaller weights than this count as nothing.
LEAST_WEIGHT = 1e-9


def networks(uniform: Trained, train: Samples, config: RunConfig) -> tuple[LearnedEncoder, Any]:
    """Return encoder and decoder as the float network has them, with bits to spare.

    Parameters
    ----------
    uniform : Trained
        By the QKeras trainer; of it the float network.
    train : Samples
        Inputs on the finest grid.
    config : RunConfig
        Architecture and widths.
    """
    # Batch normalisation is in the weights by now.
    model = config.model.model_copy(update={"batch_norm": False})
    decoder = float_decoder(train.targets.shape[1], model)
    of_encoder, of_decoder = layer_names(model), list(dense_weights(decoder))
    network = uniform.float_network
    assert network is not None
    names = [*of_encoder, *of_decoder]
    layers: LayerWeights = {
        name: (x.weight, x.bias) for name, x in zip(names, network.layers, strict=True)
    }
    latents = train.inputs
    for layer in network.layers[: network.latent]:
        latents = layer(latents)
    layers = _centred(layers, latents, of_decoder[0])
    set_dense_weights(decoder, {name: layers[name] for name in of_decoder})
    encoder = LearnedEncoder(_arrays(layers, uniform.input, config), model)
    encoder.calibrate(
        train.inputs[:CALIBRATION_RECORDS], config.quantization.widths.activation + MORE_BITS
    )
    return encoder, decoder


def _arrays(weights: LayerWeights, source: EncoderInput, config: RunConfig) -> dict[str, Any]:
    """Return the arrays of a `LearnedEncoder`, but for the hidden neurons' points.

    Parameters
    ----------
    weights : dict
        Kernel and bias of each of the encoder's layers; latents lie within [-1, 1].
    source : EncoderInput
        The grid of the inputs, which is the finest that they can have.
    config : RunConfig
        Widths of weights and of latents.
    """
    kind, widths = source.network_type, config.quantization.widths
    arrays: dict[str, NDArray[Any]] = {
        f"{INPUTS}/fraction": kind.fraction,
        f"{INPUTS}/integer": kind.integer - kind.signed,
        f"{INPUTS}/signed": kind.signed,
        f"{INPUTS}/finest": kind.fraction,
        f"{INPUTS}/companded": source.is_companded,
    }
    for name in layer_names(config.model):
        kernel, bias = weights[name]
        n_out, is_latent = len(bias), name == "latent"
        of_neuron = np.clip(neuron_points(kernel, widths.weight), -8, 24)
        arrays |= {
            f"{name}/kernel": kernel,
            f"{name}/bias": bias,
            f"{name}/kernel_fraction": np.broadcast_to(of_neuron, kernel.shape),
            f"{name}/bias_fraction": np.clip(of_neuron + MORE_BIAS_BITS, -8, 20),
            f"{name}/fraction": np.full(n_out, widths.latent - 1 if is_latent else 0),
            f"{name}/integer": np.zeros(n_out),
            f"{name}/signed": np.full(n_out, layer_activation(config.model, name) != "relu"),
        }
    return {name: np.asarray(a, np.float32) for name, a in arrays.items()}


def neuron_points(kernel: NDArray[Any], bits: int) -> NDArray[np.float64]:
    """Return for each neuron the fractional bits with which `bits` hold its largest weight."""
    largest = np.abs(kernel).max(axis=0) + LEAST_WEIGHT
    return np.asarray(bits - 1 - np.ceil(np.log2(largest)))


def _centred(layers: LayerWeights, latents: NDArray[np.float32], reader: str) -> LayerWeights:
    """Shift and scale each latent to fill [-1, 1] and undo that in the layer that reads it.

    Parameters
    ----------
    layers : dict
        Kernel and bias of the autoencoder's layers, by name.
    latents : ndarray of float32, shape (n_jets, n_latent)
        What the encoder returns for training jets.
    reader : str
        The decoder's first layer.
    """
    low, high = latents.min(axis=0), latents.max(axis=0)
    middle, half = (high + low) / 2, np.maximum((high - low) / 2, LEAST_WEIGHT)
    half = np.maximum(half, half.max() * 2.0**-12).astype(np.float32)
    (kernel, bias), (reading, offset) = layers["latent"], layers[reader]
    return layers | {
        "latent": (kernel / half, (bias - middle) / half),
        reader: (reading * half[:, None], offset + middle @ reading),
    }
