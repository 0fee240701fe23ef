"""The integer emulator against hls4ml's compiled C simulation: same encoder, same jets."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from timing import median_seconds

from aefpga.firmware.hls import CSimulation
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words, random_spec


def rate(compute: Callable[[np.ndarray], np.ndarray], words: np.ndarray) -> float:
    """Return jets per second, median of several runs after a warm-up."""
    return len(words) / median_seconds(lambda: compute(words))


def main() -> None:
    """Print a row for each encoder; both must compute the same words."""
    print("| encoder, 8 bits | emulator, jets/s | C simulation, jets/s | ratio |")
    print("| --- | --- | --- | --- |")
    for sizes in ((24, 64, 32, 15), (24, 200, 100, 50, 15)):
        spec = random_spec(sizes, 8, activation="leaky_relu", input_bits=14)
        words = adversarial_words(spec, n_random=100_000)
        with tempfile.TemporaryDirectory() as folder:
            emulator, simulation = Emulator(spec), CSimulation(spec, Path(folder) / "hls")
            few = words[:4000]
            assert np.array_equal(emulator(few), simulation(few))
            fast, slow = rate(emulator, words), rate(simulation, few)
        print(f"| {spec.layout} | {fast:,.0f} | {slow:,.0f} | {fast / slow:.0f} |", flush=True)


if __name__ == "__main__":
    main()
