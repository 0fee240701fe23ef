"""Single objects of events as jets of one particle, which a jet encoder can be shown."""

import numpy as np
from numpy.typing import NDArray

from aefpga.data.records import Records
from aefpga.errors import DataError, UsageError
from aefpga.schema import EVENTS, Schema
from aefpga.schema.events import OBJECT_KINDS, QUANTITIES

# The class of particles of a jet that an object of each kind is, and its mass in GeV.
PARTICLES = {"e": ("electron", 0.000511), "mu": ("muon", 0.10566), "g": ("photon", 0.0)}
# Objects of a kind in an event that are read, at most: as many as usual files hold.
MOST = 4


def columns_of(kind: str) -> Schema:
    """Return the columns of events that hold the objects of a kind.

    Raises
    ------
    UsageError
        If objects of that kind are no single particles.
    """
    if kind not in PARTICLES:
        raise UsageError(f"--object {kind}: expected one of {', '.join(PARTICLES)}")
    names = [
        one.object_name(r + 1) for one in OBJECT_KINDS if one.name == kind for r in range(MOST)
    ]
    return EVENTS.select(f"{name}_{quantity}" for name in names for quantity in QUANTITIES)


def as_jets(events: Records, kind: str, schema: Schema, usual: NDArray[np.float32]) -> Records:
    """Return every object of events as a jet of one particle: its momentum, energy and count.

    Parameters
    ----------
    events : Records
        With the columns of `columns_of(kind)`.
    kind : str
        ``e``, ``mu`` or ``g``.
    schema : Schema
        The columns of the result, of jets.
    usual : ndarray of float32, shape (n_variables,)
        What variables that a particle does not have, such as a catchment area, are.

    Raises
    ------
    DataError
        If no event has an object of this kind.
    """
    objects = events.values.reshape(len(events), MOST, len(QUANTITIES)).reshape(-1, 3)
    pt, eta, phi = objects[objects[:, 0] > 0].astype(np.float64).T
    if not len(pt):
        raise DataError(f"there is no object of kind {kind} in {len(events):,} events")
    particle, mass = PARTICLES[kind]
    energy = np.hypot(pt * np.cosh(eta), mass)
    known = {"pt": pt, "eta": eta, "phi": phi, "mass": np.full(len(pt), mass)}
    known |= {f"{particle}_energy": energy, f"{particle}_multiplicity": np.ones(len(pt))}
    values = np.empty((len(pt), len(schema)), np.float32)
    for column, variable in enumerate(schema.variables):
        terms = [known[n] for n in schema.sums.get(variable.name, ()) if n in known]
        is_of_contents = variable.kind.is_count or variable.name.endswith("_energy")
        absent = 0.0 if is_of_contents else usual[column]
        values[:, column] = known.get(variable.name, sum(terms) if terms else absent)
    return Records(schema, values, np.ones(len(pt), np.int64))
