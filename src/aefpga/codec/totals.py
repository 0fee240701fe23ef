"""Totals among the variables: what is the sum of others is predicted from them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def total_of(values: NDArray[np.float32], parts: Sequence[int]) -> NDArray[np.float64]:
    """Return the sums of some columns, term by term: the same on every machine."""
    total = values[:, parts[0]].astype(np.float64)
    for part in parts[1:]:
        total = total + values[:, part]
    return np.asarray(total)
