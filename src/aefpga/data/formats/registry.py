"""The formats that are known."""

from aefpga.data.formats.events import NanoEvents, PhysliteEvents, ScoutingEvents
from aefpga.data.formats.format import Format
from aefpga.data.formats.jets import Aod, Nano, Physlite, Scouting

# Of ROOT files. In the order in which a file is asked, after the toolkit's own; all are told apart
# by their branches.
FORMATS: list[type[Format]] = [
    Aod,
    Scouting,
    Nano,
    Physlite,
    ScoutingEvents,
    NanoEvents,
    PhysliteEvents,
]


def register_format(kind: type[Format]) -> None:
    """Make a format known: files that none of those before can read are asked for its branches."""
    FORMATS.append(kind)
