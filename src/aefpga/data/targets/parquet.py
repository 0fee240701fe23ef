"""Parquet files: a column a variable, with its unit, and what is said of the record as JSON."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.data.records import Records
from aefpga.data.targets.target import Write, is_text

# Under which the file keeps what is said of it.
PROVENANCE = b"aefpga"


@contextmanager
def parquet(path: Path, first: Records, facts: Mapping[str, Any]) -> Iterator[Write]:
    """Open a Parquet file with a row an event: a list, or a number, for each variable.

    Chunks are its groups of rows, compressed by Zstandard. Metadata of a column say its unit.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, events = first.schema, first.events
    kind = pa.float32() if schema.one_per_event else pa.list_(pa.field("item", pa.float32(), False))
    said = [
        pa.field(n, pa.string() if is_text(c) else pa.from_numpy_dtype(c.dtype), nullable=False)
        for n, c in events.items()
    ]
    variables = [
        pa.field(
            v.name, kind, False, {"unit": v.unit, "kind": v.kind.name, "description": v.description}
        )
        for v in schema.variables
    ]
    layout = pa.schema([*said, *variables], {PROVENANCE: json.dumps(facts)})

    def table(records: Records) -> Any:
        columns = [*records.events.values(), *map(wrapped(records), records.columns().values())]
        return pa.Table.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, layout, strict=True)],
            schema=layout,
        )

    def wrapped(records: Records) -> Any:
        if schema.one_per_event:
            return lambda column: column
        offsets = np.append(0, np.cumsum(records.counts)).astype(np.int32)
        return lambda column: pa.ListArray.from_arrays(offsets, column, type=kind)

    with pq.ParquetWriter(path, layout, compression="zstd", write_page_checksum=True) as writer:
        yield lambda records: writer.write_table(table(records))
