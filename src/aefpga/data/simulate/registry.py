"""Which records can be simulated."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from aefpga.data.simulate.events import EventSimulation
from aefpga.data.simulate.jets import JetSimulation
from aefpga.errors import UsageError

SIMULATIONS: dict[str, type[EventSimulation] | type[JetSimulation]] = {
    "jets": JetSimulation,
    "events": EventSimulation,
}


def make_simulation(record: str, options: Mapping[str, Any]) -> EventSimulation | JetSimulation:
    """Return what is to be simulated of a record.

    Raises
    ------
    UsageError
        If there is no such record or process, or an option is of another record.
    """
    if record not in SIMULATIONS:
        raise UsageError(f"{record} cannot be simulated; expected {' or '.join(SIMULATIONS)}")
    kind = SIMULATIONS[record]
    if unknown := sorted(options.keys() - {field.name for field in fields(kind)}):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
        raise UsageError(f"{named} is no option of simulated {record}; leave it out")
    return kind(**options)
