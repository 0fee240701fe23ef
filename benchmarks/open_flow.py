"""How long the open synthesis flow takes, how much memory, and what it finds.

Usage: ``python benchmarks/open_flow.py [24-64-32-15 24-200-100-50-15 …]``, with random weights.
"""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from aefpga.firmware.open_flow import synthesize_open
from aefpga.firmware.parts import find_part
from aefpga.firmware.rtl import trace, write_project
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words, random_spec

BITS, PERIOD_NS, PART = 8, 5.0, "xcvu9p"


class PeakMemory(threading.Thread):
    """Samples the resident memory of this process and all its descendants, Linux only."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self.start()

    def run(self) -> None:
        """Sample until the program ends."""
        while True:
            parents, sizes = {}, {}
            for stat in Path("/proc").glob("[0-9]*/stat"):
                try:
                    fields = stat.read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                pid = int(stat.parent.name)
                parents[pid], sizes[pid] = int(fields[1]), int(fields[21])
            family = {os.getpid()}
            while grown := {p for p, q in parents.items() if q in family} - family:
                family |= grown
            pages = sum(sizes.get(p, 0) for p in family)
            self.bytes = max(self.bytes, pages * os.sysconf("SC_PAGE_SIZE"))
            time.sleep(0.5)


def measure(sizes: tuple[int, ...], folder: Path) -> None:
    spec, part, memory = random_spec(sizes, BITS, input_bits=14), find_part(PART), PeakMemory()
    marks = [time.perf_counter()]
    rtl = trace(spec, PERIOD_NS)
    marks.append(time.perf_counter())
    write_project(rtl, folder / "rtl", part.name)
    simulation = RtlSimulation(rtl, folder / "rtl")
    marks.append(time.perf_counter())
    words = adversarial_words(spec, 3000)
    share = np.mean(simulation(words) == Emulator(spec)(words))
    marks.append(time.perf_counter())
    report = synthesize_open(rtl, simulation, folder / "rtl", part)
    marks.append(time.perf_counter())
    print(f"{report.design}, {PERIOD_NS:g} ns, {report.part}")
    for name, start, end in zip(
        ("trace", "verilate", "simulate", "synthesize"), marks[:-1], marks[1:], strict=True
    ):
        print(f"  {name:10} {end - start:6.0f} s")
    print(f"  total      {marks[-1] - marks[0]:6.0f} s, peak memory {memory.bytes / 2**30:.1f} GiB")
    print(f"  words equal to the emulator's: {share:.2%} in {len(words)} jets")
    print(f"  da4ml cost {rtl.cost:,.0f}, {rtl.adders} adder(s) a stage")
    print(
        f"  latency {report.latency_cycles}, interval {report.interval_cycles}, {report.frequency}"
    )
    print(f"  {report.resources}", *report.notes, sep="\n  ")


if __name__ == "__main__":
    for layout in sys.argv[1:] or ["24-64-32-15", "24-200-100-50-15"]:
        with tempfile.TemporaryDirectory() as scratch:
            measure(tuple(int(n) for n in layout.split("-")), Path(scratch))
