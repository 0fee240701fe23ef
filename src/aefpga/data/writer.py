"""Writing the toolkit's own ROOT files: a tree named after the record, a branch a variable.

Each branch holds a list for each event, or a number where the record is the event.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

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
    import awkward as ak
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
                types = {name: _branch_type(column) for name, column in records.events.items()}
                # As a text the type of a list would take 10 ms a branch.
                number = ak.types.NumpyType("float32")
                each = "float32" if schema.one_per_event else ak.types.ListType(number)
                file.mktree(schema.name, {**types, **dict.fromkeys(schema.names, each)})
            # One counter for all columns: they belong to one record.
            columns = records.columns() if schema.one_per_event else records.lists()
            events = {name: _branch(column) for name, column in records.events.items()}
            file[schema.name].extend({**events, **columns})
            written += len(records)
        facts: dict[str, Any] = {"schema": SCHEMA_VERSION, "aefpga": __version__, **provenance}
        if schema is not None:
            facts["units"] = dict(zip(schema.names, schema.units, strict=True))
            facts["record"] = schema.to_config()
        file["provenance"] = json.dumps(facts)
    return written


def _branch_type(column: NDArray[Any]) -> Any:
    return "string" if column.dtype.kind == "U" else column.dtype


def _branch(column: NDArray[Any]) -> Any:
    import awkward as ak

    return ak.Array(column.tolist()) if column.dtype.kind == "U" else column


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
