"""Simulated records: jets and events with Pythia 8 and FastJet, cells as toy showers."""

from aefpga.data.simulate.blocks import Simulation, simulate
from aefpga.data.simulate.events import EventSimulation
from aefpga.data.simulate.grids import ImageSimulation, ModuleSimulation, RegionSimulation
from aefpga.data.simulate.jets import JetSimulation
from aefpga.data.simulate.pythia import simulator_versions
from aefpga.data.simulate.registry import make_simulation

__all__ = [
    "EventSimulation",
    "ImageSimulation",
    "JetSimulation",
    "ModuleSimulation",
    "RegionSimulation",
    "Simulation",
    "make_simulation",
    "simulate",
    "simulator_versions",
]
