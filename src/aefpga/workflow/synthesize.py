"""`synthesize`: firmware projects, and what they cost on a part."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from aefpga.errors import RunError
from aefpga.files import write_json
from aefpga.firmware.report import SynthesisReport
from aefpga.fixedpoint import Emulator
from aefpga.progress import Step, silent
from aefpga.proof.certificate import checksums
from aefpga.proof.netlist import verilog_files
from aefpga.runs import Run, layout


def synthesize(
    run: Run,
    projects: Path,
    *,
    part: str | None = None,
    clock_period_ns: float | None = None,
    adders_per_stage: int | None = None,
    dsp: bool | None = None,
    tool: str = "auto",
    time_limit_s: float | None = None,
    step: Step = silent,
) -> SynthesisReport:
    """Write the firmware projects and synthesize with the tool asked for; keep the report.

    Parts that open tools route are routed. `time_limit_s` is for each process of an open tool.
    """
    from aefpga.firmware import hls, rtl, vendor
    from aefpga.firmware.open_flow import route_open, synthesize_open
    from aefpga.firmware.parts import find_part
    from aefpga.firmware.plot import plot_report
    from aefpga.firmware.processes import TIMEOUT_S

    firmware = run.firmware
    chosen_part = find_part(part or firmware.part)
    period = clock_period_ns or firmware.clock_period_ns
    in_dsps = firmware.dsp if dsp is None else dsp
    chosen = vendor.choose_tool(tool, chosen_part)
    spec, folder = run.spec, projects / run.name
    counts = run.test_quantities(hls.TEST_BENCH_JETS)
    if chosen.name == "open":
        step("RTL", 0, 2)
        adders = adders_per_stage or firmware.adders_per_stage
        traced = rtl.make_project(
            spec, period, folder / "rtl", chosen_part.name, adders, dsp=in_dsps
        )
        step("RTL", 1, 2)
        simulation = rtl.RtlSimulation(traced, folder / "rtl")
        expected = Emulator(spec).outputs(spec.input.of_counts(counts))
        if not np.array_equal(expected, simulation.encode(counts)):
            raise RunError("the RTL does not compute the emulator's words; run `aefpga csim`")
        step("RTL", 2, 2)
        make_report = route_open if chosen_part.is_open else synthesize_open
        report = make_report(
            traced, simulation, folder / "rtl", chosen_part, step, time_limit_s or TIMEOUT_S
        )
        sources = checksums(folder / "rtl", verilog_files(folder / "rtl"))
        report = replace(report, sources=sources)
    else:
        options = hls.HlsOptions(
            chosen_part.name,
            period,
            firmware.reuse_factor,
            firmware.strategy,
            chosen.backend,
            in_dsps,
        )
        hls.write_project(spec, folder / "hls", options, counts)
        report = vendor.synthesize_hls(spec, folder / "hls", options, chosen, chosen_part)
    name = f"synthesis-{chosen_part.device}"
    write_json(run.folder / layout.REPORTS / f"{name}.json", report.to_dict())
    plot_report(report, run.folder / layout.PLOTS / f"{name}.png")
    return report
