"""The embedded samples of simulated records, on which everything runs that is given no input."""

from importlib.resources import files
from pathlib import Path

from aefpga.data.simulate import EventSimulation, JetSimulation, ModuleSimulation
from aefpga.errors import UsageError

# `aefpga data simulate --process qcd --events 22000 --seed 20260101 --output embedded_jets.root`
JETS = JetSimulation("qcd", 22_000, 20_260_101)
# The same with `--record events`: `--process background --events 40000 --seed 20260102` and
# `--process signals --events 8000 --seed 20260103`.
BACKGROUND = EventSimulation("background", 40_000, 20_260_102)
SIGNALS = EventSimulation("signals", 8_000, 20_260_103)
# `--record cells --process pileup --events 40000 --seed 20260104 --output embedded_cells.root`
CELLS = ModuleSimulation("pileup", 40_000, 20_260_104)

_FILES = {
    "jets": "embedded_jets.root",
    "events": "embedded_events.root",
    "cells": "embedded_cells.root",
}


def sample_path(record: str = "jets") -> Path:
    """Return the ROOT file of the embedded sample of a record; of events, the background.

    Raises
    ------
    UsageError
        If there is no sample of that record.
    """
    if record not in _FILES:
        raise UsageError(
            f"there is no embedded sample of {record}, only of {', '.join(_FILES)}; name files "
            "with --input"
        )
    return _path(_FILES[record])


def signals_path() -> Path:
    """Return the ROOT file of the embedded events of the four signals, as many of each."""
    return _path("embedded_signals.root")


def _path(name: str) -> Path:
    return Path(str(files("aefpga.data") / name))
