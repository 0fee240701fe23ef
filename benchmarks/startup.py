"""How long `aefpga --help` takes, against an empty Python and an import of TensorFlow."""

import statistics
import subprocess
import sys
import time

REPEATS = 7


def seconds(*command: str) -> float:
    """Return the median wall-clock time of a command after a warm-up."""
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def main() -> None:
    """Print a row for each command."""
    empty = seconds(sys.executable, "-c", "pass")
    print("| command | seconds | times an empty Python |")
    print("| --- | --- | --- |")
    for name, command in {
        "python -c pass": ("-c", "pass"),
        "aefpga --help": ("-m", "aefpga", "--help"),
        "aefpga train --help": ("-m", "aefpga", "train", "--help"),
        "import tensorflow": ("-c", "import tensorflow"),
    }.items():
        taken = seconds(sys.executable, *command)
        print(f"| {name} | {taken:.2f} | {taken / empty:.0f} |", flush=True)


if __name__ == "__main__":
    main()
