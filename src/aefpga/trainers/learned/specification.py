"""The specification of an encoder with learned widths: a type for each weight and each neuron.

Integers are made here in NumPy, by the rules of `FixedType`; the reference computes with
TensorFlow's quantizers from the numbers that were trained, and both must agree on every word.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import ModelConfig
from aefpga.fixedpoint import (
    DenseLayer,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Tensor,
    exact_accumulator,
)
from aefpga.trainers.learned.encoder import INPUTS, Arrays
from aefpga.trainers.qkeras.autoencoder import layer_activation, layer_names

Bools = NDArray[np.bool_]


def specification(
    arrays: Arrays, source: EncoderInput, model: ModelConfig, provenance: Mapping[str, str]
) -> EncoderSpec:
    """Return what the firmware computes; neurons that have no bits left are not in it.

    Parameters
    ----------
    arrays : Mapping
        Of a `LearnedEncoder`.
    source : EncoderInput
        The input with its finest grid.
    model : ModelConfig
        Names and activations of the layers.
    provenance : Mapping
        Goes into the specification.
    """
    source, alive = _input(arrays, source)
    layers: list[DenseLayer] = []
    arriving = source.network_type
    for name in layer_names(model):
        kept = living(arrays, name)
        weight = _words(arrays[f"{name}/kernel"], arrays[f"{name}/kernel_fraction"])
        bias = _words(arrays[f"{name}/bias"], arrays[f"{name}/bias_fraction"])
        # Of an input without bits the firmware has a port, but no use; other layers lack it.
        is_first = name == layer_names(model)[0]
        words, fraction = (x if is_first else x[alive] for x in weight)
        if is_first:
            words = words * alive[:, None]
        works = _bits(arrays, name) > 0
        kernel = _tensor((words * works)[:, kept], fraction[:, kept])
        offset = _tensor((bias[0] * works)[kept], bias[1][kept])
        activation = layer_activation(model, name)
        layer = DenseLayer(
            name=name,
            weight=kernel,
            bias=offset,
            accumulator=exact_accumulator(arriving, kernel, offset),
            activation=activation,
            output=_output(arrays, name, kept),
            negative_slope_shift=model.negative_slope_shift if activation == "leaky_relu" else 0,
        )
        layers.append(layer)
        arriving, alive = layer.output, kept
    return EncoderSpec(source, tuple(layers), provenance)


def living(arrays: Arrays, name: str) -> Bools:
    """Return which neurons of a layer have bits; of a layer without any, the first, a zero."""
    alive = _bits(arrays, name) > 0
    return alive if alive.any() else np.arange(len(alive)) == 0


def _bits(arrays: Arrays, name: str) -> NDArray[np.int64]:
    """Return the widths of what a layer, or the input, puts out; not above 0 for none."""
    parts = (arrays[f"{name}/{part}"] for part in ("signed", "integer", "fraction"))
    return np.asarray(sum(np.rint(x).astype(np.int64) for x in parts))


def _input(arrays: Arrays, source: EncoderInput) -> tuple[EncoderInput, Bools]:
    """Return the input without the low bits that were not worth it, and which variables remain."""
    width = _bits(arrays, INPUTS)
    n, kind = len(source.variables), source.type
    # Of a companded variable the words stay, which are narrower than its quantity.
    wide = np.where(source.is_companded, np.broadcast_to(kind.width, n), np.maximum(width, 1))
    coarser = FixedType(kind.signed, wide, kind.integer, kind.rounding, kind.overflow)
    return replace(source, type=coarser), width > 0


def _words(
    values: NDArray[Any], fraction: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the words of numbers rounded to their fractional bits, and those bits."""
    bits = np.rint(fraction).astype(np.int64)
    scaled = np.ldexp(values.astype(np.float64), bits)
    down = np.floor(scaled)
    return (down + (scaled - down >= 0.5)).astype(np.int64), bits


def _tensor(words: NDArray[np.int64], fraction: NDArray[np.int64]) -> Tensor:
    """Return words in the narrowest signed types; zeros have a bit on the coarsest grid."""
    used = words != 0
    fraction = np.where(used, fraction, fraction[used].min() if used.any() else 0)
    magnitude = np.where(words < 0, -words - 1, words)
    width = np.frexp(magnitude.astype(np.float64))[1] + 1
    return Tensor(words, FixedType(True, width, width - fraction))


def _output(arrays: Arrays, name: str, kept: Bools) -> FixedType:
    signed, integer = (
        np.rint(arrays[f"{name}/{part}"][kept]).astype(np.int64) for part in ("signed", "integer")
    )
    width = np.maximum(_bits(arrays, name)[kept], 1)
    return FixedType(signed.astype(bool), width, signed + integer)
