"""The integers of a linear encoder: as few digits as cost no accuracy, found by measurement."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import QuantizationConfig
from aefpga.fixedpoint import EncoderInput, FixedType, Tensor
from aefpga.trainers.calibrate import LayerTypes, closest_type
from aefpga.trainers.linear import linear_fit
from aefpga.trainers.qkeras.autoencoder import LINEAR_PATH, dense_weights, set_dense_weights
from aefpga.trainers.qkeras.training import Samples
from aefpga.trainers.rounding import (
    LatentError,
    Rounding,
    relative_sensitivity,
    signed_digits,
    without_sums,
)
from aefpga.trainers.trainer import Floats

BATCH = 65_536
# Of the largest of all targets: smaller errors are those of targets that hardly vary.
LEAST_ERROR = 1e-3
# Records that the rounding sees; and those on which the decoder's sensitivity is measured.
RECORDS, PROBES = 20_000, 4_000
# Of a digit, in errors of the unrounded weights; each goes on from where the one before ended.
PRICES = (0.0, 1e-3, 2e-3, 4e-3, 6e-3, 8e-3, 1.1e-2, 1.6e-2)
# By which the variables' errors on validation records may rise before the decoder has trained, in
# the mean, and each of them for sure, which is by so many standard deviations. Training brings them
# down: a tenth was 3 % then.
MEAN_TOLERANCE, TOLERANCE, SURE = 0.04, 0.1, 2.0


@dataclass(frozen=True)
class Spared:
    """A linear encoder's integers, and a decoder that suits them.

    Parameters
    ----------
    weights : tuple of ndarray
        Kernel and bias of the encoder, on the grids of their types.
    types : LayerTypes
        A width and a binary point for each neuron's weights.
    decoder : Mapping
        Weights to start from, by layer.
    report : Mapping
        What was chosen, and what it costs; JSON content.
    """

    weights: tuple[NDArray[Any], NDArray[Any]]
    types: LayerTypes
    decoder: Mapping[str, Sequence[NDArray[Any]]]
    report: Mapping[str, Any]


def spare_weights(
    weights: tuple[NDArray[Any], NDArray[Any]],
    decoder: Any,
    source: EncoderInput,
    samples: tuple[Samples, Samples],
    quantization: QuantizationConfig,
) -> Spared:
    """Round the weights of a linear encoder together, and choose how many digits they have.

    Parameters
    ----------
    weights : tuple of ndarray
        Kernel and bias whose latents fill [-1, 1].
    decoder : keras.Model
        Reads those latents. It is left with other weights.
    source : EncoderInput
        What the encoder reads.
    samples : tuple of Samples
        Input words as numbers, and targets, of training and validation records.
    quantization : QuantizationConfig
        Weights have `weight_bits`, or at most as many as `bits` where that is not given.
    """
    problem = _Problem(weights, decoder, source, samples, quantization)
    first, *others = problem.candidates()
    return next((s for s in reversed(others) if s.report["is_within_tolerance"]), first)


class _Problem:
    """What all candidates have in common."""

    def __init__(
        self,
        weights: tuple[NDArray[Any], NDArray[Any]],
        decoder: Any,
        source: EncoderInput,
        samples: tuple[Samples, Samples],
        quantization: QuantizationConfig,
    ) -> None:
        train = Samples(samples[0].inputs[:RECORDS], samples[0].targets[:RECORDS])
        self._samples = train, samples[1]
        self._decoder, self._start = decoder, dense_weights(decoder)
        self._quantization, self._names = quantization, source.variables
        kernel, bias = (x.astype(np.float64) for x in weights)
        self._inputs = train.inputs.astype(np.float64)
        self._latents = self._inputs @ kernel + bias
        bits = quantization.widths.latent
        exact = FixedType(signed=True, width=bits, integer=1)
        self._reference = self._residuals(
            [exact.quantized(x.inputs @ kernel + bias) for x in self._samples]
        )
        covariance = np.cov(self._inputs, rowvar=False)
        kernel, self._used = without_sums(kernel, covariance, source.network_type.lsb)
        step = float(exact.lsb)
        plain = LatentError(covariance, kernel, np.eye(kernel.shape[1]), step**2 / 12)
        of_each = self._sensitivity(self._latents[:PROBES], 2 * step)
        self._error = replace(plain, sensitivity=relative_sensitivity(of_each, plain))

    def candidates(self) -> Iterator[Spared]:
        """Yield encoders of ever fewer digits; or, of given width, the best."""
        given = self._quantization.weight_bits
        rounding = Rounding(self._error, self._inputs, self._used, self._quantization.widths.weight)
        for price in PRICES if given is None else PRICES[:1]:
            rounding.descend(price)
            yield self._built(rounding.tensor(given), price)

    def _built(self, kernel: Tensor, price: float) -> Spared:
        """Return an encoder with the decoder whose linear path suits it, and what it costs."""
        values, widths = kernel.values, self._quantization.widths
        latents = self._inputs @ values
        centre = -(latents.max(axis=0) + latents.min(axis=0)) / 2
        bias_type = closest_type(centre, widths.bias, signed=True)
        bias = bias_type.quantized(centre)
        output = closest_type(latents + bias, widths.latent, signed=True)
        # The decoder's first layers undo what only mixes the latents.
        mixing = self._error.mixing(values)
        offset = self._latents.mean(axis=0) - (latents + bias).mean(axis=0) @ mixing
        first, *_ = self._start
        decoder = self._start | {
            name: (mixing @ weight, shift + offset @ weight)
            for name in (first, LINEAR_PATH)
            for weight, shift in [self._start[name]]
        }
        set_dense_weights(self._decoder, decoder)
        words = [output.quantized(x.inputs @ values + bias) for x in self._samples]
        rises, least = _rises(self._residuals(words), self._reference)
        worst, mean = int(rises.argmax()), float(rises.mean())
        digits = signed_digits(kernel.words)
        report = {
            "weight_bits_at_most": widths.weight,
            "weight_bits": np.broadcast_to(kernel.type.width, kernel.words.shape[1:]).tolist(),
            "signed_digits": int(digits.sum()),
            "weights_of_zero": int((digits == 0).sum()),
            "price_of_a_digit": price,
            "sums_without_weights": [
                n for n, is_used in zip(self._names, self._used, strict=True) if not is_used
            ],
            "rise_of_validation_error": mean,
            "largest_rise": {"variable": self._names[worst], "rise": float(rises[worst])},
            "is_within_tolerance": mean <= MEAN_TOLERANCE and float(least.max()) <= TOLERANCE,
        }
        types = LayerTypes(kernel.type, bias_type, output)
        return Spared((values, bias), types, decoder, report)

    def _residuals(self, latents: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return absolute errors of validation records once the linear path is fitted.

        `latents` are those of training and validation records; (n_records, n_targets) come back.
        """
        train, validation = (x.astype(np.float32) for x in latents)
        missing, left = (
            sample.targets - self._decoder.predict(x, BATCH, verbose=0)
            for sample, x in zip(self._samples, (train, validation), strict=True)
        )
        kernel, bias = linear_fit(train, missing)
        return np.asarray(np.abs(left - validation @ kernel - bias), np.float64)

    def _sensitivity(self, latents: NDArray[np.float64], step: float) -> NDArray[np.float64]:
        """Return the mean outer product of each target's slopes, (n_targets, n_latent, n_latent).

        Slopes over a whole step: the words say nothing finer.
        """

        def decoded(x: NDArray[np.float64]) -> Floats:
            found: Floats = self._decoder.predict(x.astype(np.float32), BATCH, verbose=0)
            return found

        at = decoded(latents)
        moves = step * np.eye(latents.shape[1])
        slopes = np.stack([(decoded(latents + move) - at) / step for move in moves], axis=-1)
        return np.asarray(np.einsum("nyi,nyj->yij", slopes, slopes) / len(latents), np.float64)


def _rises(
    errors: NDArray[np.float64], reference: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return by what share the mean of each column rises, and by what for sure."""
    before, change = reference.mean(axis=0), errors - reference
    # Of what hardly varies there is no error to speak of.
    before = np.maximum(before, LEAST_ERROR * before.max())
    rises = change.mean(axis=0) / before
    unsure = change.std(axis=0) / np.sqrt(len(change)) / before
    return rises, rises - SURE * unsure
