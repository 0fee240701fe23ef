"""The reference: what the firmware computes, in NumPy, word for word and at BLAS speed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.layers import Layer
from aefpga.fixedpoint.spec import EncoderSpec
from aefpga.fixedpoint.types import FixedType

# Jets that pass through all layers together: their activations stay in the cache.
BLOCK = 4096


class Emulator:
    """Computes the words of an `EncoderSpec`.

    Weights are rescaled by powers of two so that every sum comes out in units of the layer's output
    step; rounding is then a floor, or NumPy's own to the nearest even integer, and ReLU and
    saturation are two bounds, or a bound and a remainder where words wrap. All these numbers are
    dyadic and bounded, so a float matrix product is exact as long as the sums fit its mantissa:
    float32 where the specification proves that 24 bits suffice, float64 (53 bits) otherwise.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder to emulate.
    """

    name = "emulator"

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec = spec
        self._stages: list[_Stage] = []
        source = spec.input.network_type
        for layer in spec.layers:
            self._stages.append(_Stage.of(layer, source))
            source = layer.output

    def __call__(self, words: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return the latent words (n_jets, n_latent) of input words (n_jets, n_variables)."""
        latent = np.empty((len(words), self.spec.layers[-1].n_out), np.int64)
        for start in range(0, len(words), BLOCK):
            *_, last = self._run(words[start : start + BLOCK])
            latent[start : start + BLOCK] = last
        return latent

    def outputs(self, words: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return latent words, and of a trigger score and bit: see `EncoderSpec.outputs_of`."""
        return self.spec.outputs_of(self(words))

    def trace(self, words: NDArray[np.integer[Any]]) -> list[NDArray[np.int64]]:
        """Return the output words of every layer, each of shape (n_jets, n_out)."""
        return [output.astype(np.int64) for output in self._run(words)]

    def saturated(self, words: NDArray[np.integer[Any]]) -> dict[str, NDArray[np.bool_]]:
        """Return by layer where its outputs leave the range of their words, (n_jets, n_out).

        What a ReLU cuts off has not left it, and words that wrap do not saturate.
        """
        found = {x.name: np.zeros((len(words), x.n_out), bool) for x in self.spec.layers}
        for start in range(0, len(words), BLOCK):
            rows = slice(start, start + BLOCK)
            block: NDArray[Any] = words[rows]
            for stage, beyond in zip(self._stages, found.values(), strict=True):
                integers = stage.integers(block)
                beyond[rows] = stage.leaves_range(integers)
                block = stage.in_range(integers)
        return found

    def encode(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the latent words of jets in physical units, shape (n_jets, n_variables)."""
        # Of no jets, too, it is asked whether they have the right columns.
        blocks = [jets[i : i + BLOCK] for i in range(0, max(len(jets), 1), BLOCK)]
        return np.concatenate([self(self.spec.input.to_words(block)) for block in blocks])

    def _run(self, words: NDArray[Any]) -> Iterator[NDArray[Any]]:
        for stage in self._stages:
            words = stage(words)
            yield words


@dataclass(frozen=True)
class _Stage:
    """One layer with all scales folded into its weights; words in, words out, as floats."""

    weight: NDArray[Any]
    bias: NDArray[Any]
    slope: float | None
    half: NDArray[Any]
    to_integers: Any
    relu: bool
    wraps: bool
    low: NDArray[Any]
    high: NDArray[Any]

    @classmethod
    def of(cls, layer: Layer, source: FixedType) -> "_Stage":
        n_in, n_out, output = layer.n_in, layer.n_out, layer.output
        out_fraction = np.broadcast_to(output.fraction, n_out)
        source_fraction = np.broadcast_to(source.fraction, n_in)
        weight = np.ldexp(layer.matrix.values, out_fraction - source_fraction[:, None])
        bias = np.ldexp(layer.bias.values, out_fraction)
        leaky, wraps = layer.activation == "leaky_relu", output.overflow == "WRAP"
        # Where no bit is dropped there is no half, which a float may not hold beside the sum.
        finest = int(layer.accumulator.fraction) + layer.negative_slope_shift
        half = 0.5 * ((output.rounding == "RND") & (out_fraction < finest))
        low = np.broadcast_to(output.min_word, n_out)
        if layer.activation == "relu" and not wraps:
            low = np.maximum(low, 0)
        dtype = np.float32 if _fits_float32(layer, weight, bias) else np.float64
        return cls(
            weight=weight.astype(dtype),
            bias=(bias if leaky else bias + half).astype(dtype),
            slope=2.0**-layer.negative_slope_shift if leaky else None,
            half=_narrow(half).astype(dtype),
            to_integers=np.rint if output.rounding == "RND_CONV" else np.floor,
            relu=layer.activation == "relu",
            wraps=wraps,
            low=_narrow(low).astype(dtype),
            high=_narrow(output.max_word).astype(dtype),
        )

    def __call__(self, words: NDArray[Any]) -> NDArray[Any]:
        return self.in_range(self.integers(words))

    def integers(self, words: NDArray[Any]) -> NDArray[Any]:
        """Return rounded sums, which no range of words bounds yet."""
        sums: NDArray[Any] = words.astype(self.weight.dtype, copy=False) @ self.weight
        sums += self.bias
        if self.slope is not None:
            np.maximum(sums, sums * sums.dtype.type(self.slope), out=sums)
            sums += self.half
        self.to_integers(sums, out=sums)
        return sums

    def leaves_range(self, integers: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which of them saturate."""
        if self.wraps:
            return np.zeros(integers.shape, bool)
        beyond = integers > self.high
        return beyond if self.relu else beyond | (integers < self.low)

    def in_range(self, integers: NDArray[Any]) -> NDArray[Any]:
        """Return the words of `integers`, which are overwritten."""
        if self.wraps:
            if self.relu:
                np.maximum(integers, 0, out=integers)
            return np.asarray(np.mod(integers - self.low, self.high - self.low + 1) + self.low)
        np.maximum(integers, self.low, out=integers)
        np.minimum(integers, self.high, out=integers)
        return integers


def _narrow(bounds: NDArray[Any]) -> NDArray[Any]:
    """Return one number for all neurons where it is the same, which is twice as fast."""
    return np.unique(bounds) if np.unique(bounds).size == 1 else bounds


def _fits_float32(layer: Layer, weight: NDArray[np.float64], bias: NDArray[np.float64]) -> bool:
    """Return whether float32 holds all sums: its mantissa, and by far its exponent."""
    sizes = np.abs(np.append(weight, bias))
    near = (sizes == 0) | ((sizes > 2.0**-100) & (sizes < 2.0**100))
    return layer.bits_needed <= 24 and bool(near.all())
