"""The integers of a linear encoder: as few digits as cost no accuracy, found by measurement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import QuantizationConfig
from aefpga.fixedpoint import EncoderInput, FixedType, Tensor
from aefpga.trainers.calibrate import LayerTypes, closest_type
from aefpga.trainers.linear import linear_fit
from aefpga.trainers.qkeras.autoencoder import LINEAR_PATH, dense_weights, set_dense_weights
from aefpga.trainers.qkeras.linear import middle_and_half
from aefpga.trainers.qkeras.specification import LatentBits
from aefpga.trainers.qkeras.training import Samples
from aefpga.trainers.rounding import (
    LatentError,
    Rounding,
    relative_sensitivities,
    signed_digits,
    without_sums,
    words_to_themselves,
)
from aefpga.trainers.trainer import Floats

BATCH = 65_536
# Of the largest of all targets: smaller errors are those of targets that hardly vary.
LEAST_ERROR = 1e-3
# Records that the rounding sees; on the others it is judged.
RECORDS = 20_000
# By which the error of a variable may rise, more than by chance, before the decoder has trained on
# the words. That brings down what shares words with others, which companded variables do; not what
# has a word to itself.
TOLERANCE, TOLERANCE_OF_COMPANDED = 0.045, 0.065
# Of a digit, in errors of the unrounded weights where all variables have an importance of 1.
PRICE = 4e-3
# Importances at first, and between which they stay.
FIRST, LEAST, MOST = 4.0, 0.2, 10.0
# They follow a variable's excess over its tolerance, by this factor in the exponent, and fall or
# rise by so much at most; after so many rounds they only rise, for some more.
STEERING, FALL, RISE = 7.0, 0.8, 1.6
ROUNDS, LAST_ROUNDS = 20, 10
# A round after which a variable's error has risen by more is undone: what is lost is not found
# again by one weight at a time.
LOST = 0.2
# Digits that one variable's error above tolerance by a hundredth is worth.
WORTH = 2.0
# The error of a variable is what this share of records stays below.
SHARE = 0.68


Mask = NDArray[np.bool_]


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
    counted: tuple[Mask, Mask],
    latent_bits: LatentBits,
    quantization: QuantizationConfig,
) -> Spared:
    """Round the weights of a linear encoder together, and choose how many digits they have.

    Parameters
    ----------
    weights : tuple of ndarray
        Kernel and bias whose latents fill [-1, 1]; a few of words that share bits are beyond.
    decoder : keras.Model
        Reads those latents. It is left with other weights.
    source : EncoderInput
        What the encoder reads.
    samples : tuple of Samples
        Input words as numbers, and targets, of training and validation records.
    counted : tuple of ndarray of bool, shape (n_records, n_targets)
        Where each of these has something of a variable, whose error counts there.
    latent_bits : ndarray of int64, shape (n_latent,), or None
        A width for each latent word, whose values are within [-1, 1], to which training clips;
        None is the one of the configuration, with the binary point that suits the values.
    quantization : QuantizationConfig
        Weights have `weight_bits`, or at most as many as `bits` where that is not given.
    """
    return _Problem(weights, decoder, source, samples, counted, latent_bits, quantization).best()


class _Problem:
    """What all candidates have in common."""

    def __init__(
        self,
        weights: tuple[NDArray[Any], NDArray[Any]],
        decoder: Any,
        source: EncoderInput,
        samples: tuple[Samples, Samples],
        counted: tuple[Mask, Mask],
        latent_bits: LatentBits,
        quantization: QuantizationConfig,
    ) -> None:
        seen, unseen = slice(None, RECORDS), slice(RECORDS, None)

        def others(training: NDArray[Any], validation: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate([training[unseen], validation])

        train, validation = samples
        self._samples = (
            Samples(train.inputs[seen], train.targets[seen]),
            Samples(
                others(train.inputs, validation.inputs), others(train.targets, validation.targets)
            ),
        )
        self._counted = counted[0][seen], others(*counted)
        self._decoder, self._start = decoder, dense_weights(decoder)
        self._quantization, self._names = quantization, source.variables
        is_companded = source.mantissa >= 0
        self._tolerance = np.where(is_companded, TOLERANCE_OF_COMPANDED, TOLERANCE)
        kernel, bias = (x.astype(np.float64) for x in weights)
        self._inputs = self._samples[0].inputs.astype(np.float64)
        self._latents = self._inputs @ kernel + bias
        self._is_shared = latent_bits is not None
        # Training clips those of words that share bits, and the others fill the range.
        self._kept = np.abs(self._latents) <= (1 if self._is_shared else np.inf)
        bits = latent_bits if self._is_shared else quantization.widths.latent
        self._exact = FixedType(signed=True, width=bits, integer=1)
        self._reference = self._residuals(
            [self._exact.quantized(x.inputs @ kernel + bias) for x in self._samples]
        )
        covariance = np.cov(self._inputs, rowvar=False)
        kernel, is_used = without_sums(kernel, covariance, source.network_type.lsb)
        step = np.broadcast_to(self._exact.lsb, kernel.shape[1])
        plain = LatentError(covariance, kernel, np.eye(kernel.shape[1]), step**2 / 12)
        slopes = self._slopes(self._latents, 2 * step)
        self._plain, self._sensitivities = plain, relative_sensitivities(slopes, plain)
        kernel, alone = words_to_themselves(kernel, covariance)
        if not self._is_shared:  # They fill the range again.
            _, half = middle_and_half((self._inputs @ kernel).astype(np.float32))
            kernel = kernel / half
        self._kernel, self._free = kernel, is_used[:, None] & alone
        self._is_alone = self._free @ (self._free.sum(axis=0) == 1)

    def best(self) -> Spared:
        """Return the encoder of fewest digits at which errors are within tolerance, or nearly.

        Each variable has an importance, which follows its error: so all come to rise as far as they
        may, and no digit is spent on what has room. Or, of given width, return the most accurate.
        """
        importance = np.ones(len(self._names))
        given = self._quantization.weight_bits
        bits = self._quantization.widths.weight
        error = self._error(importance)
        rounding = Rounding(error, self._kernel, self._inputs, self._kept, self._free, bits)
        rounding.descend(0.0)
        if given is not None:
            return self._built(rounding.tensor(given), 0.0)[0]
        importance *= FIRST
        found = []
        for i in range(ROUNDS + LAST_ROUNDS):
            before = rounding.words.copy()
            rounding.error = self._error(importance)
            rounding.descend(PRICE)
            spared, rises = self._built(rounding.tensor(), PRICE)
            excess = rises - self._tolerance
            digits = spared.report["signed_digits"]
            found.append((digits + 100 * WORTH * float(excess.clip(0).sum()), i, spared))
            if i >= ROUNDS and excess.max() <= 0:
                break
            # What has a word to itself comes no closer than that word's step.
            is_lost = bool((rises > LOST)[~self._is_alone].any())
            if is_lost:
                rounding.words = before
            fall = FALL if i < ROUNDS and not is_lost else 1.0
            importance *= np.exp(STEERING * excess).clip(fall, RISE)
            importance = importance.clip(LEAST, MOST)
        return min(found)[2]

    def _named(self, which: NDArray[np.bool_]) -> list[str]:
        return [name for name, is_named in zip(self._names, which, strict=True) if is_named]

    def _error(self, importance: NDArray[np.float64]) -> LatentError:
        """Return the error that counts, with an importance for each variable."""
        return replace(
            self._plain, sensitivity=np.tensordot(importance, self._sensitivities, axes=1)
        )

    def _built(self, kernel: Tensor, price: float) -> tuple[Spared, NDArray[np.float64]]:
        """Return an encoder with the decoder whose linear path suits it, and how errors rise."""
        values, widths = kernel.values, self._quantization.widths
        latents = self._inputs @ values
        high = latents.max(axis=0, where=self._kept, initial=-np.inf)
        low = latents.min(axis=0, where=self._kept, initial=np.inf)
        centre = -(high + low) / 2
        bias_type = closest_type(centre, widths.bias, signed=True)
        bias = bias_type.quantized(centre)
        output = self._exact
        if not self._is_shared:
            output = closest_type(latents + bias, widths.latent, signed=True)
        # The decoder's first layers undo what only mixes the latents.
        mixing = self._plain.mixing(values)
        offset = self._latents.mean(axis=0) - (latents + bias).mean(axis=0) @ mixing
        first, *_ = self._start
        decoder = self._start | {
            name: (mixing @ weight, shift + offset @ weight)
            for name in (first, LINEAR_PATH)
            for weight, shift in [self._start[name]]
        }
        set_dense_weights(self._decoder, decoder)
        words = [output.quantized(x.inputs @ values + bias) for x in self._samples]
        rises, by_chance = _rises(self._residuals(words), self._reference, self._counted[1])
        worst, sure = int(rises.argmax()), rises - by_chance
        digits = signed_digits(kernel.words)
        report = {
            "weight_bits_at_most": widths.weight,
            "weight_bits": np.broadcast_to(kernel.type.width, kernel.words.shape[1:]).tolist(),
            "signed_digits": int(digits.sum()),
            "weights_of_zero": int((digits == 0).sum()),
            "price_of_a_digit": price,
            "sums_without_weights": self._named(self._free.sum(axis=1) == 0),
            "words_to_themselves": self._named(self._is_alone),
            "rise_of_validation_error": float(rises.mean()),
            "largest_rise": {"variable": self._names[worst], "rise": float(rises[worst])},
            "is_within_tolerance": bool((sure <= self._tolerance).all()),
        }
        types = LayerTypes(kernel.type, bias_type, output)
        return Spared((values, bias), types, decoder, report), sure

    def _residuals(self, latents: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return absolute errors of unseen records, the linear path fitted on those that are seen.

        `latents` are those of both; (n_unseen, n_targets) come back.
        """
        seen, unseen = (x.astype(np.float32) for x in latents)
        missing, left = (
            sample.targets - self._decoder.predict(x, BATCH, verbose=0)
            for sample, x in zip(self._samples, (seen, unseen), strict=True)
        )
        kernel, bias = linear_fit(seen, missing)
        return np.asarray(np.abs(left - unseen @ kernel - bias), np.float64)

    def _slopes(
        self, latents: NDArray[np.float64], step: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the mean outer product of each target's slopes, (n_targets, n_latent, n_latent).

        Slopes over a whole step: the words say nothing finer.
        """

        def decoded(x: NDArray[np.float64]) -> Floats:
            found: Floats = self._decoder.predict(x.astype(np.float32), BATCH, verbose=0)
            return found

        at = decoded(latents)
        slopes = np.stack([decoded(latents + move) - at for move in np.diag(step)], axis=-1)
        slopes /= step.astype(np.float32)
        slopes *= self._counted[0][:, :, None]
        number = np.maximum(self._counted[0].sum(axis=0), 1)[:, None, None]
        return np.asarray(np.einsum("nyi,nyj->yij", slopes, slopes) / number, np.float64)


def _rises(
    errors: NDArray[np.float64], reference: NDArray[np.float64], counted: Mask
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return by what share the error of each column rises, and how much of that may be chance."""
    after, spread, before = np.zeros((3, errors.shape[1]))
    for j in np.flatnonzero(counted.any(axis=0)):
        of_column, step = counted[:, j], np.sqrt(SHARE * (1 - SHARE) / counted[:, j].sum())
        places = np.clip([SHARE - step, SHARE, SHARE + step], 0, 1)
        low, after[j], high = np.quantile(errors[of_column, j], places)
        before[j], spread[j] = np.quantile(reference[of_column, j], SHARE), (high - low) / 2
    # Of what hardly varies there is no error to speak of.
    before = np.maximum(before, LEAST_ERROR * before.max())
    # Without any record there is no error, before or after.
    return np.where(after > 0, after / before - 1, 0.0), spread / before
