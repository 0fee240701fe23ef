"""The best linear encoder, which is known before any training."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Directions of the inputs that vary this little, relatively, are rounding.
COLLINEAR = 1e-5


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


def share_bits(importance: Floats, total: int, least: int, most: int) -> NDArray[np.int64]:
    """Return the widths of latent words that lose least together.

    Each bit halves a word's step, and so quarters what its rounding costs: one by one, bits go to
    the word that costs most.

    Parameters
    ----------
    importance : ndarray of float32, shape (n_latent,)
        What an error of one in each latent, of a range that is the same for all, costs.
    total : int
        Of all widths; from `least` to `most` times their number.
    least, most : int
        Of one width.
    """
    bits = np.full(len(importance), least)
    for _ in range(total - int(bits.sum())):
        cost = np.where(bits < most, importance.astype(np.float64) * 4.0**-bits, -1.0)
        bits[cost.argmax()] += 1
    return bits


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
