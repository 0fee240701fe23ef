"""The records that are known by name."""

import difflib
from pathlib import Path
from typing import Any

from aefpga import configs
from aefpga.errors import UsageError
from aefpga.files import is_file
from aefpga.schema.cells import CELLS, IMAGES, REGIONS
from aefpga.schema.events import EVENTS
from aefpga.schema.jets import JETS
from aefpga.schema.loading import load_schema
from aefpga.schema.schema import Schema

# Every copy of this toolkit knows these: files and configurations name them, and hold all others.
STANDARD = {schema.name: schema for schema in (JETS, EVENTS, CELLS, IMAGES, REGIONS)}
_KNOWN = dict(STANDARD)


def register(schema: Schema) -> None:
    """Make a record known under its name, to configurations and files."""
    _KNOWN[schema.name] = schema


def find_schema(given: str) -> Schema:
    """Return a record's schema by its name, from a YAML file, or from one that comes along.

    Raises
    ------
    UsageError
        If there is no such record or file.
    DataError
        If the file holds no schema.
    """
    if given in _KNOWN:
        return _KNOWN[given]
    shipped = configs.names(configs.SCHEMAS)
    if is_file(Path(given)):
        schema = load_schema(Path(given))
    elif given in shipped:
        schema = load_schema(configs.SCHEMAS / f"{given}.yaml")
    else:
        near = difflib.get_close_matches(Path(given).stem, [*_KNOWN, *shipped], n=1)
        raise UsageError(
            f"unknown record {given[:200]}: neither one that is known ({', '.join(_KNOWN)}), nor a "
            f"YAML file, nor a schema that comes along ({', '.join(shipped)})"
            + (f"; did you mean {near[0]}?" if near else "")
        )
    if schema.name in STANDARD:
        raise UsageError(
            f"{given}: {schema.name} are a record of the toolkit's own; choose another `name`"
        )
    return schema


def named(schema: Schema) -> str | dict[str, Any]:
    """Return the name of a record that everybody knows, and else what the schema says."""
    return schema.name if STANDARD.get(schema.name) == schema else schema.to_config()
