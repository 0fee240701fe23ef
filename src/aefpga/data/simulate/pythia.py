"""Pythia 8 as every simulation starts it."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from aefpga.errors import ToolError


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


def start(settings: Iterable[str], *seeds: int) -> tuple[Any, np.random.Generator]:
    """Return an initialised Pythia, and a source of chance for the detector; from the same seeds.

    Parameters
    ----------
    settings : iterable of str
        Lines that Pythia reads.
    seeds : int
        What the result depends on beside.

    Raises
    ------
    ToolError
        If this Pythia does not know a setting, or cannot start with them.
    """
    import pythia8mc

    # Pythia's seeds are 1 to 900,000,000.
    pythia_seed, smearing_seed = np.random.SeedSequence(seeds).generate_state(2)
    common = ("Print:quiet = on", "Random:setSeed = on")
    pythia = pythia8mc.Pythia("", False)
    for line in (*settings, *common, f"Random:seed = {1 + pythia_seed % 900_000_000}"):
        if not pythia.readString(line):
            raise ToolError(f"this version of Pythia does not know the setting {line!r}")
    if not pythia.init():
        raise ToolError("Pythia could not be initialised; is the energy enough for the process?")
    return pythia, np.random.default_rng(smearing_seed)
