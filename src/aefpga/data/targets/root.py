"""ROOT files: a TTree or an RNTuple named after the record, and what is said of it as JSON."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aefpga.data.records import Records
from aefpga.data.targets.target import Write, columns_of, is_text
from aefpga.errors import DataError
from aefpga.schema import Schema


@contextmanager
def ttree(
    path: Path, first: Records, facts: Mapping[str, Any], *, small: bool = False
) -> Iterator[Write]:
    """Open a ROOT file for a tree with a branch a variable: a list, or a number, for each event.

    With LZMA where the file is to be `small`, else with Zstandard, which is several times as fast.
    """
    with _root_file(path, first.schema, facts, small=small) as file:
        file.mktree(first.schema.name, _types(first))
        # One counter for all columns: they belong to one record.
        yield lambda records: file[first.schema.name].extend(columns_of(records))


@contextmanager
def rntuple(path: Path, first: Records, facts: Mapping[str, Any]) -> Iterator[Write]:
    """Open a ROOT file for an RNTuple with a field a variable: a vector, or a number, an event.

    Chunks are its clusters. Its description says the units.
    """
    import awkward as ak

    schema = first.schema
    units = ", ".join(f"{v.name} [{v.unit}]" if v.unit else v.name for v in schema.variables)
    with _root_file(path, schema, facts, small=False) as file:
        file.mkrntuple(schema.name, _types(first), f"{schema.name}: {units}")
        # A dictionary's fields would be sorted by their names.
        yield lambda records: file[schema.name].extend(ak.zip(columns_of(records), depth_limit=1))


@contextmanager
def _root_file(
    path: Path, schema: Schema, facts: Mapping[str, Any], *, small: bool
) -> Iterator[Any]:
    import uproot

    _check_names(path, schema)
    with uproot.recreate(path, compression=uproot.LZMA(6) if small else uproot.ZSTD(1)) as file:
        yield file
        file["provenance"] = json.dumps(facts)


def _types(records: Records) -> dict[str, Any]:
    """Return the type of each column, as uproot takes it."""
    import awkward as ak

    schema = records.schema
    types = {n: "string" if is_text(c) else c.dtype for n, c in records.events.items()}
    # As a text the type of a list would take 10 ms a branch.
    number = ak.types.NumpyType("float32")
    each = "float32" if schema.one_per_event else ak.types.ListType(number)
    return {**types, **dict.fromkeys(schema.names, each)}


def _check_names(path: Path, schema: Schema) -> None:
    """Refuse what a tree cannot hold: marks of nesting or versions, a leading n for a counter."""
    odd = [n for n in (schema.name, *schema.names) if set(n) & set("/;")]
    odd += [n for n in schema.names if n[:1] == "n" and schema.holds(n[1:])]
    if odd:
        raise DataError(
            f"{path.name}: the {schema.name} cannot be written to a ROOT file under the names "
            f"{', '.join(odd)}: expected none with / or ;, and none that is another's with an n "
            "before it; rename them in the schema, or write Parquet"
        )
