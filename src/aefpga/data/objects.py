"""Events as tables: the objects of each kind, cleaned and in order of pt, in columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.schema import Schema
from aefpga.schema.events import OBJECT_KINDS, QUANTITIES


def table_of(schema: Schema, objects: Mapping[str, Any], n_events: int) -> NDArray[np.float32]:
    """Return events as a table; what an event lacks is 0, and what has no pt is not there.

    Parameters
    ----------
    schema : Schema
        The columns, of events.
    objects : Mapping of str to Awkward array
        For each kind of `OBJECT_KINDS` that is there, by its name, a list for each event of records
        with pt in GeV, eta and phi, in any order.
    n_events : int
        Number of events.

    Returns
    -------
    ndarray of float32, shape (n_events, n_variables)
    """
    import awkward as ak

    values = np.zeros((n_events, len(schema)), np.float32)
    for kind in OBJECT_KINDS:
        if kind.name not in objects:
            continue
        found = ak.from_regular(objects[kind.name])
        # NaN stays, for readers to refuse.
        found = found[~(found.pt <= 0)]
        found = found[ak.argsort(found.pt, ascending=False, stable=True)]
        for quantity in QUANTITIES:
            padded = ak.fill_none(ak.pad_none(found[quantity], kind.most, clip=True), 0.0)
            block = ak.to_numpy(padded)
            for rank in range(1, kind.most + 1):
                name = f"{kind.object_name(rank)}_{quantity}"
                if schema.holds(name):
                    values[:, schema.index(name)] = block[:, rank - 1]
    return values
