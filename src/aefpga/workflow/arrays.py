"""`compress_arrays`: NumPy and Awkward arrays to compressed records, without a ROOT file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.archive import Archive
from aefpga.codec.facts import Compressed, compressed_facts
from aefpga.codec.writer import create_archive
from aefpga.data.records import Records
from aefpga.errors import DataError
from aefpga.progress import Step, silent
from aefpga.runs import Run
from aefpga.schema import Schema
from aefpga.workflow.compress import (
    Settings,
    how_to_write,
    make_codec,
)


def compress_arrays(
    arrays: Any,
    schema: Schema,
    output: Path,
    settings: Settings,
    *,
    counts: NDArray[Any] | None = None,
    run: Run | None = None,
    step: Step = silent,
) -> Compressed:
    """Compress the records of arrays.

    Parameters
    ----------
    arrays : ndarray or Awkward array
        ndarray, shape (n_records, n_variables), in physical units, columns as in the schema. Or an
        Awkward array of events with a field for each variable, a list of numbers or a number an
        event; other fields, a number an event, are kept as what is said of the event.
    schema : Schema
        The columns.
    output : Path
        File to write, complete or not at all.
    settings : Settings
        How.
    counts : ndarray of int, shape (n_events,), or None
        Records per event, of an ndarray; None takes each for an event.
    run : Run or None
        A quantized run of these variables.
    step : Step
        Told how far it is.

    Raises
    ------
    DataError
        If the arrays do not fit the schema, or hold NaN or infinities.
    UsageError
        If the codec cannot be made.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from aefpga.codec.archive import Archive
    >>> from aefpga.codec.bounds import Profile
    >>> from aefpga.schema import KINDS, Schema, Variable
    >>> from aefpga.workflow.arrays import compress_arrays
    >>> from aefpga.workflow.compress import Settings
    >>> hits = Schema(
    ...     name="hits",
    ...     variables=[
    ...         Variable(name="charge", unit="GeV", kind=KINDS["energy"]),
    ...         Variable(name="cells", kind=KINDS["multiplicity"]),
    ...     ],
    ... )
    >>> values = np.array([[51.3, 4], [7.25, 1], [0.5, 1]], np.float32)
    >>> path = Path(mkdtemp()) / "hits.aejets"
    >>> made = compress_arrays(values, hits, path, Settings(profile=Profile.relative(0.01)))
    >>> made.records, made.events, made.largest_error["cells"]
    (3, 3, 0.0)
    >>> [back] = Archive(path).iterate()
    >>> back.schema == hits
    True
    >>> back.column("charge").round(1)
    array([51.4,  7.2,  0.5], dtype=float32)
    """
    records = records_of(arrays, schema, counts)
    codec = make_codec(run, schema, settings)
    with create_archive(output, codec, how_to_write(run, codec, settings, step)) as archive:
        archive.write(records)
    return compressed_facts(Archive(output))


def records_of(arrays: Any, schema: Schema, counts: NDArray[Any] | None = None) -> Records:
    """Return arrays as records; parameters and errors as of `compress_arrays`."""
    if isinstance(arrays, np.ndarray):
        if arrays.ndim != 2 or arrays.shape[1] != len(schema):
            raise DataError(
                f"{schema.name} of shape {arrays.shape}, expected a column for each of "
                f"{', '.join(schema.names)}"
            )
        alone = np.ones(len(arrays), np.int64)
        counts = alone if counts is None else np.asarray(counts).astype(np.int64)
        return _checked(schema, arrays, counts, {})
    if counts is not None:
        raise DataError("an Awkward array has its own counts; give it alone")
    return _of_awkward(arrays, schema)


def _of_awkward(arrays: Any, schema: Schema) -> Records:
    import awkward as ak

    if missing := [name for name in schema.names if name not in arrays.fields]:
        raise DataError(
            f"the array has no field {', '.join(missing)}; it has {', '.join(arrays.fields)}"
        )
    columns, counts = [], None
    for name in schema.names:
        column = arrays[name] if arrays[name].ndim > 1 else arrays[name][:, np.newaxis]
        here = ak.to_numpy(ak.num(column)).astype(np.int64)
        if counts is not None and not np.array_equal(here, counts):
            raise DataError(f"field {name} has other numbers of records than {schema.names[0]}")
        counts = here
        columns.append(ak.to_numpy(ak.flatten(column)))
    assert counts is not None, "a schema has variables"
    others = [name for name in arrays.fields if name not in schema.names]
    events = {name: ak.to_numpy(arrays[name]) for name in others}
    return _checked(schema, np.stack(columns, axis=1), counts, events)


def _checked(
    schema: Schema,
    values: NDArray[Any],
    counts: NDArray[np.int64],
    events: Mapping[str, NDArray[Any]],
) -> Records:
    if counts.sum() != len(values) or np.any(counts < 0):
        raise DataError(f"counts add up to {counts.sum()}, there are {len(values)} {schema.name}")
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if bad := np.count_nonzero(~np.isfinite(values)):
        raise DataError(f"{bad} NaN or infinite values among {schema.name}; remove them")
    return Records(schema, values, counts, events)
