"""What Vivado and Vitis HLS said of an encoder's projects, as reports of the toolkit."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from aefpga.errors import ToolError
from aefpga.firmware.hls_top import TOP as HLS_TOP
from aefpga.firmware.open_flow import describe
from aefpga.firmware.report import Frequency, Kind, SynthesisReport
from aefpga.firmware.rtl import MANIFEST, TOP, trace
from aefpga.firmware.vendor import hls_report
from aefpga.firmware.vendor_reports import (
    Header,
    Timing,
    VivadoResult,
    find_csynth,
    read_csynth,
    read_vivado,
)
from aefpga.fixedpoint import EncoderSpec

NOT_CHECKED = (
    f"not checked: whether the reports are of this encoder, for there is no {MANIFEST} of its RTL "
    "project beside them"
)


def reports_from(
    spec: EncoderSpec, folder: Path, clock_period_ns: float, adders: int | None
) -> list[SynthesisReport]:
    """Read what a vendor's tools left below a folder, of an encoder's RTL or HLS project.

    Parameters
    ----------
    spec : EncoderSpec
        Of which the reports should be.
    folder : Path
        A project, or reports copied out of one.
    clock_period_ns, adders : float, int or None
        Of the run's RTL, where neither the reports nor a project beside them say more.

    Returns
    -------
    list of SynthesisReport
        After routing, after synthesis, of C synthesis: what there is.

    Raises
    ------
    ToolError
        If there are none, one is damaged, or they are of something else.
    """
    if not folder.is_dir():
        raise ToolError(f"--from-reports {folder}: there is no such folder")
    results = read_vivado(folder)
    csynth = find_csynth(folder, HLS_TOP)
    if not results and csynth is None:
        raise ToolError(
            f"--from-reports {folder}: below it is no report_utilization of Vivado, and no "
            f"{HLS_TOP}_csynth of Vitis HLS or Vivado HLS; run `vivado -mode batch -source "
            "build_vivado_prj.tcl` in the RTL project, and name that folder"
        )
    made = _manifest(folder)
    if made is not None and made["encoder"] != spec.hash:
        raise ToolError(
            f"the reports in {folder} are of encoder {made['encoder'][:16]}, the run's is "
            f"{spec.hash[:16]}; name the run that they are of by --run"
        )
    scheduled = None if csynth is None else _csynth_report(spec, csynth)

    @cache
    def traced_latency(period: float) -> int:
        return trace(spec, period, adders).latency_cycles

    reports = []
    for result in results:
        timing = result.timing
        period = timing.period if timing else clock_period_ns
        notes = [*_check(spec, result.header, made), *_timing_notes(result)]
        interval = 1
        if made is not None:
            latency, source = made["latency_cycles"], "of the RTL project, by its registers"
        elif scheduled is not None:
            latency, interval = scheduled.latency_cycles, scheduled.interval_cycles
            source = scheduled.latency_source
        else:
            latency = traced_latency(period)
            source = "of the RTL that the run gives now, for this clock"
        reports.append(
            SynthesisReport(
                design=describe(spec),
                encoder_hash=spec.hash,
                part=result.header.part,
                clock_period_ns=period,
                tool="Vivado",
                tool_version=result.header.version,
                kind=result.kind,
                latency_cycles=latency,
                interval_cycles=interval,
                latency_source=source,
                resources=result.resources,
                available=result.available,
                frequency=None if timing is None else _clock(timing, result.kind),
                notes=tuple(notes),
            )
        )
    return reports if scheduled is None else [*reports, scheduled]


def _manifest(folder: Path) -> Mapping[str, Any] | None:
    """Return what the RTL project says of itself whose reports are in a folder."""
    above = (parent / MANIFEST for parent in folder.resolve().parents[:2])
    for path in (*sorted(folder.rglob(MANIFEST)), *above):
        with suppress(OSError, ValueError):
            content = json.loads(path.read_text())
            if isinstance(content, dict) and content.keys() >= {
                "encoder",
                "part",
                "latency_cycles",
            }:
                return content
    return None


def _check(spec: EncoderSpec, header: Header, made: Mapping[str, Any] | None) -> Iterator[str]:
    """Refuse a report of something else; yield what could not be checked, or is not in it."""
    if header.design not in (TOP, f"{TOP}_wrapper"):
        raise ToolError(
            f"{header.path} is of the design {header.design}, not of {TOP}_wrapper or {TOP}; name "
            "the folder of the encoder's project"
        )
    if made is None:
        yield NOT_CHECKED
    elif made["part"].lower() != header.part.lower():
        raise ToolError(
            f"{header.path} is of {header.part}, the project beside it was made for "
            f"{made['part']}; name the folder that the project's own script wrote"
        )
    if header.design == TOP and (spec.input.offset or spec.input.is_companded.any()):
        yield f"{TOP} alone was built: what companders and offsets take is not in it"


def _clock(timing: Timing, kind: Kind) -> Frequency:
    wires = "" if kind == "post-route" else ", wires estimated"
    return Frequency(
        1e3 / timing.shortest_period,
        f"Vivado's timing analysis, {kind}{wires}: {timing.period:g} ns asked for, worst slack "
        f"{timing.setup_slack:g} ns, with the margins of the project's constraints (a tenth of the "
        "period as uncertainty, two fifths of it outside of the ports)",
    )


def _timing_notes(result: VivadoResult) -> Iterator[str]:
    """Yield what to know of a result's timing."""
    timing = result.timing
    if timing is None:
        yield f"there is no report_timing_summary, {result.kind}: no clock is known"
        return
    if timing.setup_slack < 0:
        yield f"the clock asked for was missed by {-timing.setup_slack:g} ns"
    if result.kind == "post-route" and timing.hold_slack < 0:
        yield f"hold times are violated, by {-timing.hold_slack:g} ns at worst"


def _csynth_report(spec: EncoderSpec, path: Path) -> SynthesisReport:
    estimate = read_csynth(path)
    if estimate.top != HLS_TOP:
        raise ToolError(
            f"{path} is of the function {estimate.top}, not of {HLS_TOP}; name the folder of the "
            "encoder's HLS project"
        )
    report = hls_report(spec, estimate)
    return replace(report, notes=("not checked: whether the report is of this encoder",))
