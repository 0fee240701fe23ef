"""The embedded sample of simulated jets, on which everything runs that is given no input."""

from importlib.resources import files
from pathlib import Path

from aefpga.data.simulate import Simulation

# `aefpga data simulate --process qcd --events 22000 --seed 20260101 --output embedded_jets.root`
EMBEDDED = Simulation(process="qcd", events=22_000, seed=20_260_101)


def sample_path() -> Path:
    """Return the ROOT file of the embedded sample."""
    return Path(str(files("aefpga.data") / "embedded_jets.root"))
