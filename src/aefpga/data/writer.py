"""Writing the toolkit's own ROOT files: a tree named after the record, a branch a variable."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aefpga import __version__
from aefpga.data.records import Records
from aefpga.errors import DataError
from aefpga.files import atomic_path
from aefpga.schema import Schema

SCHEMA_VERSION = 2


def write_records(
    path: Path, parts: Iterable[Records], provenance: Mapping[str, Any], *, small: bool = True
) -> int:
    """Write records chunk by chunk and return how many there were.

    With LZMA where the file is to be `small`, else with Zstandard, which is several times as fast.

    Beside the tree, the string `provenance` holds JSON: the record's schema, so that the file can
    be read where the record is not known, program version, and what the caller says of the origin.

    Raises
    ------
    DataError
        If variables have names that a tree cannot keep apart.
    """
    import uproot

    written = 0
    schema: Schema | None = None
    with (
        atomic_path(path) as temporary,
        uproot.recreate(temporary, compression=uproot.LZMA(6) if small else uproot.ZSTD(1)) as file,
    ):
        for records in parts:
            if schema is None:
                schema = records.schema
                _check_names(path, schema)
                types = {name: column.dtype for name, column in records.events.items()}
                file.mktree(schema.name, {**types, **dict.fromkeys(schema.names, "var * float32")})
            # One counter for all columns: they belong to one record.
            file[schema.name].extend({**records.events, **records.lists()})
            written += len(records)
        facts: dict[str, Any] = {"schema": SCHEMA_VERSION, "aefpga": __version__, **provenance}
        if schema is not None:
            facts["units"] = dict(zip(schema.names, schema.units, strict=True))
            facts["record"] = schema.to_config()
        file["provenance"] = json.dumps(facts)
    return written


def _check_names(path: Path, schema: Schema) -> None:
    """Refuse what a tree cannot hold: a slash stands for nesting, a leading n for a counter."""
    odd = [n for n in (schema.name, *schema.names) if "/" in n or ";" in n]
    odd += [n for n in schema.names if n[:1] == "n" and schema.holds(n[1:])]
    if odd:
        raise DataError(
            f"{path}: the {schema.name} cannot be written to a ROOT file under the names "
            f"{', '.join(odd)}: expected none with / or ;, and none that is another's with an n "
            "before it; rename them in the schema"
        )


def read_provenance(path: Path) -> dict[str, Any]:
    """Return what `write_records` recorded of a file's origin."""
    import uproot

    with uproot.open(path) as file:
        content: dict[str, Any] = json.loads(str(file["provenance"]))
    return content
