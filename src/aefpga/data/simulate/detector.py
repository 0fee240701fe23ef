"""A detector-like response: which particles are seen, and how well their energy is measured.

The smearing is of the size of published CMS resolutions (CMS, "Particle-flow reconstruction and
global event description", arXiv:1706.04965): tracks 1 % + 0.02 %·pt, photons and electrons
5 %/sqrt(E) + 1 %, muons 2 %, neutral hadrons 100 %/sqrt(E) + 5 %, forward calorimeter
150 %/sqrt(E) + 10 %. It is detector-like, not a detector simulation.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.schema.jets import PARTICLES

# The detector-like acceptance ends at, and the forward calorimeter begins at, these |eta|.
MAX_ETA, FORWARD_ETA = 5.0, 3.0
# What `kind` says of a particle seen: an index into `PARTICLES`.
ELECTRON, MUON = (list(PARTICLES).index(name) for name in ("electron", "muon"))

_CHARGED_HADRONS = (211, 321, 2212, 3112, 3222, 3312)
_NEUTRINOS = (12, 14, 16)
# Smallest energy (GeV) at which a particle of each class is seen; charged hadrons: smallest pt.
_THRESHOLD = np.array([0.3, 1.5, 0.5, 0.0, 0.0, 3.0, 3.0])


def detect(particles: Any, rng: np.random.Generator) -> Any:
    """Return what a detector would see of final particles, with momenta in GeV and classes."""
    import awkward as ak

    code = abs(particles.id)
    seen = particles.status > 0
    for neutrino in _NEUTRINOS:
        seen = seen & (code != neutrino)
    particles, code = particles[seen], code[seen]
    p = particles.p
    pt = np.hypot(p.px, p.py)
    eta = np.arcsinh(p.pz / pt)
    counts = ak.num(pt)
    kind = _classify(*(ak.to_numpy(ak.flatten(a)) for a in (code, eta)))
    pt, eta, energy = (ak.to_numpy(ak.flatten(a)) for a in (pt, eta, p.e))
    resolution = np.minimum(_resolution(kind, pt, energy), 0.6)
    scale = ak.unflatten(np.maximum(1 + resolution * rng.normal(size=len(pt)), 0.1), counts)
    measure = np.where(kind == 0, pt, energy)
    keep = (np.abs(eta) < MAX_ETA) & (measure >= _THRESHOLD[kind])
    vectors = ak.zip(
        {
            "px": p.px * scale,
            "py": p.py * scale,
            "pz": p.pz * scale,
            "E": p.e * scale,
            "kind": ak.unflatten(kind, counts),
        },
        with_name="Momentum4D",
    )
    return vectors[ak.unflatten(keep, counts)]


def _classify(code: NDArray[Any], eta: NDArray[Any]) -> NDArray[np.int64]:
    """Return the index into `PARTICLES` of particles with these PDG codes."""
    photon, electron, muon = code == 22, code == 11, code == 13
    charged_hadron = np.isin(code, _CHARGED_HADRONS)
    forward = np.abs(eta) > FORWARD_ETA
    return np.select(
        [forward & (photon | electron), muon, forward, charged_hadron, photon, electron],
        [6, 4, 5, 0, 2, 3],
        default=1,
    )


def _resolution(
    kind: NDArray[np.int64], pt: NDArray[Any], energy: NDArray[Any]
) -> NDArray[np.float64]:
    root = np.sqrt(energy)
    photon = 0.05 / root + 0.01
    forward = 1.5 / root + 0.1
    choices = [0.01 + 2e-4 * pt, 1.0 / root + 0.05, photon, photon, 0.02, forward, forward]
    return np.choose(kind, choices)
