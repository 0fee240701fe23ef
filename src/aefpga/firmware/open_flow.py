"""Synthesis without any vendor's licence: da4ml, Verilator and Yosys, and what they are worth."""

import time
from collections.abc import Callable
from importlib.metadata import version as package_version
from pathlib import Path

from aefpga.errors import ToolError
from aefpga.firmware.calibration import ADDER_DELAY, COST_LUT, YOSYS_FF, YOSYS_LUT
from aefpga.firmware.parts import Part
from aefpga.firmware.report import Frequency, Kind, Resources, SynthesisReport
from aefpga.firmware.rtl import TOP, Rtl, RtlSimulation
from aefpga.firmware.yosys import synthesize
from aefpga.fixedpoint import EncoderSpec


def describe(spec: EncoderSpec) -> str:
    """Return the design in words: layer sizes and widths."""
    widths = sorted({int(w) for x in spec.layers for w in x.weight.type.width.ravel()})
    return (
        f"{spec.layout}, {'/'.join(str(w) for w in widths)}-bit weights, "
        f"{spec.bits_per_jet} bits per jet"
    )


def estimate_frequency(rtl: Rtl, lut: float) -> Frequency:
    """Estimate the clock that place and route would reach, from designs that it has routed."""
    delay = ADDER_DELAY.ns(lut)
    fast, slow = (rtl.adders * (delay + extreme) for extreme in (ADDER_DELAY.low, ADDER_DELAY.high))
    return Frequency(
        mhz=1e3 / (rtl.adders * delay),
        method=(
            f"{rtl.adders} adders a stage at {delay:.2f} ns each for a design of this size: a fit "
            f"to {COST_LUT.designs} routed networks ({ADDER_DELAY.source}), with two adders a "
            "stage; the range is the fit's extreme residuals; another part or speed grade, or "
            "another number of adders, is an extrapolation"
        ),
        low_mhz=1e3 / slow,
        high_mhz=1e3 / fast,
    )


def synthesize_open(
    rtl: Rtl,
    simulation: RtlSimulation,
    project: Path,
    part: Part,
    on_progress: Callable[[int, int], None] | None = None,
) -> SynthesisReport:
    """Report on an RTL project: latency and interval by simulation, resources by Yosys.

    Where Yosys fails, da4ml's cost model stands in, and the report says so.
    """
    start = time.perf_counter()
    kind: Kind = "logic synthesis"
    notes: tuple[str, ...] = (
        "no vendor tool took part: latency and interval are those of the RTL in simulation, "
        "resources are before placement and routing",
    )
    try:
        counts = synthesize(project, TOP, part.family, on_progress)
        resources, tool, version = counts.resources, "Yosys", counts.tool_version
        uncertainty = {"lut": str(YOSYS_LUT), "ff": str(YOSYS_FF)}
    except ToolError as error:
        kind, tool, version = "cost model", "da4ml", package_version("da4ml")
        resources = Resources(rtl.cost, rtl.register_bits, 0, 0)
        uncertainty = {"lut": str(COST_LUT), "ff": "register bits before any optimization"}
        notes = (*notes, f"Yosys could not be used, da4ml's cost model stands in: {error}")
    lut = resources.lut or rtl.cost
    return SynthesisReport(
        design=describe(rtl.spec),
        encoder_hash=rtl.spec.hash,
        part=part.name,
        clock_period_ns=rtl.clock_period_ns,
        tool=tool,
        tool_version=version,
        kind=kind,
        latency_cycles=simulation.latency_cycles,
        interval_cycles=simulation.interval_cycles,
        latency_source=(
            "measured in Verilator simulation of the clocked RTL, a new jet in every cycle, from "
            "the edge before the input register to the edge that follows the output register"
        ),
        resources=resources,
        available=part.available,
        frequency=estimate_frequency(rtl, lut),
        uncertainty=uncertainty,
        notes=notes,
        seconds=time.perf_counter() - start,
    )
