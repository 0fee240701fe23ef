"""Writing the toolkit's own ROOT files: tree `jets`, one jagged branch a variable."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aefpga import __version__
from aefpga.data.records import Records
from aefpga.files import atomic_path

SCHEMA_VERSION = 1


def write_records(
    path: Path, parts: Iterable[Records], provenance: Mapping[str, Any], *, small: bool = True
) -> int:
    """Write jets chunk by chunk and return how many there were.

    With LZMA where the file is to be `small`, else with Zstandard, which is several times as fast.

    Beside the tree, the string `provenance` holds JSON: schema and program version, units, and what
    the caller says of the origin.
    """
    import uproot

    written = 0
    with (
        atomic_path(path) as temporary,
        uproot.recreate(temporary, compression=uproot.LZMA(6) if small else uproot.ZSTD(1)) as file,
    ):
        units: dict[str, str] = {}
        for jets in parts:
            if not units:
                units = dict(zip(jets.names, jets.schema.units, strict=True))
                types = {name: column.dtype for name, column in jets.events.items()}
                file.mktree("jets", {**types, **dict.fromkeys(units, "var * float32")})
            # One counter for all columns: they belong to one record.
            file["jets"].extend({**jets.events, **jets.lists()})
            written += len(jets)
        file["provenance"] = json.dumps(
            {
                "schema": SCHEMA_VERSION,
                "aefpga": __version__,
                "units": units,
                **provenance,
            }
        )
    return written


def read_provenance(path: Path) -> dict[str, Any]:
    """Return what `write_records` recorded of a file's origin."""
    import uproot

    with uproot.open(path) as file:
        content: dict[str, Any] = json.loads(str(file["provenance"]))
    return content
