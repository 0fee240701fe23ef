"""Which records can be simulated."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from aefpga.data.simulate.events import EventSimulation
from aefpga.data.simulate.grids import (
    GridSimulation,
    ImageSimulation,
    ModuleSimulation,
    RegionSimulation,
)
from aefpga.data.simulate.jets import JetSimulation
from aefpga.errors import UsageError

AnySimulation = JetSimulation | EventSimulation | GridSimulation
SIMULATIONS: dict[str, type[AnySimulation]] = {
    "jets": JetSimulation,
    "events": EventSimulation,
    "cells": ModuleSimulation,
    "images": ImageSimulation,
    "regions": RegionSimulation,
}


def make_simulation(record: str, options: Mapping[str, Any]) -> AnySimulation:
    """Return what is to be simulated of a record.

    Raises
    ------
    UsageError
        If there is no such record or process, or an option is of another record.
    """
    if record not in SIMULATIONS:
        raise UsageError(f"{record} cannot be simulated; expected {', '.join(SIMULATIONS)}")
    kind = SIMULATIONS[record]
    if unknown := sorted(options.keys() - {field.name for field in fields(kind)}):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
        raise UsageError(f"{named} is no option of simulated {record}; leave it out")
    return kind(**options)
