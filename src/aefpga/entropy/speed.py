"""When compiled code is used: where numba is installed, and there is enough to do for it."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from os import cpu_count
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
    if _worked < ENOUGH or not _is_there():
        return None
    from aefpga.entropy import compiled as functions

    return functions


@cache
def _is_there() -> bool:
    return find_spec("numba") is not None


@cache
def threads() -> ThreadPoolExecutor:
    """Return threads for compiled code, one for each core."""
    return ThreadPoolExecutor(cpu_count())
