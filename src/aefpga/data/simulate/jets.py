"""Simulated jets: Pythia 8 events at 8 TeV, a detector-like response, FastJet's anti-kt."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.data.records import Records
from aefpga.data.simulate.detector import detect
from aefpga.data.simulate.pythia import simulator_versions, start
from aefpga.errors import UsageError
from aefpga.schema import JETS
from aefpga.schema.jets import PARTICLES

# Events are made in blocks of this size, each from a seed of its own: the result does not depend on
# the number of processes. Pythia hands them over in batches.
BLOCK_EVENTS, BATCH_EVENTS = 2_000, 250
RADIUS = 0.5
MIN_JET_PT = 10.0

# Width and position of the beam spot in cm, of the size of LHC Run 1's.
BEAM_SPOT_MEAN = (0.07, 0.06, 0.0)
BEAM_SPOT_WIDTH = (0.002, 0.002, 5.0)

PROCESSES: dict[str, tuple[str, ...]] = {
    "qcd": (
        "HardQCD:all = on",
        "PhaseSpace:bias2Selection = on",
        "PhaseSpace:bias2SelectionPow = 2.0",
    ),
    "ttbar": ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on"),
    "wz-jets": ("WeakBosonAndParton:all = on",),
    "photon-jet": ("PromptPhoton:all = on",),
    "resonance": (
        "NewGaugeBoson:ffbar2gmZZprime = on",
        "Zprime:gmZmode = 3",
        "32:onMode = off",
        "32:onIfAny = 1 2 3 4 5",
    ),
}


@dataclass(frozen=True)
class JetSimulation:
    """What to simulate.

    Parameters
    ----------
    process : str
        A key of `PROCESSES`; ``resonance`` is a heavy Z' to quarks.
    events : int
        Number of events.
    seed : int
        Seed; with the versions of Pythia and FastJet it determines every bit of the result.
    min_pthat : float
        Smallest transverse momentum of the hard process, GeV.
    mass : float
        Mass of the resonance, GeV.
    energy : float
        Centre-of-mass energy, GeV.
    tune : int
        Number of Pythia's tune of showers, hadronization and underlying event (``Tune:pp``); 14 is
        Monash 2013, its default.
    """

    process: str = "qcd"
    events: int = 20_000
    seed: int = 1
    min_pthat: float = 40.0
    mass: float = 1500.0
    energy: float = 8000.0
    tune: int = 14

    def __post_init__(self) -> None:
        if self.process not in PROCESSES:
            raise UsageError(
                f"unknown process {self.process}; expected one of {', '.join(PROCESSES)}"
            )

    @property
    def settings(self) -> tuple[str, ...]:
        """The lines that Pythia reads."""
        hard = () if self.process == "resonance" else (f"PhaseSpace:pTHatMin = {self.min_pthat}",)
        resonance = (f"32:m0 = {self.mass}",) if self.process == "resonance" else ()
        # A tune resets what it touches, so it comes first.
        tune = () if self.tune == 14 else (f"Tune:pp = {self.tune}",)
        return (
            *tune,
            f"Beams:eCM = {self.energy}",
            *PROCESSES[self.process],
            *hard,
            *resonance,
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
        events = min(BLOCK_EVENTS, self.events - number * BLOCK_EVENTS)
        pythia, rng = start(self.settings, self.seed, number)
        parts = []
        for done in range(0, events, BATCH_EVENTS):
            particles = pythia.nextBatch(min(BATCH_EVENTS, events - done)).prt
            parts.append(_cluster(detect(particles, rng), rng))
        return Records.concatenate(parts)


def _cluster(particles: Any, rng: np.random.Generator) -> Records:
    """Cluster events with anti-kt and compute the variables of the catalogue."""
    import awkward as ak
    import fastjet
    import vector

    vector.register_awkward()
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    sequence = fastjet.ClusterSequence(particles, definition)
    jets = sequence.inclusive_jets(min_pt=MIN_JET_PT)
    constituents = ak.flatten(sequence.constituents(min_pt=MIN_JET_PT))
    counts = ak.to_numpy(ak.num(jets)).astype(np.int64)
    px, py, pz, energy = (ak.to_numpy(ak.flatten(jets[c])) for c in ("px", "py", "pz", "E"))
    n_jets = len(px)
    pt = np.hypot(px, py)
    columns: dict[str, NDArray[Any]] = {
        "pt": pt,
        "eta": np.arcsinh(pz / pt),
        "phi": np.arctan2(py, px),
        "mass": np.sqrt(np.maximum(energy**2 - pt**2 - pz**2, 0)),
        # Of an isolated anti-kt jet, with the spread that soft radiation gives.
        "area": np.pi * RADIUS**2 * (1 + 0.05 * rng.normal(size=n_jets)),
        "pileup_energy": np.zeros(n_jets),
    }
    spot = rng.normal(BEAM_SPOT_MEAN, BEAM_SPOT_WIDTH, (len(counts), 3))
    for axis, name in enumerate(("vertex_x", "vertex_y", "vertex_z")):
        columns[name] = np.repeat(spot[:, axis], counts)
    for index, name in enumerate(PARTICLES):
        chosen = constituents.kind == index
        energies = ak.sum(ak.where(chosen, constituents.E, 0.0), axis=1)
        columns[f"{name}_energy"] = ak.to_numpy(energies).astype(np.float32)
        columns[f"{name}_multiplicity"] = ak.to_numpy(ak.sum(chosen, axis=1))
    for name, terms in JETS.sums.items():
        columns[name] = sum((columns[t] for t in terms[1:]), columns[terms[0]])
    values = np.stack([columns[name] for name in JETS.names], axis=1).astype(np.float32)
    return Records(JETS, values, counts)
