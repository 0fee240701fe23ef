"""When compiled code is used: where numba works, and there is enough to do for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from types import ModuleType
from typing import Any

from threadpoolctl import ThreadpoolController

from aefpga.threads import spread

# So many numbers NumPy codes by histograms in about the time in which numba starts (0.65 s).
ENOUGH = 20_000_000
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


def in_threads(work: Callable[[int], Any], starts: Sequence[int]) -> Iterator[Any]:
    """Yield what is made of blocks starting at these rows, in order, by a thread for each core."""
    with single_threaded():
        yield from spread(work, starts)


def single_threaded() -> AbstractContextManager[object]:
    """Hold libraries of linear algebra to one thread each, where we have threads of our own.

    Matrices are small: theirs would only wait for each other. The first of our threads to say so
    decides for all.
    """
    limited: AbstractContextManager[object] = _linear_algebra().limit(limits=1)
    return limited


@cache
def _linear_algebra() -> ThreadpoolController:
    # To look for libraries takes longer than what they have to do.
    return ThreadpoolController()
