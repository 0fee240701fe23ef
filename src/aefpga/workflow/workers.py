"""Workers for many tasks: processes on this machine, or those of a Dask cluster."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import Any

from aefpga.errors import UsageError

# How often workers may die with a task before it is given up.
ALLOWED_DEATHS = 5
# Of prctl(2): the signal that a process gets when the one that started it ends.
PR_SET_PDEATHSIG = 1
# No cause for a user to worry: semaphores that are cleared up after an interruption, and what
# `trainers/qkeras/backend.py` says of initializers. Filters that one thread sets while another has
# set some for a while are lost; those that a process starts with are not.
UNSAID = ("ignore:resource_tracker", "ignore:The initializer")


@contextmanager
def dask_client(scheduler: str | None, workers: int) -> Iterator[Any]:
    """Yield a Dask client of a scheduler at an address, or of new workers on this machine.

    Raises
    ------
    UsageError
        If no scheduler answers at the address.
    """
    import dask
    from distributed import Client, LocalCluster

    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    settings = {
        # A worker's death counts against all tasks that were given to it.
        "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
        # TensorFlow in every worker would otherwise take all cores for itself.
        "distributed.nanny.pre-spawn-environ.TF_NUM_INTRAOP_THREADS": threads,
        "distributed.nanny.pre-spawn-environ.TF_NUM_INTEROP_THREADS": threads,
    }
    with dask.config.set(settings):
        if scheduler is None:
            with interruptions_are_ours():
                cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    # Nobody else on the network is to reach them.
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    worker_dashboard_address="127.0.0.1:0",
                    # Tasks are of bounded size: no worker is to be paused for its memory.
                    memory_limit=0,
                    silence_logs=50,
                )
            try:
                with Client(cluster) as client:
                    yield client
            finally:
                # On a busy machine a worker may take its time to die; what ended all this counts.
                with suppress(TimeoutError):
                    cluster.close()
            return
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"--scheduler {scheduler}: no Dask scheduler answers there ({error}); start one "
                "with `dask scheduler`"
            ) from error
        with client:
            yield client


@contextmanager
def interruptions_are_ours() -> Iterator[None]:
    """Keep Ctrl-C from threads that the body starts, and from all processes that these ever start.

    A terminal sends it to every process. This one ends its workers in order; a worker would die of
    it with a traceback, or take for a failure that a tool which it waits for has died of it.
    """
    # Processes that are started have them, too.
    sys.warnoptions += [option for option in UNSAID if option not in sys.warnoptions]
    # Begins with the first process, and would lift what is blocked.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_starter() -> None:
    """Have this process end with the one that started it, however that ends (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
