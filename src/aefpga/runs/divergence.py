"""The divergence of a variational encoder from its prior, an offline score of anomalies."""

import numpy as np
from numpy.typing import NDArray

from aefpga.networks.network import read_network
from aefpga.runs import layout
from aefpga.runs.run import Run


def divergence(run: Run, records: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Return how far the latents' distributions are from a unit normal; None of other encoders.

    Kingma and Welling, arXiv:1312.6114, eq. 10, in floating point. The firmware has the means
    alone.

    Parameters
    ----------
    run : Run
        Any run.
    records : ndarray of float32, shape (n_records, n_variables)
        Physical units.

    Returns
    -------
    ndarray of float64, shape (n_records,)
    """
    path = run.folder / layout.LOG_VARIANCE
    if not path.exists():
        return None
    autoencoder, spread = read_network(run.folder / layout.FLOAT_MODEL), read_network(path)
    mean = log_variance = run.input.scaled(records)
    for layer in autoencoder.layers[: len(run.config.model.hidden_names) + 1]:
        mean = layer(mean)
    for layer in spread.layers:
        log_variance = layer(log_variance)
    terms = np.square(mean, dtype=np.float64) + np.exp(log_variance) - 1.0 - log_variance
    return np.asarray(0.5 * terms.sum(axis=1), np.float64)
