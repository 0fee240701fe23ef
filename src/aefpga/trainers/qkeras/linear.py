"""Linear encoders: the best one is known before any training.

A linear encoder starts from it, trains in floating point on standardised inputs with noise for the
rounding of its words, and is frozen as integers; only the decoder trains on those.
Quantization-aware training from these integers was tried: it changes next to none of them.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.config import LEAST_LATENT_BITS, MOST_LATENT_BITS
from aefpga.trainers.linear import best_linear, linear_fit, share_bits
from aefpga.trainers.qkeras.autoencoder import LINEAR_PATH
from aefpga.trainers.qkeras.training import Samples

BATCH = 65_536
# Share of jets at either end of a latent that its width is not made for.
TAIL = 0.01
# Smallest range of a latent, of the largest one, that is stretched to all of a word's.
LEAST_RANGE = 2.0**-12
# What is zero in most records is sent well in few: its errors count with this power of its share of
# records. Without, muons are off by half more; at -1/2 they are closer than all else.
RARENESS = -0.25
# The rarest count as if in so many records, of all.
RAREST = 1e-3

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Standardisation:
    """Inputs of mean 0 and deviation 1, on which one learning rate suits every weight.

    Those of the firmware lie within [-1, 1], where rare kinds of particles hardly move.

    Parameters
    ----------
    centre, spread : ndarray of float32, shape (n_inputs,)
        Mean and standard deviation; the latter is 1 where nothing varies.
    """

    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, inputs: Floats) -> Self:
        """Learn it from inputs, shape (n_jets, n_inputs)."""
        spread = inputs.std(axis=0)
        return cls(inputs.mean(axis=0), np.where(spread > 0, spread, np.float32(1)))

    @classmethod
    def centring(cls, inputs: Floats) -> Self:
        """Learn the mean alone: of inputs whose spread powers of two have made about 1."""
        return cls(inputs.mean(axis=0), np.ones(inputs.shape[1], np.float32))

    def applied(self, samples: Samples) -> Samples:
        """Return samples with standardised inputs."""
        return replace(samples, inputs=(samples.inputs - self.centre) / self.spread)

    def folded(self, kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return a layer of standardised inputs as one of the inputs themselves."""
        kernel = kernel / self.spread[:, None]
        return kernel, bias - self.centre @ kernel


def importance(records: Floats) -> Floats:
    """Return what an error of each variable counts: the more, the fewer records have any of it.

    Parameters
    ----------
    records : ndarray of float32, shape (n_records, n_variables)
        In physical units; zero is none.
    """
    share = (records != 0).mean(axis=0)
    weight = np.maximum(share, RAREST) ** RARENESS
    return np.asarray(weight / weight.mean(), np.float32)


def set_best_linear(encoder: Any, decoder: Any, samples: Samples) -> Floats:
    """Give an encoder its best linear weights, and return its latents, which fill [-1, 1].

    Of the decoder, only the linear path speaks yet; of an encoder with layers, too, but each of the
    first hidden neurons bends a latent somewhere.
    """
    n_latent = encoder.output_shape[1]
    root = np.sqrt(np.float32(samples.importance))
    (kernel, bias), back = best_linear(samples.inputs, samples.targets * root, n_latent)
    back, offset = (x / root for x in back)
    middle, half = middle_and_half(samples.inputs @ kernel + bias)
    kernel, bias = kernel / half, (bias - middle) / half
    decoder.get_layer(LINEAR_PATH).set_weights([back * half[:, None], offset + middle @ back])
    _silence(decoder.get_layer("output"))
    names, latents = {layer.name for layer in encoder.layers}, samples.inputs @ kernel + bias
    encoder.get_layer(LINEAR_PATH if LINEAR_PATH in names else "latent").set_weights([kernel, bias])
    if LINEAR_PATH in names:
        _silence(encoder.get_layer("latent"))
        first = encoder.get_layer("hidden_1")
        first.set_weights(bends(latents, kernel, bias, first.units))
    return latents


def shared_bits(latents: Floats, decoder: Any, total: int) -> NDArray[np.int64]:
    """Share bits among the latents by what rounding them costs the linear path of a decoder.

    Training clips the few jets in the tails, so what counts is the range of the others.
    """
    kernel, _ = decoder.get_layer(LINEAR_PATH).get_weights()
    span = np.quantile(latents, 1 - TAIL, axis=0) - np.quantile(latents, TAIL, axis=0)
    importance = np.square(kernel * span[:, None]).sum(axis=1)
    return share_bits(importance, total, LEAST_LATENT_BITS, MOST_LATENT_BITS)


def _silence(layer: Any) -> None:
    layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])


def middle_and_half(latents: Floats) -> tuple[Floats, Floats]:
    """Return the middle of each latent's range, and half of its length."""
    low, high = latents.min(axis=0), latents.max(axis=0)
    half = (high - low) / 2
    # A latent that hardly varies beside the others is not magnified without limit.
    half = np.maximum(half, max(float(half.max()), 1e-30) * LEAST_RANGE).astype(np.float32)
    return (high + low) / 2, half


def mean_and_spread(latents: Floats) -> tuple[Floats, Floats]:
    """Return the mean of each latent, and its standard deviation."""
    spread = latents.std(axis=0)
    return latents.mean(axis=0), np.maximum(spread, max(float(spread.max()), 1e-30) * LEAST_RANGE)


def bends(latents: Floats, kernel: Floats, bias: Floats, n: int) -> tuple[Floats, Floats]:
    """Return kernel and bias of `n` neurons, each of which starts at a quantile of a latent.

    A word's steps lie closer where a latent bends upwards: such neurons compand it.
    """
    n_latent = kernel.shape[1]
    places = -(-n // n_latent)
    # Chebyshev's: closer to the ends, where few jets take much of a word's range.
    quantiles = (1 - np.cos(np.pi * (np.arange(places) + 0.5) / places)) / 2
    starts = np.quantile(latents, quantiles, axis=0).astype(np.float32)
    signs = np.where(quantiles < 0.5, np.float32(-1), np.float32(1))[:, None]
    weights = (signs[:, None] * kernel.T).reshape(-1, len(kernel)).T
    return weights[:, :n], (signs * (bias - starts)).ravel()[:n]


def refit_linear_path(encoder: Any, decoder: Any, samples: Samples) -> None:
    """Give the decoder's linear path what it can still correct; after the encoder was quantized."""
    latents = encoder.predict(samples.inputs, BATCH, verbose=0)
    missing = samples.targets - decoder.predict(latents, BATCH, verbose=0)
    path = decoder.get_layer(LINEAR_PATH)
    correction = linear_fit(latents, missing)
    path.set_weights([w + c for w, c in zip(path.get_weights(), correction, strict=True)])
