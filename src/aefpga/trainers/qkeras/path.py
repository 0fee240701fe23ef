"""A linear path beside an encoder's layers, in firmware whose layers follow one another.

Each hidden layer gets a neuron more for each input, which hands it on: of an input that may be
negative, ``relu(x + 1)``, as inputs lie within [-1, 1]. Its weight is one and its word as wide as
the input's, so that it rounds nothing and costs registers alone.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aefpga.config import ModelConfig
from aefpga.fixedpoint import FixedType
from aefpga.trainers.calibrate import Floats, LayerTypes, closest_of_each
from aefpga.trainers.qkeras.autoencoder import LINEAR_PATH, LayerWeights


def in_sequence(model: ModelConfig, n_inputs: int) -> ModelConfig:
    """Return the model whose hidden layers hand on the inputs, instead of a linear path."""
    hidden = tuple(n_inputs + n for n in model.hidden)
    return model.model_copy(update={"hidden": hidden, "linear_path": False})


def weights_in_sequence(weights: LayerWeights, signed: NDArray[np.bool_]) -> LayerWeights:
    """Return the weights of layers that follow one another.

    Parameters
    ----------
    weights : dict
        Kernel and bias of an encoder's layers and of its linear path, by name, in order.
    signed : ndarray of bool, shape (n_inputs,)
        Which inputs may be negative.
    """
    layers = {name: value for name, value in weights.items() if name != LINEAR_PATH}
    (path, path_bias), (kernel, bias) = weights[LINEAR_PATH], layers.pop("latent")
    last = list(layers)[-1]
    factors = _factors(kernel, path)
    layers[last] = layers[last][0] / factors, layers[last][1] / factors
    first, *others = layers
    own, offset = layers[first], signed.astype(np.float32)
    handed_on = np.eye(len(path), dtype=np.float32)
    found = {first: (np.hstack([handed_on, own[0]]), np.append(offset, own[1]))}
    for name in others:
        own = layers[name]
        found[name] = _beside(handed_on, own[0]), np.append(0 * offset, own[1])
    found["latent"] = np.vstack([path, kernel * factors[:, None]]), bias + path_bias - offset @ path
    return found


def _beside(first: Floats, second: Floats) -> Floats:
    """Return the matrix of two layers that have nothing to do with each other."""
    (rows, columns), shape = first.shape, second.shape
    whole = np.zeros((rows + shape[0], columns + shape[1]), np.float32)
    whole[:rows, :columns], whole[rows:, columns:] = first, second
    return whole


def _factors(kernel: Floats, path: Floats) -> Floats:
    """Return for each hidden neuron a power of two that makes its weights as large as the path's.

    They share a binary point in each latent; a neuron's scale is free.
    """
    size = np.abs(kernel) / np.maximum(np.abs(path).max(axis=0), np.finfo(np.float32).tiny)
    largest = size.max(axis=1)
    # frexp: largest < 2**exponent
    return np.ldexp(np.float32(1), -np.where(largest > 0, np.frexp(largest)[1], 0))


def types_in_sequence(types: LayerTypes, bias: Floats, source: FixedType) -> LayerTypes:
    """Return a hidden layer's types whose first neurons hand on the words of `source` unrounded.

    Parameters
    ----------
    types : LayerTypes
        Of all neurons, those that hand on included; widths are kept.
    bias : ndarray of float32, shape (n_out,)
        What is to be rounded; each neuron gets a binary point of its own.
    source : FixedType
        Of the input's words, one for each.
    """
    own = types.output
    signed, width, integer = (
        np.append(of_input, np.broadcast_to(of_neuron, bias.shape)[of_input.size :])
        for of_input, of_neuron in (
            (np.zeros_like(source.signed), own.signed),
            (source.width, own.width),
            (source.integer, own.integer),
        )
    )
    return replace(
        types,
        bias=closest_of_each(bias[None], int(types.bias.width), signed=True),
        output=FixedType(signed, width, integer),
    )
