"""Jets for a verb: read, and selected as the configuration says."""

from collections.abc import Sequence

from aefpga.config import DataConfig
from aefpga.data.jets import Jets
from aefpga.data.reader import read_jets
from aefpga.data.selection import Selection, SelectionCounts
from aefpga.workflow import Step


def selected_jets(
    inputs: Sequence[str], names: Sequence[str], data: DataConfig, step: Step
) -> tuple[Jets, SelectionCounts]:
    """Read the variables named from ROOT files, and keep the jets that pass the selection."""
    jets = read_jets(
        inputs,
        names,
        data.collection,
        data.max_jets,
        lambda done, total: step("reading events", done, total),
    )
    return Selection(data.max_pt, data.max_mass).apply(jets)
