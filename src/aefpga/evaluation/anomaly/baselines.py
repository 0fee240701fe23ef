"""What finds anomalies without a network, and what finds them where the signal is known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from aefpga.errors import ToolError
from aefpga.schema import Schema

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]

LEPTONS = ("e", "mu")
# More than the pt of all leptons, in GeV: one more lepton outweighs it.
MORE = 1e4


def simple_scores(schema: Schema, records: Floats, training: Floats) -> Mapping[str, Scores]:
    """Return scores that need no network, by name, each of shape (n_records,).

    Parameters
    ----------
    schema : Schema
        The columns of both tables.
    records : ndarray of float32, shape (n_records, n_variables)
        Physical units.
    training : ndarray of float32, shape (n_training, n_variables)
        Background, by which variables are standardised, absent objects included.
    """
    found: dict[str, Scores] = {}
    momenta = {
        kind: [schema.index(o.pt) for o in schema.objects if o.kind == kind and schema.holds(o.pt)]
        for kind in dict.fromkeys(o.kind for o in schema.objects)
    }
    leptons = [column for kind in LEPTONS for column in momenta.get(kind, ())]
    if leptons:
        pt = records[:, leptons].astype(np.float64)
        found["leptons counted, then their pt"] = (pt > 0).sum(axis=1) * MORE + pt.sum(axis=1)
    objects = [column for columns in momenta.values() for column in columns]
    if objects:
        found["objects counted"] = (records[:, objects] > 0).sum(axis=1).astype(np.float64)
    if schema.momentum is not None and schema.holds(schema.momentum.mass):
        found["mass"] = records[:, schema.index(schema.momentum.mass)].astype(np.float64)
    mean, spread = (f(training, axis=0, dtype=np.float64) for f in (np.mean, np.std))
    standard = (records - mean) / np.where(spread > 0, spread, np.inf)
    found["sum of squared standardised inputs"] = np.square(standard).sum(axis=1)
    return found


def supervised(background: Floats, weights: Scores, signal: Floats, seed: int) -> "Trees":
    """Return boosted trees that have learned to tell a signal from background.

    Parameters
    ----------
    background, signal : ndarray of float32, shape (n_records, n_variables)
        What they learn from; both sides weigh alike.
    weights : ndarray of float64, shape (n_background,)
        Of the background's records.
    seed : int
        Of the trees.

    Raises
    ------
    ToolError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError as error:
        raise ToolError(
            f"the supervised ceiling needs scikit-learn ({error}); install it with "
            "`pip install 'aefpga[baselines]'`"
        ) from error
    trees = HistGradientBoostingClassifier(max_iter=60, random_state=seed)
    of_signal = np.full(len(signal), weights.sum() / len(signal))
    # So little work is done sooner by one thread than shared.
    with threadpool_limits(1):
        trees.fit(
            np.concatenate([background, signal]),
            np.repeat([0, 1], [len(background), len(signal)]),
            np.concatenate([weights, of_signal]) * len(background) / weights.sum(),
        )
    return Trees(trees)


class Trees:
    """Boosted trees as a score."""

    def __init__(self, classifier: Any) -> None:
        self._classifier = classifier

    def __call__(self, records: Floats) -> Scores:
        """Return a score of each record."""
        with threadpool_limits(1):
            return np.asarray(self._classifier.decision_function(records), np.float64)
