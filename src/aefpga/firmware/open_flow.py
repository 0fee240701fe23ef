"""Synthesis without any vendor's licence: da4ml, Verilator, Yosys, nextpnr; what they are worth."""

import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from aefpga.errors import ToolError
from aefpga.firmware.calibration import (
    ADDER_DELAY,
    COMPANDER_ADDERS,
    COST_LUT,
    OFFSET_ADDERS,
    SLOWNESS,
    YOSYS_CARRY8,
    YOSYS_FF,
    YOSYS_LUT,
)
from aefpga.firmware.harness import Harness
from aefpga.firmware.nextpnr import FAMILIES, route
from aefpga.firmware.parts import Part
from aefpga.firmware.ports import input_ports, output_ports
from aefpga.firmware.processes import TIMEOUT_S
from aefpga.firmware.report import Frequency, Kind, Resources, SynthesisReport
from aefpga.firmware.rtl import TOP, Rtl
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.firmware.yosys import synthesize
from aefpga.fixedpoint import EncoderSpec
from aefpga.progress import Step, silent


def describe(spec: EncoderSpec) -> str:
    """Return the design in words: layer sizes, widths, and the score."""
    widths = sorted({int(w) for x in spec.layers for w in x.matrix.type.width.ravel()})
    scored = "" if spec.trigger is None else f", {spec.trigger}"
    return (
        f"{spec.layout}, {'/'.join(str(w) for w in widths)}-bit weights, "
        f"{spec.bits_per_jet} bits per jet{scored}"
    )


def estimate_frequency(rtl: Rtl, lut: float, family: str = "xcup") -> Frequency:
    """Estimate the clock that place and route would reach, from designs that it has routed."""
    slowness, before = SLOWNESS[family], _adders_in_front(rtl.spec)
    adders = max(rtl.adders, before)
    delay = ADDER_DELAY.ns(lut)
    where = "in a stage" if adders > before else "at the ports, where companders and offsets are"
    method = (
        f"{adders:g} adder(s) in a row {where}, at {delay * slowness.likely:.2f} ns each for a "
        f"design of this size: a fit to {COST_LUT.designs} routed networks ({ADDER_DELAY.source}), "
        "with two adders a stage"
    )
    if slowness.likely > 1:
        method += (
            f"; times {slowness.likely:g} ({slowness.low:g} to {slowness.high:g}) for this family: "
            f"{slowness.source}"
        )
    return Frequency(
        mhz=1e3 / (adders * delay * slowness.likely),
        method=f"{method}; the range has the fit's extreme residuals; another speed grade, or "
        "another number of adders, is an extrapolation",
        low_mhz=1e3 / (adders * (delay + ADDER_DELAY.high) * slowness.high),
        high_mhz=1e3 / (adders * (delay + ADDER_DELAY.low) * slowness.low),
    )


def _adders_in_front(spec: EncoderSpec) -> float:
    """Return how many adders take as long as what stands before the encoder's first register."""
    offsets = 0 if spec.input.offset is None else OFFSET_ADDERS
    return offsets + COMPANDER_ADDERS * bool(spec.input.is_companded.any())


def synthesize_open(
    rtl: Rtl,
    simulation: RtlSimulation,
    project: Path,
    part: Part,
    step: Step = silent,
    timeout_s: float = TIMEOUT_S,
) -> SynthesisReport:
    """Report on an RTL project: latency and interval by simulation, resources by Yosys.

    Where Yosys fails or takes longer than `timeout_s` for a module, da4ml's cost model stands in,
    and the report says so.
    """
    start = time.perf_counter()
    kind: Kind = "logic synthesis"
    notes: tuple[str, ...] = (
        "no vendor tool took part: latency and interval are those of the RTL in simulation, "
        "resources are before placement and routing",
    )
    if rtl.spec.input.total is not None:
        notes = (
            *notes,
            "the division of the cells by their sum, and the sum's own word, are in front of the "
            "ports: in no figure here",
        )
    try:
        counts = synthesize(project, TOP, part.family, step, timeout_s)
        resources, tool, version = counts.resources, "Yosys", counts.tool_version
        uncertainty = {"lut": f"{YOSYS_LUT}; {_from_cost(rtl)}", "ff": str(YOSYS_FF)}
        if resources.carry_kind == "CARRY8":
            uncertainty["carry8"] = f"one for two of Yosys's CARRY4 in a row; {YOSYS_CARRY8}"
    except ToolError as error:
        kind, tool, version = "cost model", "da4ml", metadata.version("da4ml")
        resources = Resources(rtl.cost, rtl.register_bits, 0, 0)
        uncertainty = {"lut": _from_cost(rtl), "ff": "register bits before any optimization"}
        notes = (*notes, f"Yosys could not be used, da4ml's cost model stands in: {error}")
    if _adders_in_front(rtl.spec) and not rtl.registered_inputs:
        notes = (
            *notes,
            "companders and offsets lie between the ports and the first register: the clock is "
            "that of a block whose ports registers drive; --registered-inputs puts them into it",
        )
    return _report(
        rtl,
        simulation,
        part,
        tool=tool,
        tool_version=version,
        kind=kind,
        resources=resources,
        frequency=estimate_frequency(rtl, resources.lut or rtl.cost, part.family),
        uncertainty=uncertainty,
        notes=notes,
        seconds=time.perf_counter() - start,
    )


def route_open(
    rtl: Rtl,
    simulation: RtlSimulation,
    project: Path,
    part: Part,
    step: Step = silent,
    timeout_s: float = TIMEOUT_S,
) -> SynthesisReport:
    """Report on an RTL project that Yosys and nextpnr make a bitstream of, beside it.

    Raises
    ------
    ToolError
        If a tool is missing, fails or takes longer than `timeout_s`.
    """
    start = time.perf_counter()
    ports = input_ports(rtl.spec, rtl.pipeline), output_ports(rtl.spec, rtl.pipeline)
    harness = Harness(TOP, *ports)
    folder = project.parent / f"route-{part.device}"
    routed = route(harness, project / "src", part, rtl.clock_period_ns, folder, step, timeout_s)
    family, (n_in, n_out) = FAMILIES[part.family], harness.bits
    return _report(
        rtl,
        simulation,
        part,
        tool=family.router.name,
        tool_version=routed.version,
        kind="post-route",
        resources=routed.resources,
        frequency=Frequency(
            routed.mhz,
            f"{family.router.name}'s timing analysis of the routed design, with {family.timing}'s "
            f"delays, not the vendor's; the slowest path takes {routed.slowest}",
        ),
        uncertainty={"lut": "look-up tables of four inputs, carries included"},
        notes=(
            f"{part.device} has fewer pins than the encoder has ports: it was routed between shift "
            f"registers ({harness.top}.v), whose {n_in + n_out} flip-flops and about {n_out} "
            "look-up tables are counted, too",
        ),
        seconds=time.perf_counter() - start,
        estimate=estimate_frequency(rtl, rtl.cost),
    )


def _report(
    rtl: Rtl, simulation: RtlSimulation, part: Part, *, notes: tuple[str, ...], **measured: Any
) -> SynthesisReport:
    """Return a report on an RTL project of what was measured of it, with warnings."""
    report = SynthesisReport(
        design=describe(rtl.spec),
        encoder_hash=rtl.spec.hash,
        part=part.name,
        clock_period_ns=rtl.clock_period_ns,
        latency_cycles=simulation.latency_cycles,
        interval_cycles=simulation.interval_cycles,
        latency_source=(
            "measured in Verilator simulation of the clocked RTL, a new jet in every cycle, from "
            "the edge that takes a jet into the input register to the edge at which the register "
            "after the output register can take its latent words"
        ),
        available=part.available,
        **measured,
    )
    return replace(report, notes=(*notes, *_warnings(report)))


def _from_cost(rtl: Rtl) -> str:
    """Return the range of post-route LUTs that da4ml's cost of this design suggests."""
    return (
        f"da4ml's cost of this design is {rtl.cost:,.0f}, which suggests "
        f"{COST_LUT.low * rtl.cost:,.0f} to {COST_LUT.high * rtl.cost:,.0f} LUTs: over "
        f"{COST_LUT.designs} networks Vivado's post-route count was {COST_LUT.low:.2f} to "
        f"{COST_LUT.high:.2f} times the cost ({COST_LUT.source})"
    )


def _warnings(report: SynthesisReport) -> Iterator[str]:
    """Yield what makes the design unlikely to work on the part at the clock asked for."""
    for name in ("lut", "ff"):
        share = report.percent(name)
        if share is not None and share > 100:
            yield f"does not fit {report.part}: needs {share:.0f} % of its {name.upper()}s"
    asked, clock = 1e3 / report.clock_period_ns, report.frequency
    if clock is None:
        return
    if report.is_routed and clock.mhz < asked:
        yield (
            f"the clock asked for ({asked:.0f} MHz) was not reached: choose a longer clock period, "
            "fewer adders in a stage or a smaller encoder"
        )
    elif clock.low_mhz is not None and clock.low_mhz < asked:
        yield (
            f"the clock asked for ({asked:.0f} MHz) is above the lower end of the estimate "
            f"({clock.low_mhz:.0f} MHz): place and route may not reach it; choose a longer "
            "clock period or a smaller encoder"
        )
