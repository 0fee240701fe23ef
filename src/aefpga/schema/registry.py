"""The records that are known by name."""

from typing import Any

from aefpga.errors import UsageError
from aefpga.schema.events import EVENTS
from aefpga.schema.jets import JETS
from aefpga.schema.schema import Schema

# Every copy of this toolkit knows these: files and configurations name them, and hold all others.
STANDARD = {schema.name: schema for schema in (JETS, EVENTS)}
_KNOWN = dict(STANDARD)


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


def named(schema: Schema) -> str | dict[str, Any]:
    """Return the name of a record that everybody knows, and else what the schema says."""
    return schema.name if STANDARD.get(schema.name) == schema else schema.to_config()
