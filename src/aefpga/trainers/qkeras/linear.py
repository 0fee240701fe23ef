"""Linear encoders: the best one is known before any training.

A linear encoder starts from it, trains in floating point on standardised inputs with noise for the
rounding of its words, and is frozen as integers; only the decoder trains on those.
Quantization-aware training of the encoder itself was tried from the same start and made every
residual two to four times as large: each step flips weights, and the decoder never comes to rest.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.trainers.linear import best_linear, linear_fit
from aefpga.trainers.qkeras.autoencoder import LINEAR_PATH
from aefpga.trainers.qkeras.training import Samples

BATCH = 65_536

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

    def applied(self, samples: Samples) -> Samples:
        """Return samples with standardised inputs."""
        return Samples((samples.inputs - self.centre) / self.spread, samples.targets)

    def folded(self, kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return a layer of standardised inputs as one of the inputs themselves."""
        kernel = kernel / self.spread[:, None]
        return kernel, bias - self.centre @ kernel


def set_best_linear(encoder: Any, decoder: Any, samples: Samples) -> None:
    """Give a linear encoder its best weights; of the decoder, only the linear path speaks yet."""
    latent, path = best_linear(samples.inputs, samples.targets, encoder.output_shape[1])
    encoder.get_layer("latent").set_weights(latent)
    decoder.get_layer(LINEAR_PATH).set_weights(path)
    output = decoder.get_layer("output")
    output.set_weights([np.zeros_like(w) for w in output.get_weights()])


def refit_linear_path(encoder: Any, decoder: Any, samples: Samples) -> None:
    """Give the decoder's linear path what it can still correct; after the encoder was quantized."""
    latents = encoder.predict(samples.inputs, BATCH, verbose=0)
    missing = samples.targets - decoder.predict(latents, BATCH, verbose=0)
    path = decoder.get_layer(LINEAR_PATH)
    correction = linear_fit(latents, missing)
    path.set_weights([w + c for w, c in zip(path.get_weights(), correction, strict=True)])
