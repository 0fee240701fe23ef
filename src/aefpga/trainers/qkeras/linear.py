"""Linear encoders: the best one is known before any training.

A linear encoder starts from it, trains in floating point with noise for the rounding of its words,
and is frozen as integers; only the decoder trains on those. Quantization-aware training of the
encoder itself was tried from the same start and made every residual two to four times as large:
each step flips weights, and the decoder never comes to rest.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.trainers.qkeras.autoencoder import LINEAR_PATH
from aefpga.trainers.qkeras.training import Samples

Floats = NDArray[np.float32]

BATCH = 65_536
# Directions of the inputs that vary this little, relatively, are rounding.
COLLINEAR = 1e-5


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


def best_linear(
    inputs: Floats, targets: Floats, rank: int
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return kernel and bias of the linear encoder, and decoder, of least squared error.

    Reduced-rank regression (Izenman, J. Multivariate Anal. 5 (1975) 248): principal components,
    not of the inputs, but of what a linear map of them predicts of the targets.

    Parameters
    ----------
    inputs, targets : ndarray of float32, shape (n_jets, n_inputs), (n_jets, n_targets)
        What the encoder reads, and what the decoder is to return.
    rank : int
        Number of latents; those beyond what the targets need stay at zero.
    """
    kernel, _ = linear_fit(inputs, targets)
    centre = inputs.mean(axis=0)
    _, size, axes = np.linalg.svd((inputs - centre) @ kernel, full_matrices=False)
    # Axes along which nothing varies would be rounding errors, magnified.
    axes = (axes * (size > COLLINEAR * size.max())[:, None])[:rank].T
    axes = np.pad(axes, ((0, 0), (0, rank - axes.shape[1])))
    encode = kernel @ axes
    return (encode, -centre @ encode), (axes.T, targets.mean(axis=0))


def linear_fit(inputs: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return kernel and bias of the linear regression of targets on inputs.

    Inputs that are sums of others leave the solution open: it is the one of the smallest weights.
    """
    x, y = inputs.astype(np.float64), targets.astype(np.float64)
    centre, offset = x.mean(axis=0), y.mean(axis=0)
    spread = x.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    solution = np.linalg.lstsq((x - centre) / spread, y - offset, rcond=COLLINEAR)[0]
    kernel = solution / spread[:, None]
    return kernel.astype(np.float32), (offset - centre @ kernel).astype(np.float32)
