"""Reading records from files, in chunks, whatever their format."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from aefpga.data.opening import RecordFile, find_files, open_file
from aefpga.data.records import Records
from aefpga.errors import DataError
from aefpga.progress import Step, silent
from aefpga.schema import Schema, Variable

# Bounds the memory of a chunk: 20 MB of float32 for 24 variables at 10 jets an event. What is less
# than the baskets of a file unpacks those again and again.
CHUNK_EVENTS = 20_000
# Of names in an error.
MOST_LISTED = 12


def iterate_records(
    inputs: Sequence[str],
    schema: Schema | None = None,
    collection: str | None = None,
    step: Step = silent,
    *,
    with_events: bool = False,
) -> Iterator[Records]:
    """Read records chunk by chunk; memory does not grow with the size of the files.

    Parameters
    ----------
    inputs : sequence of str
        File names and globs.
    schema : Schema or None
        The columns of the result; None takes all that the first file can give.
    collection : str or None
        Which collection; None takes the format's usual one.
    step : Step
        Told how many events are read.
    with_events : bool
        Also read what the file says of each event: number, weight, process.

    Raises
    ------
    DataError
        If a file cannot be read, holds another record, lacks variables, or holds NaN or infinities.
    """
    files = find_files(inputs)
    total = 0
    for path in files:
        with open_file(path, collection, schema) as file:
            schema = schema or file.columns
            _check_variables(file, schema)
            total += file.source.n_events
    assert schema is not None, "there is always a file"
    done = 0
    for path in files:
        with open_file(path, collection, schema) as file:
            for n_events, records in _chunks(file, schema, with_events):
                done += n_events
                step("reading events", done, total)
                yield records


def source_bytes(inputs: Sequence[str], schema: Schema, collection: str | None = None) -> int:
    """Return how much space the branches that `iterate_records` reads with events take, in files.

    See `Source.stored_bytes` for what counts.
    """
    total = 0
    for path in find_files(inputs):
        with open_file(path, collection, schema) as file:
            events = file.events().values()
            total += file.source.stored_bytes([*_needed(file, schema.names), *events])
    return total


def read_records(
    inputs: Sequence[str],
    schema: Schema | None = None,
    collection: str | None = None,
    max_records: int | None = None,
    step: Step = silent,
    *,
    with_events: bool = False,
) -> Records:
    """Read all records, or those of the first events that have at most `max_records` together.

    Events are read whole or not at all; see `iterate_records`.

    Raises
    ------
    DataError
        As of `iterate_records`; also if there is no event, or the first one with any record has
        more than `max_records`.
    """
    parts: list[Records] = []
    room = max_records
    for records in iterate_records(inputs, schema, collection, step, with_events=with_events):
        part = records if room is None else _whole_events(records, room)
        parts.append(part)
        if room is not None:
            room -= len(part)
            if room == 0 or len(part.counts) < len(records.counts):
                break
    if max_records is not None and room == max_records and len(part.counts) < len(records.counts):
        raise DataError(
            f"the first event of {', '.join(inputs)} that holds any {records.schema.name} has "
            f"{records.counts[len(part.counts)]}, more than the {max_records} asked for; an event "
            "is read whole: ask for more"
        )
    if not any(len(part.counts) for part in parts):
        raise DataError(f"there is no event in {', '.join(inputs)}; give files that hold some")
    return Records.concatenate(parts)


def _whole_events(records: Records, room: int) -> Records:
    """Return the first events that have at most `room` records together."""
    last = int(np.searchsorted(np.cumsum(records.counts), room, side="right"))
    return records.between(0, last)


def lacking(
    inputs: Sequence[str], schema: Schema, collection: str | None = None, *, alike: bool = False
) -> tuple[str, ...]:
    """Return the columns that at least one of the files lacks: `iterate_records` fills in zeros.

    Raises
    ------
    DataError
        If a file cannot be read or feed the table, or if all should be `alike` and two differ.
    """
    found: dict[Path, tuple[str, ...]] = {}
    for path in find_files(inputs):
        with open_file(path, collection, schema) as file:
            _check_variables(file, schema)
            found[path] = file.missing(schema.names)
    first, *others = found
    for other in others if alike else ():
        if apart := sorted(set(found[first]) ^ set(found[other])):
            raise DataError(
                f"{first} and {other} differ in what they hold: only one of them has "
                f"{', '.join(apart)}; take them separately, or leave these out with --variables"
            )
    missing = set().union(*found.values())
    return tuple(name for name in schema.names if name in missing)


def _check_variables(file: RecordFile, schema: Schema) -> None:
    held = file.format.schema
    if held.name != schema.name:
        raise DataError(
            f"{file.path} ({file.format.name}) holds {held.name}, but {schema.name} are asked for; "
            f"choose the record {held.name}, or another file"
        )
    for variable in schema.variables:
        other = held.variable(variable.name) if held.holds(variable.name) else variable
        if (other.unit, other.kind) != (variable.unit, variable.kind):
            raise DataError(
                f"{file.path} holds {variable.name} as {_meaning(other)}, but it is asked for as "
                f"{_meaning(variable)}; the record {held.name} was another when it was written"
            )
    if file.feeds(schema):
        return
    lacking = [n for n in file.missing(schema.names) if not schema.variable(n).is_optional]
    branches = [b for n in lacking for b in file.format.sources().get(n, ())]
    absent = [b for b in dict.fromkeys(branches) if b not in file.source.branches]
    near = [m for b in absent[:3] for m in difflib.get_close_matches(b, file.source.branches, n=2)]
    raise DataError(
        f"{file.path} ({file.format.name}, collection {file.format.collection}) cannot give "
        f"{_listed(lacking)}"
        + (f": branch {_listed(absent)} is missing" if absent else "")
        + (f"; the nearest branches are {', '.join(dict.fromkeys(near))}" if near else "")
        + f"; choose a smaller set with --variables, or {file.format.remedy}"
    )


def _listed(names: Sequence[str]) -> str:
    """Return names in words; of very many, the first."""
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _meaning(variable: Variable) -> str:
    return f"{variable.kind.name} in {variable.unit or 'no unit'}"


def _chunks(file: RecordFile, schema: Schema, with_events: bool) -> Iterator[tuple[int, Records]]:
    """Yield how many events were read, and the records that are kept of them."""
    source, names = file.source, schema.names
    needed, filled = _needed(file, names), file.missing(names)
    # A tree without events is one chunk, which says what is kept of events.
    for start in range(0, max(source.n_events, 1), CHUNK_EVENTS):
        stop = min(start + CHUNK_EVENTS, source.n_events)
        columns = {branch: source.read(branch, start, stop) for branch in needed}
        try:
            if schema.one_per_event:
                counts = np.ones(stop - start, np.int64)
            else:
                counts = _records_per_event(file, columns, start)
            values = file.format.table(schema, columns, int(counts.sum()))
            kept = file.format.kept(columns)
        except ValueError as error:
            raise DataError(
                f"{file.path} ({file.format.name}) holds no {schema.name} from event {start} on: "
                f"{error}"
            ) from error
        events = _event_columns(file, start, stop) if with_events else {}
        records, event = Records(schema, values, counts, events, filled), np.arange(start, stop)
        event = np.repeat(event, counts)
        if kept is not None:
            records, event = records.keep(kept), event[kept]
        _check_finite(file, names, records.values, event)
        if problem := file.format.problem(schema, records.values):
            row, reason = problem
            raise DataError(f"{file.path} ({file.format.name}), event {event[row]}: {reason}")
        yield stop - start, records


def _needed(file: RecordFile, names: Sequence[str]) -> list[str]:
    """Return the branches that some variables are computed from."""
    available = file.format.available()
    needed = dict.fromkeys(b for n in names for b in available.get(n, ()))
    # Even where all variables are read as zeros, some branch says how many records.
    return list(needed or dict.fromkeys(next(iter(available.values()))))


def _event_columns(file: RecordFile, start: int, stop: int) -> dict[str, NDArray[Any]]:
    columns = {n: file.source.read(branch, start, stop) for n, branch in file.events().items()}
    # A list for each event under such a name, but for text, is something else.
    return {
        name: np.asarray(ak.to_numpy(column))
        for name, column in columns.items()
        if column.ndim == 1
    }


def _records_per_event(file: RecordFile, columns: dict[str, Any], start: int) -> NDArray[np.int64]:
    """Return the number of records of each event, on which all branches must agree."""
    counts: NDArray[np.int64] | None = None
    kind = file.format.schema.name
    listed = file.format.listed(columns)
    for branch, column in listed.items():
        each = column.type.content
        is_list = isinstance(each, ak.types.ListType | ak.types.RegularType)
        # Characters are numbers too: a list of them, a string, says so.
        is_text = bool(each.parameters)
        if is_text or not (is_list and isinstance(each.content, ak.types.NumpyType)):
            raise DataError(
                f"{file.path}: branch {branch} holds {each} for each event, expected a list with "
                f"one number for each of its {kind}; {file.format.hint}"
            )
        here = ak.to_numpy(ak.num(column)).astype(np.int64)
        counts = here if counts is None else counts
        if not np.array_equal(here, counts):
            event = int((here != counts).argmax())
            raise DataError(
                f"{file.path}: in event {start + event} branch {branch} holds {here[event]} {kind} "
                f"and {next(iter(listed))} holds {counts[event]}; they are of different "
                "collections or the file was written wrongly"
            )
    assert counts is not None, "there is always a branch to read"
    return counts


def _check_finite(
    file: RecordFile, names: Sequence[str], values: NDArray[np.float32], event: NDArray[np.int64]
) -> None:
    """Refuse NaN and infinity; `event` gives, for each row, its entry in the tree."""
    bad = ~np.isfinite(values)
    if bad.any():
        column = int(bad.any(axis=0).argmax())
        branches = ", ".join(file.format.available()[names[column]])
        first = event[bad[:, column].argmax()]
        raise DataError(
            f"{file.path}: {int(bad.sum())} NaN or infinite values, first in {names[column]} "
            f"(from {branches}) in event {first}, counted up to event {event[-1]}; "
            f"remove these {file.format.schema.name} from the file"
        )
