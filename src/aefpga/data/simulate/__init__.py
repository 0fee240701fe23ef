"""Simulated records, with Pythia 8 and FastJet: what can be made of each record, and how."""

from aefpga.data.simulate.blocks import Simulation, simulate
from aefpga.data.simulate.events import EventSimulation
from aefpga.data.simulate.jets import JetSimulation
from aefpga.data.simulate.pythia import simulator_versions
from aefpga.data.simulate.registry import make_simulation

__all__ = [
    "EventSimulation",
    "JetSimulation",
    "Simulation",
    "make_simulation",
    "simulate",
    "simulator_versions",
]
