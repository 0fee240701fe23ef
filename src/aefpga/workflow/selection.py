"""Records for a verb: read, and selected as the configuration says."""

from collections.abc import Sequence

from aefpga.config import DataConfig
from aefpga.data.reader import read_records
from aefpga.data.records import Records
from aefpga.data.selection import Selected, select
from aefpga.progress import Step
from aefpga.schema import Schema


def selected_records(
    inputs: Sequence[str],
    schema: Schema,
    data: DataConfig,
    step: Step,
    *,
    with_events: bool = False,
) -> tuple[Records, Selected]:
    """Read at most `data.max_jets` rows from ROOT files, and keep those that pass the cuts.

    What is counted is what was read: nothing is cut of what `max_jets` left in the files.
    """
    records = read_records(
        inputs, schema, data.collection, data.max_jets, step, with_events=with_events
    )
    return select(records, data.selection())
