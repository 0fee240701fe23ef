"""`synthesize`: firmware projects, and what they cost on a part."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from aefpga.errors import RunError, UsageError
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
    registered_inputs: bool | None = None,
    lanes: int | None = None,
    tool: str = "auto",
    time_limit_s: float | None = None,
    step: Step = silent,
) -> SynthesisReport:
    """Write the firmware projects and synthesize with the tool asked for; keep the report.

    Parts that open tools route are routed. `time_limit_s` is for each process of an open tool.
    """
    from aefpga.firmware import hls, vendor
    from aefpga.firmware.calibration import adders_where_routed
    from aefpga.firmware.open_flow import route_open, synthesize_open
    from aefpga.firmware.parts import find_part
    from aefpga.firmware.processes import TIMEOUT_S
    from aefpga.firmware.rtl_simulation import RtlSimulation
    from aefpga.workflow.rtl import rtl_of

    asked = {
        "part": part,
        "clock_period_ns": clock_period_ns,
        "adders_per_stage": adders_per_stage,
        "dsp": dsp,
        "registered_inputs": registered_inputs,
        "lanes": lanes,
    }
    asked_for = {name: value for name, value in asked.items() if value is not None}
    firmware = run.firmware.model_copy(update=asked_for)
    chosen_part, period = find_part(firmware.part), firmware.clock_period_ns
    chosen = vendor.choose_tool(tool, chosen_part)
    spec, folder = run.spec, projects / run.name
    counts = run.test_quantities(hls.TEST_BENCH_JETS)
    if chosen.name == "open":
        step("RTL", 0, 2)
        if firmware.adders_per_stage is None:
            adders = adders_where_routed(period, chosen_part.family)
            firmware = firmware.model_copy(update={"adders_per_stage": adders})
        traced = rtl_of(spec, firmware, folder / "rtl")
        step("RTL", 1, 2)
        simulation = RtlSimulation(traced, folder / "rtl")
        expected = Emulator(spec).outputs(spec.input.of_counts(counts))
        if not np.array_equal(expected, simulation.encode(counts)):
            raise RunError("the RTL does not compute the emulator's words; run `aefpga csim`")
        step("RTL", 2, 2)
        make_report = route_open if chosen_part.is_open else synthesize_open
        report = make_report(
            traced, simulation, folder / "rtl", chosen_part, step, time_limit_s or TIMEOUT_S
        )
        sources = checksums(folder / "rtl", verilog_files(folder / "rtl"))
        notes = (*report.notes, *_beside(report, firmware.lanes))
        report = replace(report, sources=sources, notes=notes)
    else:
        options = hls.HlsOptions(
            chosen_part.name,
            period,
            firmware.reuse_factor,
            firmware.strategy,
            chosen.backend,
            firmware.dsp,
        )
        hls.write_project(spec, folder / "hls", options, counts)
        report = vendor.synthesize_hls(spec, folder / "hls", chosen, chosen_part)
    _keep(run, report, f"synthesis-{chosen_part.device}")
    return report


def _beside(report: SynthesisReport, lanes: int) -> Iterator[str]:
    """Yield what several encoders in the stream come to."""
    if lanes > 1 and report.resources.lut is not None:
        share = lanes * (report.percent("lut") or 0.0)
        yield (
            f"figures are of one encoder; encoder_stream has {lanes} side by side, for as many "
            f"records a cycle: {lanes * report.resources.lut:,.0f} LUTs ({share:.2g} %), and a FIFO"
        )


def read_reports(run: Run, folder: Path, part: str | None = None) -> list[SynthesisReport]:
    """Read what a vendor's tools said of the run's projects, and keep it beside other reports.

    Raises
    ------
    ToolError
        If there are no reports, one is damaged, or they are of another encoder.
    UsageError
        If they are of another part than the one asked for.
    """
    from aefpga.firmware.from_reports import reports_from
    from aefpga.firmware.parts import device_of, find_part

    firmware = run.firmware
    reports = reports_from(run.spec, folder, firmware.clock_period_ns, firmware.adders_per_stage)
    devices = [device_of(report.part) for report in reports]
    if part is not None and (other := set(devices) - {find_part(part).device}):
        raise UsageError(f"the reports in {folder} are of {', '.join(other)}, --part is {part}")
    for report, device in zip(reports, devices, strict=True):
        _keep(run, report, f"synthesis-{device}-{report.kind.replace(' ', '-').lower()}")
    return reports


def _keep(run: Run, report: SynthesisReport, name: str) -> None:
    from aefpga.firmware.plot import plot_report

    write_json(run.folder / layout.REPORTS / f"{name}.json", report.to_dict())
    plot_report(report, run.folder / layout.PLOTS / f"{name}.png")
