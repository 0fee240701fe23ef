"""When compiled code is used: where numba works, and there is enough to do for it."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import ModuleType

# So many numbers NumPy codes by histograms in about the time in which numba is imported.
ENOUGH = 4_000_000
_worked = 0


def compiled(work: int) -> ModuleType | None:
    """Return the compiled functions, if this process has had enough work for them.

    Parameters
    ----------
    work : int
        Numbers that are now to be coded by histograms, or what takes as long.
    """
    global _worked
    _worked += work
    return _functions() if _worked >= ENOUGH else None


@cache
def _functions() -> ModuleType | None:
    try:
        from aefpga.entropy import compiled
    except (ImportError, RuntimeError):
        # Not installed or for other versions; or there is nowhere to keep what was compiled.
        return None
    return compiled


@cache
def threads() -> ThreadPoolExecutor:
    """Return threads for compiled code, one for each core."""
    return ThreadPoolExecutor(os.cpu_count())


# Threads do not come along into a forked process.
os.register_at_fork(after_in_child=threads.cache_clear)
