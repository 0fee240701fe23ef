"""Schemas that users write: YAML files, checked before anything is read with them."""

import re
from collections.abc import Iterator
from pathlib import Path

from aefpga.errors import DataError
from aefpga.schema.schema import Schema
from aefpga.yaml_files import read_yaml

# One of 4096 variables, with a description each, has less.
MAX_BYTES = 2_000_000
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def load_schema(path: Path) -> Schema:
    """Return the schema that a YAML file holds.

    Raises
    ------
    UsageError
        If it is no YAML.
    DataError
        If it holds no schema, or relations of variables that there are not.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(
            f"{path} has {size:,} bytes, at most {MAX_BYTES:,} are expected of a schema: is it one?"
        )
    schema = Schema.from_config(read_yaml(path), str(path))
    for name in (schema.name, *schema.names):
        if not NAME.fullmatch(name):
            raise DataError(
                f"{path}: {name!r} is no usable name: expected letters, digits and _; branches may "
                "have any, in `source`, those with other characters in quotes within it"
            )
        if name[0] == "n" and schema.holds(name[1:]):
            raise DataError(
                f"{path}: {name} and {name[1:]}: in ROOT files the first is the number of entries "
                "of the second; give one another name"
            )
    for where, name in _named(schema):
        if not schema.holds(name) and schema.quantity(name) is None:
            raise DataError(f"{path}: {where} names {name}, which is no variable of the schema")
    if schema.usual is not None and schema.usual not in schema.sets:
        raise DataError(f"{path}: usual names {schema.usual}, which is none of its sets")
    return schema


def _named(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the variables that relations name, with where."""
    for total, terms in schema.sums.items():
        yield from (("sums", name) for name in (total, *terms))
    for name, variables in schema.sets.items():
        yield from ((f"set {name}", variable) for variable in variables)
    for quantity in schema.quantities:
        yield from ((f"quantity {quantity.name}", name) for name in quantity.of)
    for particles in schema.classes:
        yield from (("classes", name) for name in (particles.energy, particles.count))
    for one in schema.objects:
        yield from (("objects", name) for name in one.names)
    for name, layout in schema.layouts.items():
        yield from ((f"layout {name}", variable) for variable in layout.names)
    yield from (("positions", name) for name in schema.positions)
    yield from (("cuts", cut.variable) for cut in schema.cuts)
    yield from (("headline", name) for name in schema.headline)
    yield from (("momentum", name) for name in (schema.momentum.names if schema.momentum else ()))
