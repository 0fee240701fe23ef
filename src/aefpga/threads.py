"""Work spread over a thread for each core; for what NumPy and others do without Python's lock."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield what is made of items, in order; of one, by this thread.

    Work must not spread what it does itself: threads would wait for each other.
    """
    return _threads().map(work, items) if len(items) > 1 else map(work, items)


def over_blocks(work: Callable[[slice], object], n_rows: int, size: int) -> None:
    """Do work on all rows, in blocks of `size` at most; on none if there is none."""
    for _ in spread(work, [slice(i, i + size) for i in range(0, n_rows, size)]):
        pass


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count())


# Threads do not come along into a forked process.
os.register_at_fork(after_in_child=_threads.cache_clear)
