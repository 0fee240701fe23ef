"""The records that are known by name."""

from aefpga.errors import UsageError
from aefpga.schema.events import EVENTS
from aefpga.schema.jets import JETS
from aefpga.schema.schema import Schema

_KNOWN = {schema.name: schema for schema in (JETS, EVENTS)}


def register(schema: Schema) -> None:
    """Make a record known under its name, to configurations and files."""
    _KNOWN[schema.name] = schema


def find_schema(name: str) -> Schema:
    """Return a record's schema by its name.

    Raises
    ------
    UsageError
        If there is no such record.
    """
    if name not in _KNOWN:
        raise UsageError(f"unknown record {name}; known are {', '.join(_KNOWN)}")
    return _KNOWN[name]
