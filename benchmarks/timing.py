"""What several benchmarks measure with: medians of times, and whole commands."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

REPEATS = 7


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median time of several calls after a first one."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def command(arguments: Sequence[str]) -> tuple[float, float]:
    """Run ``python -m aefpga`` with arguments; return seconds and peak memory in GB."""
    # A process that waits for one child learns that child's peak memory.
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, sys.executable, "-m", "aefpga", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - start, int(done.stdout) / 1e6
