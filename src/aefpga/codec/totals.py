"""Totals among the variables: what is the sum of others is predicted from them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aefpga.variables import SUMS, Variable


def parts_first(variables: Sequence[Variable]) -> list[tuple[int, tuple[int, ...]]]:
    """Return each column with the columns that it is the sum of, if all are there; those last."""
    place = {v.name: j for j, v in enumerate(variables)}
    found = []
    for j, v in enumerate(variables):
        terms = SUMS.get(v.name, ())
        has_all = all(term in place for term in terms)
        found.append((j, tuple(place[term] for term in terms) if has_all else ()))
    return sorted(found, key=lambda pair: bool(pair[1]))


def total_of(values: NDArray[np.float32], parts: Sequence[int]) -> NDArray[np.float64]:
    """Return the sums of some columns, term by term: the same on every machine."""
    total = values[:, parts[0]].astype(np.float64)
    for part in parts[1:]:
        total = total + values[:, part]
    return np.asarray(total)
