"""Simulated records, block by block: the same for any number of processes."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Protocol

from aefpga.data.records import Records
from aefpga.progress import Step, silent


class Simulation(Protocol):
    """What to simulate: a number of events, in blocks that depend on nothing but their number."""

    @property
    def events(self) -> int:
        """Number of events."""

    @property
    def blocks(self) -> int:
        """Number of blocks."""

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages that decide the result; ToolError if one is missing."""

    def block(self, number: int) -> Records:
        """Make a block of events; the first has number 0."""


def simulate(
    simulation: Simulation,
    processes: int | None = None,
    step: Step = silent,
) -> Iterator[Records]:
    """Make records block by block, on all cores, in an order that depends on the seed alone.

    Parameters
    ----------
    simulation : Simulation
        What to make.
    processes : int or None
        Worker processes; None takes one a core.
    step : Step
        Told how many events are made.
    """
    # Said here rather than in a worker.
    _ = simulation.versions
    context = multiprocessing.get_context("spawn")
    done = 0
    workers = min(processes or os.cpu_count() or 1, simulation.blocks) or 1
    # Ctrl-C reaches the workers too: they leave it to this process, which then ends them.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with context.Pool(workers, signal.signal, ignore) as pool:
        for records in pool.imap(simulation.block, range(simulation.blocks)):
            done += len(records.counts)
            step("events", done, simulation.events)
            yield records
