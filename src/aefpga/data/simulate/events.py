"""Simulated events at 13 TeV that a trigger on leptons passes: four backgrounds, four signals.

Pythia 8 without further interactions of the same protons, the detector-like response of
`detector.py`, FastJet's anti-kt. Processes, selection and objects follow the data challenge
ADC2021 (arXiv:2107.02157), as far as what is published says. Twenty more collisions in the same
crossing only smear the missing energy here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.data.objects import table_of
from aefpga.data.records import Records
from aefpga.data.simulate.detector import ELECTRON, MUON, detect
from aefpga.data.simulate.pythia import simulator_versions, start
from aefpga.errors import UsageError
from aefpga.schema import EVENTS
from aefpga.schema.events import JET_PT, LEPTON_PT

Floats = NDArray[np.float32]

# Of passing events, each block from a seed of its own; of collisions, few of which pass.
BLOCK_EVENTS, BATCH_EVENTS = 2_000, 1_000
RADIUS, JET_ETA = 0.4, 4.0
# What the selection asks of the first electron or muon, GeV.
TRIGGER_PT = 23.0
MUON_ETA = 2.1
EFFICIENCY = {ELECTRON: 0.9, MUON: 0.95}
# Isolation: pt of all else that is seen around a lepton, at most, over its own.
CONE, ISOLATION = 0.3, 0.45
# Spread in GeV of the missing momentum along each axis, of 20 collisions more.
PILEUP_MET = 8.0

_COMMON = ("Beams:eCM = 13000.", "PartonLevel:MPI = off")
_LEPTONS = "11 13 15"
_B_HADRONS = (511, 521, 531, 541, 5122, 5132, 5232, 5332)
BACKGROUNDS: dict[str, tuple[str, ...]] = {
    "w": ("WeakSingleBoson:ffbar2W = on", "24:onMode = off", f"24:onIfAny = {_LEPTONS}"),
    # Of two b quarks the one in a hadron, not an antihadron, gives a muon.
    "qcd": (
        "HardQCD:hardbbbar = on",
        "PhaseSpace:pTHatMin = 30.",
        *(f"{b}:{line}" for b in _B_HADRONS for line in ("onMode = 3", "onPosIfAny = 13")),
    ),
    "z": (
        "WeakSingleBoson:ffbar2gmZ = on",
        "PhaseSpace:mHatMin = 50.",
        "23:onMode = off",
        f"23:onIfAny = {_LEPTONS}",
    ),
    "ttbar": ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on"),
}
SIGNALS: dict[str, tuple[str, ...]] = {
    "a-4l": (
        "Higgs:useBSM = on",
        "HiggsBSM:gg2A3 = on",
        "HiggsA3:coup2Z = 1.",
        "36:m0 = 50.",
        "36:mWidth = 0.01",
        "36:doForceWidth = on",
        "36:onMode = off",
        "36:onIfMatch = 23 23",
        "23:mMin = 0.5",
        "23:onMode = off",
        f"23:onIfAny = {_LEPTONS}",
    ),
    "h0-tautau": ("HiggsSM:gg2H = on", "25:m0 = 60.", "25:onMode = off", "25:onIfAny = 15"),
    "hpm-taunu": (
        "Higgs:useBSM = on",
        "HiggsBSM:bg2H+-t = on",
        "37:m0 = 60.",
        "37:mMin = 40.",
        "37:mMax = 80.",
        "37:onMode = off",
        "37:onIfAny = 15",
    ),
    "lq-btau": (
        "LeptoQuark:gg2LQLQbar = on",
        "LeptoQuark:qqbar2LQLQbar = on",
        "42:m0 = 80.",
        "42:mMin = 60.",
        "42:mMax = 100.",
        "42:0:products = 5 15",
    ),
}
PROCESSES = {**BACKGROUNDS, **SIGNALS}
# Shares of what passes.
MIXTURES: dict[str, Mapping[str, float]] = {
    "background": {"w": 0.592, "qcd": 0.338, "z": 0.067, "ttbar": 0.003},
    "signals": dict.fromkeys(SIGNALS, 1 / len(SIGNALS)),
}


@dataclass(frozen=True)
class EventSimulation:
    """What to simulate.

    Parameters
    ----------
    process : str
        A key of `PROCESSES` or of `MIXTURES`.
    events : int
        Number of events that pass.
    seed : int
        Seed; with the versions of Pythia and FastJet it determines every bit of the result. Fewer
        events of a seed are the first of more.
    """

    process: str = "background"
    events: int = 20_000
    seed: int = 1

    def __post_init__(self) -> None:
        if self.process not in {**PROCESSES, **MIXTURES}:
            raise UsageError(
                f"unknown process {self.process}; expected one of {', '.join(PROCESSES)}, or of "
                f"the mixtures {', '.join(MIXTURES)}"
            )

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.events // BLOCK_EVENTS)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of Pythia and FastJet; ToolError if they are not installed."""
        return simulator_versions()

    def block(self, number: int) -> Records:
        """Make a block of events; the first has number 0."""
        labels = self._labels(number)[: self.events - number * BLOCK_EVENTS]
        schema = EVENTS.choose()
        values = np.zeros((len(labels), len(schema)), np.float32)
        for index, process in enumerate(PROCESSES):
            rows = np.flatnonzero(labels == process)
            if len(rows):
                values[rows] = _passing(PROCESSES[process], len(rows), self.seed, number, index)
        weight = np.ones(len(labels), np.float32)
        counts = np.ones(len(labels), np.int64)
        return Records(schema, values, counts, {"process": labels, "weight": weight})

    def _labels(self, number: int) -> NDArray[np.str_]:
        """Return the process of each event of a block: mixtures in their shares, in any order."""
        shares = MIXTURES.get(self.process, {self.process: 1.0})
        ends = np.rint(BLOCK_EVENTS * np.cumsum(list(shares.values()))).astype(int)
        labels = np.repeat(list(shares), np.diff(ends, prepend=0))
        return np.random.default_rng((self.seed, number)).permutation(labels)


def _passing(settings: tuple[str, ...], events: int, *seeds: int) -> Floats:
    """Return the first `events` that pass, shape (events, n_variables)."""
    pythia, rng = start((*_COMMON, *settings), *seeds)
    parts, found = [], 0
    while found < events:
        parts.append(_reconstruct(pythia.nextBatch(BATCH_EVENTS).prt, rng))
        found += len(parts[-1])
    return np.concatenate(parts)[:events]


def _reconstruct(particles: Any, rng: np.random.Generator) -> Floats:
    """Return what a detector and its trigger make of collisions: those that pass."""
    import awkward as ak
    import fastjet
    import vector

    vector.register_awkward()
    schema = EVENTS.choose()
    seen = detect(particles[_may_pass(particles)], rng)
    seen = seen[~((seen.kind == MUON) & (_chance(seen, rng) > EFFICIENCY[MUON]))]
    lepton = ak.local_index(seen)[_is_lepton(seen, rng)]
    lepton = lepton[_is_isolated(seen[lepton], seen)]
    passes = ak.any(seen[lepton].pt > TRIGGER_PT, axis=1)
    if not ak.any(passes):
        return np.zeros((0, len(schema)), np.float32)
    seen, lepton = seen[passes], lepton[passes]
    rest = seen[~ak.any(ak.local_index(seen)[:, :, None] == lepton[:, None, :], axis=2)]
    leptons = seen[lepton]
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    jets = fastjet.ClusterSequence(rest, definition).inclusive_jets(min_pt=JET_PT)
    objects = {
        "met": _missing(seen, rng),
        "e": _coordinates(leptons[leptons.kind == ELECTRON]),
        "mu": _coordinates(leptons[leptons.kind == MUON]),
        "j": _coordinates(jets[abs(jets.eta) < JET_ETA]),
    }
    return table_of(schema, objects, len(seen))


def _may_pass(particles: Any) -> Any:
    """Return which events have a charged lepton of nearly enough pt: the others cost no more."""
    import awkward as ak

    code, p = abs(particles.id), particles.p
    final = (particles.status > 0) & ((code == 11) | (code == 13))
    return ak.any(final & (np.hypot(p.px, p.py) > 0.8 * TRIGGER_PT), axis=1)


def _is_lepton(seen: Any, rng: np.random.Generator) -> Any:
    """Return which particles are found as leptons; electrons that are not are seen all the same."""
    is_electron = (seen.kind == ELECTRON) & (_chance(seen, rng) < EFFICIENCY[ELECTRON])
    is_muon = (seen.kind == MUON) & (abs(seen.eta) < MUON_ETA)
    return (is_electron | is_muon) & (seen.pt > LEPTON_PT)


def _is_isolated(leptons: Any, seen: Any) -> Any:
    """Return around which leptons there is little else."""
    import awkward as ak

    one, other = ak.unzip(ak.cartesian([leptons, seen], nested=True))
    phi = abs(one.phi - other.phi)
    phi = np.minimum(phi, 2 * np.pi - phi)
    near = (one.eta - other.eta) ** 2 + phi**2 < CONE**2
    around = ak.sum(ak.where(near, other.pt, 0.0), axis=2) - leptons.pt
    return around < ISOLATION * leptons.pt


def _missing(seen: Any, rng: np.random.Generator) -> Any:
    """Return what is missing in the transverse plane, with the noise of more collisions."""
    import awkward as ak

    noise = rng.normal(0, PILEUP_MET, (2, len(seen)))
    x, y = (noise[i] - ak.to_numpy(ak.sum(p, axis=1)) for i, p in enumerate((seen.px, seen.py)))
    return ak.zip({"pt": np.hypot(x, y), "eta": 0 * x, "phi": np.arctan2(y, x)})[:, None]


def _chance(particles: Any, rng: np.random.Generator) -> Any:
    """Return a number from 0 to 1 for each particle."""
    import awkward as ak

    counts = ak.num(particles)
    return ak.unflatten(rng.random(int(ak.sum(counts))), counts)


def _coordinates(vectors: Any) -> Any:
    import awkward as ak

    return ak.zip({"pt": vectors.pt, "eta": vectors.eta, "phi": vectors.phi})
