"""Writing the toolkit's own files: a table named after the record, a column a variable.

Each column holds a list for each event, or a number where the record is the event.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from aefpga import __version__
from aefpga.choices import FileFormat
from aefpga.data.records import Records
from aefpga.data.targets import Target, parquet, rntuple, ttree
from aefpga.errors import UsageError
from aefpga.files import atomic_path

SCHEMA_VERSION = 2
# The smaller tree takes several times as long.
SMALL_TREE: Target = partial(ttree, small=True)
_TARGETS: Mapping[FileFormat, Target] = {"ttree": ttree, "rntuple": rntuple, "parquet": parquet}
# What files of a suffix may be, and are where nothing is named.
_SUFFIXES: Mapping[str, Sequence[FileFormat]] = {
    ".root": ("ttree", "rntuple"),
    ".parquet": ("parquet",),
}


def target_of(path: Path, named: FileFormat | None = None) -> Target:
    """Return what a file is to be, as its suffix and what is named say.

    Raises
    ------
    UsageError
        If neither says it, or they contradict each other.
    """
    fitting = _SUFFIXES.get(path.suffix.lower(), [named] if named else [])
    if not fitting:
        raise UsageError(
            f"{path} is neither .root nor .parquet: expected one of these, or --format, which is "
            f"{', '.join(_TARGETS)}"
        )
    if named and named not in fitting:
        raise UsageError(
            f"{path} is not to be {named} by its suffix: expected --format {' or '.join(fitting)}, "
            "or another name"
        )
    return _TARGETS[named or fitting[0]]


def write_records(
    path: Path,
    parts: Iterable[Records],
    provenance: Mapping[str, Any],
    target: Target = SMALL_TREE,
) -> int:
    """Write records chunk by chunk, at least one, and return how many there were.

    Beside them, JSON says the record's schema, so that the file can be read where the record is not
    known, program version, and what the caller says of the origin. In a ROOT file that is the
    string `provenance`, in a Parquet file its metadata.

    Raises
    ------
    DataError
        If variables have names that the file cannot keep apart.
    """
    parts = iter(parts)
    first = next(parts)
    schema, written = first.schema, 0
    facts = {
        "schema": SCHEMA_VERSION,
        "aefpga": __version__,
        **provenance,
        "units": dict(zip(schema.names, schema.units, strict=True)),
        "record": schema.to_config(),
    }
    with atomic_path(path) as temporary, target(temporary, first, facts) as write:
        for records in chain([first], parts):
            write(records)
            written += len(records)
    return written


def read_provenance(path: Path) -> dict[str, Any]:
    """Return what `write_records` recorded of a ROOT file's origin."""
    import uproot

    with uproot.open(path) as file:
        content: dict[str, Any] = json.loads(str(file["provenance"]))
    return content
