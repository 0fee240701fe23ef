"""Simulated jets: Pythia 8 events, detector-like smearing, FastJet's anti-kt.

The smearing is of the size of published CMS resolutions (CMS, "Particle-flow reconstruction and
global event description", arXiv:1706.04965): tracks 1 % + 0.02 %·pt, photons and electrons
5 %/sqrt(E) + 1 %, neutral hadrons 100 %/sqrt(E) + 5 %, forward calorimeter 150 %/sqrt(E) + 10 %.
It is detector-like, not a detector simulation.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.data.records import Records
from aefpga.errors import ToolError, UsageError
from aefpga.progress import Step, silent
from aefpga.schema import JETS
from aefpga.schema.jets import PARTICLES

# Events are made in blocks of this size, each from a seed of its own: the result does not depend on
# the number of processes.
BLOCK_EVENTS = 2_000
BATCH_EVENTS = 250
RADIUS = 0.5
MIN_JET_PT = 10.0
# The detector-like acceptance ends at, and the forward calorimeter begins at, these |eta|.
MAX_ETA, FORWARD_ETA = 5.0, 3.0

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

_CHARGED_HADRONS = (211, 321, 2212, 3112, 3222, 3312)
_NEUTRINOS = (12, 14, 16)
# Smallest energy (GeV) at which a particle of each class is seen; charged hadrons: smallest pt.
_THRESHOLD = np.array([0.3, 1.5, 0.5, 0.0, 0.0, 3.0, 3.0])


@dataclass(frozen=True)
class Simulation:
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
            "Print:quiet = on",
            "Random:setSeed = on",
        )


def simulator_versions() -> dict[str, str]:
    """Return the versions of Pythia and FastJet.

    Raises
    ------
    ToolError
        If they are not installed.
    """
    try:
        return {p: version(p) for p in ("pythia8mc", "fastjet")}
    except PackageNotFoundError as error:
        raise ToolError(
            f"simulation needs {error.name}; install it with `pip install 'aefpga[simulate]'`"
        ) from error


def simulate(
    simulation: Simulation,
    processes: int | None = None,
    step: Step = silent,
) -> Iterator[Records]:
    """Make jets block by block, on all cores, in an order that depends on the seed alone.

    Parameters
    ----------
    simulation : Simulation
        What to make.
    processes : int or None
        Worker processes; None takes one a core.
    step : Step
        Told how many events are made.
    """
    simulator_versions()
    blocks = range(-(-simulation.events // BLOCK_EVENTS))
    context = multiprocessing.get_context("spawn")
    done = 0
    workers = min(processes or os.cpu_count() or 1, len(blocks)) or 1
    # Ctrl-C reaches the workers too: they leave it to this process, which then ends them.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with context.Pool(workers, signal.signal, ignore) as pool:
        for jets in pool.imap(partial(simulate_block, simulation), blocks):
            done += len(jets.counts)
            step("events", done, simulation.events)
            yield jets


def simulate_block(simulation: Simulation, block: int) -> Records:
    """Make one block of events; `block` counts from 0."""
    import pythia8mc

    events = min(BLOCK_EVENTS, simulation.events - block * BLOCK_EVENTS)
    # Pythia's seeds are 1 to 900,000,000.
    pythia_seed, smearing_seed = np.random.SeedSequence((simulation.seed, block)).generate_state(2)
    pythia = pythia8mc.Pythia("", False)
    for line in (*simulation.settings, f"Random:seed = {1 + pythia_seed % 900_000_000}"):
        if not pythia.readString(line):
            raise ToolError(f"this version of Pythia does not know the setting {line!r}")
    if not pythia.init():
        raise ToolError("Pythia could not be initialised; is the energy enough for the process?")
    rng = np.random.default_rng(smearing_seed)
    parts = []
    for start in range(0, events, BATCH_EVENTS):
        particles = pythia.nextBatch(min(BATCH_EVENTS, events - start)).prt
        parts.append(_cluster(_detect(particles, rng), rng))
    return Records.concatenate(parts)


def _detect(particles: Any, rng: np.random.Generator) -> Any:
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
