"""The vendor's tools, where they are installed: Vitis HLS and Vivado HLS.

None of them could be run where this was written. The drivers are tested with a stand-in that
answers with reports of the real tools.
"""

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from aefpga.errors import ToolError, UsageError
from aefpga.firmware.hls_top import TOP
from aefpga.firmware.open_flow import describe
from aefpga.firmware.parts import Part
from aefpga.firmware.report import Frequency, SynthesisReport
from aefpga.firmware.vendor_reports import HlsEstimate, find_csynth, read_csynth
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


def synthesize_hls(spec: EncoderSpec, project: Path, tool: Tool, part: Part) -> SynthesisReport:
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
    found = find_csynth(folder, TOP)
    if done.returncode != 0 or found is None:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        problem = f"exit code {done.returncode}" if done.returncode else f"no report in {folder}"
        raise ToolError(f"{tool.command[0]} failed ({problem}); the log is {log}, it ends:\n{tail}")
    report = hls_report(spec, read_csynth(found), part)
    return replace(report, seconds=time.perf_counter() - start)


def hls_report(
    spec: EncoderSpec, estimate: HlsEstimate, part: Part | None = None
) -> SynthesisReport:
    """Return what a C synthesis report says of an encoder; `part` where it has no totals."""
    available = estimate.available
    if part is not None and not available.lut:
        available = part.available
    return SynthesisReport(
        design=describe(spec),
        encoder_hash=spec.hash,
        part=estimate.part,
        clock_period_ns=estimate.target_ns,
        tool=estimate.tool,
        tool_version=estimate.version,
        kind="HLS estimate",
        latency_cycles=estimate.latency,
        interval_cycles=estimate.interval,
        latency_source="scheduled by the HLS tool, worst case",
        resources=estimate.resources,
        available=available,
        frequency=Frequency(1e3 / estimate.period_ns, "the HLS tool's estimate before routing"),
        uncertainty={"lut": "HLS estimates often differ from logic synthesis by a factor of two"},
    )
