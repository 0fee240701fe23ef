"""The vendor's tools, where they are installed: Vitis HLS, Vivado HLS and their reports.

None of them could be run where this was written. The parsers are tested on reports that the real
tools wrote, the drivers with a stand-in that answers with those reports.
"""

import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aefpga.errors import ToolError, UsageError
from aefpga.firmware.hls import HlsOptions
from aefpga.firmware.hls_top import TOP
from aefpga.firmware.open_flow import describe
from aefpga.firmware.parts import Part
from aefpga.firmware.report import Frequency, Resources, SynthesisReport
from aefpga.fixedpoint import EncoderSpec

# hls4ml's build script: synthesize only, the rest is for the user to ask for.
BUILD_OPTIONS = (
    "array set opt {reset 1 csim 0 synth 1 cosim 0 validation 0 export 0 vsynth 0 fifo_opt 0}\n"
)


@dataclass(frozen=True)
class Tool:
    """A way to synthesize: the open flow, or a vendor program with its arguments."""

    name: Literal["open", "vitis", "vivado"]
    command: tuple[str, ...] = ()
    backend: Literal["Vitis", "Vivado"] = "Vitis"


# The programs of each tool, the newest first, and how each is told to run a script.
PROGRAMS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "vitis": (
        ("vitis-run", "--mode", "hls", "--tcl", "build_prj.tcl"),
        ("vitis_hls", "-f", "build_prj.tcl"),
    ),
    "vivado": (("vivado_hls", "-f", "build_prj.tcl"),),
}


def choose_tool(name: str, part: Part) -> Tool:
    """Return the tool of this name; ``auto`` takes Vitis, then Vivado HLS, then the open flow.

    For parts that open tools route, ``auto`` takes those.

    Raises
    ------
    UsageError
        If there is no tool of this name, or it knows no such parts.
    ToolError
        If a vendor's tool is asked for and not on PATH.
    """
    if name not in ("auto", "open", *PROGRAMS):
        raise UsageError(f"unknown tool {name}; expected auto, vitis, vivado or open")
    if name == "open" or (name == "auto" and part.is_open):
        return Tool("open")
    if part.is_open:
        raise UsageError(
            f"--tool {name} is AMD's and does not know {part.name}; use --tool open, or one of "
            "AMD's parts"
        )
    for kind in PROGRAMS if name == "auto" else (name,):
        for program, *arguments in PROGRAMS[kind]:
            if path := shutil.which(program):
                if kind == "vivado":
                    return Tool("vivado", (path, *arguments), "Vivado")
                return Tool("vitis", (path, *arguments))
    if name == "auto":
        return Tool("open")
    looked_for = " or ".join(program for program, *_ in PROGRAMS[name])
    raise ToolError(
        f"--tool {name}: {looked_for} is not on PATH; source the vendor's settings64.sh, or use "
        "--tool open, which needs no licence"
    )


def synthesize_hls(
    spec: EncoderSpec, project: Path, options: HlsOptions, tool: Tool, part: Part
) -> SynthesisReport:
    """Run C synthesis in an HLS project and read its report.

    Raises
    ------
    ToolError
        If the tool fails or leaves no report.
    """
    start = time.perf_counter()
    (project / "build_opt.tcl").write_text(BUILD_OPTIONS)
    log = project / "synthesis.log"
    with log.open("w") as stream:
        done = subprocess.run(
            tool.command, cwd=project, stdout=stream, stderr=subprocess.STDOUT, check=False
        )
    folder = project / f"{TOP}_prj" / "solution1" / "syn" / "report"
    found = [p for p in (folder / f"{TOP}_csynth.{e}" for e in ("xml", "rpt")) if p.exists()]
    if done.returncode != 0 or not found:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        problem = f"exit code {done.returncode}" if done.returncode else f"no report in {folder}"
        raise ToolError(f"{tool.command[0]} failed ({problem}); the log is {log}, it ends:\n{tail}")
    estimate = read_csynth(found[0])
    return SynthesisReport(
        design=describe(spec),
        encoder_hash=spec.hash,
        part=estimate.part,
        clock_period_ns=options.clock_period_ns,
        tool="Vitis HLS" if tool.name == "vitis" else "Vivado HLS",
        tool_version=estimate.version,
        kind="HLS estimate",
        latency_cycles=estimate.latency,
        interval_cycles=estimate.interval,
        latency_source="scheduled by the HLS tool, worst case",
        resources=estimate.resources,
        available=estimate.available if estimate.available.lut else part.available,
        frequency=Frequency(1e3 / estimate.period_ns, "the HLS tool's estimate before routing"),
        uncertainty={"lut": "HLS estimates often differ from logic synthesis by a factor of two"},
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True)
class HlsEstimate:
    """What a C synthesis report says; cycles, ns, and primitives."""

    version: str
    part: str
    latency: int
    interval: int
    period_ns: float
    resources: Resources
    available: Resources


def read_csynth(path: Path) -> HlsEstimate:
    """Read a C synthesis report of Vitis HLS or Vivado HLS, XML or text.

    Raises
    ------
    ToolError
        If it is neither, or lacks what is needed.
    """
    try:
        return _read_xml(path) if path.suffix == ".xml" else _read_text(path)
    except (OSError, ET.ParseError, AttributeError, ValueError, TypeError, KeyError) as error:
        raise ToolError(f"{path} is not a C synthesis report as expected: {error!r}") from error


def read_utilization(path: Path) -> Resources:
    """Read a Vivado utilization report, after synthesis or after routing.

    Raises
    ------
    ToolError
        If the table of LUTs is not there.
    """
    rows: dict[str, str] = {}
    for line in path.read_text().splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) >= 5:
            # The first mention is the whole device's, later tables are of its regions.
            rows.setdefault(cells[0].rstrip("*"), cells[1])

    def used(*names: str) -> float | None:
        return next((float(rows[n]) for n in names if n in rows), None)

    lut = used("CLB LUTs", "Slice LUTs")
    if lut is None:
        raise ToolError(f"{path} has no table of LUTs: it is not a Vivado utilization report")
    bram36, bram18 = used("RAMB36/FIFO") or 0, used("RAMB18") or 0
    carry_kind = "CARRY8" if "CARRY8" in rows else "CARRY4"
    return Resources(
        lut=lut,
        ff=used("CLB Registers", "Slice Registers"),
        dsp=used("DSPs"),
        bram=2 * bram36 + bram18,
        uram=used("URAM"),
        carry=used(carry_kind),
        carry_kind=carry_kind,
    )


def read_slack(path: Path) -> float:
    """Return the worst negative slack in ns of a Vivado timing summary.

    Raises
    ------
    ToolError
        If there is none.
    """
    match = re.search(r"WNS\(ns\).*\n[\s\-]*\n\s*(-?\d+\.\d+)", path.read_text())
    if match is None:
        raise ToolError(f"{path} states no worst negative slack")
    return float(match[1])


def _read_xml(path: Path) -> HlsEstimate:
    root = ET.parse(path).getroot()

    def text(name: str) -> str:
        found = root.findtext(f".//{name}")
        if found is None:
            raise KeyError(name)
        return found

    def resources(section: str) -> Resources:
        counts = {child.tag: float(child.text or 0) for child in root.find(f".//{section}") or ()}
        dsp = counts.get("DSP", counts.get("DSP48E"))
        return Resources(
            counts["LUT"], counts["FF"], dsp, counts.get("BRAM_18K"), counts.get("URAM")
        )

    return HlsEstimate(
        version=text("Version"),
        part=text("Part"),
        latency=int(text("Worst-caseLatency")),
        interval=int(text("Interval-max")),
        period_ns=float(text("EstimatedClockPeriod")),
        resources=resources("AreaEstimates/Resources"),
        available=resources("AreaEstimates/AvailableResources"),
    )


def _read_text(path: Path) -> HlsEstimate:
    content = path.read_text()

    def cells(pattern: str) -> list[str]:
        match = re.search(rf"^\s*\|\s*{pattern}.*$", content, re.MULTILINE)
        if match is None:
            raise KeyError(pattern)
        return [c.strip() for c in match[0].strip().strip("|").split("|")]

    def resources(row: str) -> Resources:
        header = cells(r"Name\s*\|\s*BRAM_18K")
        counts = dict(zip(header, cells(row), strict=True))
        dsp = counts.get("DSP", counts.get("DSP48E", "0"))
        bram, uram = float(counts["BRAM_18K"]), float(counts.get("URAM", "0"))
        return Resources(float(counts["LUT"]), float(counts["FF"]), float(dsp), bram, uram)

    version = re.search(r"\* Version:\s*(\S+)", content)
    part = re.search(r"\* Target device:\s*(\S+)", content)
    period = cells(r"ap_clk")[2].removesuffix("ns")
    latency = re.search(r"Type\s*\|\s*\n\s*\+[-+]+\+\s*\n\s*\|(.*)\|", content)
    if version is None or part is None or latency is None:
        raise KeyError("version, target device or latency")
    _, worst, *_, interval, _ = (c.strip() for c in latency[1].split("|"))
    return HlsEstimate(
        version=version[1],
        part=part[1],
        latency=int(worst),
        interval=int(interval),
        period_ns=float(period),
        resources=resources(r"Total"),
        available=resources(r"Available\s*\|"),
    )
