"""Random encoders: for tests, benchmarks, and what-if figures before anything is trained."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.spec import (
    Activation,
    DenseLayer,
    EncoderInput,
    EncoderSpec,
    Tensor,
    exact_accumulator,
)
from aefpga.fixedpoint.types import FixedType


def random_spec(
    sizes: Sequence[int],
    bits: int = 8,
    *,
    activation: Activation = "relu",
    input_bits: int = 12,
    companded: int = -1,
    seed: int = 0,
) -> EncoderSpec:
    """Return an encoder with dense random weights that exercises rounding and saturation.

    Parameters
    ----------
    sizes : sequence of int
        Layer sizes from input to latent, such as ``(24, 64, 32, 15)``.
    bits : int
        Width of weights, biases, hidden and latent words.
    activation : {"relu", "leaky_relu", "linear"}
        Of the hidden layers; the latent is linear.
    input_bits : int
        Width of the widest input word; some inputs are narrower, some unsigned, as real ones are.
    companded : int
        Bits of mantissa with which some inputs are companded; -1 for none.
    seed : int
        Seed of the weights.
    """
    rng = np.random.default_rng(seed)
    n_inputs = sizes[0]
    index = np.arange(n_inputs)
    width = np.where(index % 3 == 2, max(input_bits - 5, 3), input_bits)
    signed = index % 4 == 1
    exponent = rng.integers(0, 9, n_inputs)
    source = EncoderInput(
        variables=tuple(f"x{i}" for i in index),
        units=("GeV",) * n_inputs,
        type=FixedType(signed, width, exponent + signed),
        exponent=exponent,
        mantissa=np.where((index % 5 == 3) & ~signed, companded, -1),
    )
    layers: list[DenseLayer] = []
    arriving = source.network_type
    for position, (n_in, n_out) in enumerate(pairwise(sizes)):
        is_latent = position == len(sizes) - 2
        weight_type = FixedType(True, bits, 1)
        weight = Tensor(
            weight_type.to_words(rng.normal(0, 1.5 / np.sqrt(n_in), (n_in, n_out))), weight_type
        )
        bias = Tensor(weight_type.to_words(rng.normal(0, 0.2, n_out)), weight_type)
        kind: Activation = "linear" if is_latent else activation
        signed_output = kind != "relu"
        output = FixedType(signed_output, bits, 1 + signed_output)
        layers.append(
            DenseLayer(
                name="latent" if is_latent else f"hidden_{position + 1}",
                weight=weight,
                bias=bias,
                accumulator=exact_accumulator(arriving, weight, bias),
                activation=kind,
                output=output,
                negative_slope_shift=3 if kind == "leaky_relu" else 0,
            )
        )
        arriving = output
    return EncoderSpec(source, tuple(layers), {"origin": f"random weights, seed {seed}"})


def adversarial_words(spec: EncoderSpec, n_random: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    """Return input words meant to break an implementation, shape (n, n_variables), int64.

    All minima, all maxima, zeros, ones, alternations of the extremes, each input alone at either
    end, and uniform random words over the full range, which saturate and tie often.
    """
    source = spec.input.network_type.broadcast((len(spec.input.variables),))
    low, high = source.min_word, spec.input.max_word
    alternating = np.arange(len(low)) % 2 == 0
    alone = np.eye(len(low), dtype=bool)
    rows = [
        low,
        high,
        np.zeros_like(low),
        np.ones_like(low),
        np.where(alternating, low, high),
        np.where(alternating, high, low),
        *np.where(alone, high, 0),
        *np.where(alone, low, 0),
        *np.random.default_rng(seed).integers(low, high + 1, (n_random, len(low))),
    ]
    return np.stack(rows)
