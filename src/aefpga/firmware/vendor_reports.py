"""Reports of Vivado, Vitis HLS and Vivado HLS: what they say of a design.

Tested on reports that these tools wrote.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aefpga.errors import ToolError
from aefpga.firmware.report import Resources

# Of Vivado's "Design State", what the figures are.
STATES: dict[str, Literal["post-synthesis", "post-route"]] = {
    "Synthesized": "post-synthesis",
    "Routed": "post-route",
}


@dataclass(frozen=True)
class HlsEstimate:
    """What a C synthesis report says; cycles, ns, and primitives."""

    version: str
    top: str
    part: str
    latency: int
    interval: int
    target_ns: float
    period_ns: float
    resources: Resources
    available: Resources

    @property
    def tool(self) -> str:
        """The tool's name, which its version tells: reports in XML do not."""
        return "Vitis HLS" if self.version >= "2020.2" else "Vivado HLS"


@dataclass(frozen=True)
class Header:
    """The head of a Vivado report.

    Parameters
    ----------
    path : Path
        The report.
    command : str
        What wrote it, such as ``report_utilization``.
    version, design, part, state : str
        Vivado's version, the design's top, its part as far as the report names it, and how far the
        design was.
    """

    path: Path
    command: str
    version: str
    design: str
    part: str
    state: str

    @property
    def subject(self) -> tuple[str, str]:
        """What the report is of: design and state."""
        return self.design, self.state


@dataclass(frozen=True)
class Timing:
    """Of a Vivado timing summary, in ns: the clock's period and the worst slacks."""

    period: float
    setup_slack: float
    hold_slack: float

    @property
    def shortest_period(self) -> float:
        """The period without the setup slack, in ns."""
        return self.period - self.setup_slack


@dataclass(frozen=True)
class VivadoResult:
    """What Vivado's reports say of one design in one state; no timing where none reports it."""

    header: Header
    kind: Literal["post-synthesis", "post-route"]
    resources: Resources
    available: Resources
    timing: Timing | None


def read_vivado(folder: Path) -> list[VivadoResult]:
    """Return what the reports below a folder say, routed designs first.

    Raises
    ------
    ToolError
        If one is damaged, two are of the same, or a timing summary is of another part than the
        utilization.
    """
    utilizations: dict[tuple[str, str], Header] = {}
    timings: dict[tuple[str, str], Header] = {}
    for header in _headers(folder):
        kinds = {"report_utilization": utilizations, "report_timing_summary": timings}
        found = kinds.get(header.command)
        if found is None or header.state not in STATES:
            continue
        first = found.setdefault(header.subject, header)
        if first != header:
            raise ToolError(
                f"{first.path} and {header.path} are both {header.command} of {header.design}, "
                f"{header.state.lower()}; name the folder of one of them"
            )
    results = []
    for subject, header in utilizations.items():
        resources, available = _utilization(header.path)
        timing = timings.get(subject)
        if timing is not None and not header.part.startswith(timing.part):
            raise ToolError(
                f"{header.path} is of {header.part}, {timing.path} of {timing.part}: they are not "
                "of one design; name the folder of one run of Vivado"
            )
        results.append(
            VivadoResult(
                header,
                STATES[header.state],
                resources,
                available,
                None if timing is None else read_timing(timing.path),
            )
        )
    return sorted(results, key=lambda result: result.kind)


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


def find_csynth(folder: Path, top: str) -> Path | None:
    """Return the C synthesis report of this top function below a folder; XML rather than text."""
    found = [p for e in ("xml", "rpt") for p in sorted(folder.rglob(f"{top}_csynth.{e}"))]
    return found[0] if found else None


def read_utilization(path: Path) -> Resources:
    """Read a Vivado utilization report, after synthesis or after routing.

    Raises
    ------
    ToolError
        If the table of LUTs is not there, or is damaged.
    """
    return _utilization(path)[0]


def read_timing(path: Path) -> Timing | None:
    """Read a Vivado timing summary of a design with one clock; None where that constrains nothing.

    Raises
    ------
    ToolError
        If slack or clock are not there.
    """
    text = path.read_text(errors="replace")
    if re.search(r"WNS\(ns\).*\n[\s\-]*\n\s+NA\s", text):
        return None
    slacks = re.search(r"WNS\(ns\).*\n[\s\-]*\n((?:\s*-?\d+(?:\.\d+)?)+)", text)
    periods = re.findall(r"^\S+\s+\{[\d. ]+\}\s+(\d+\.\d+)\s+\d+\.\d+", text, re.MULTILINE)
    values = [float(value) for value in slacks[1].split()] if slacks else []
    # Of setup: slack, total, failing and all endpoints; then the same of hold.
    if len(values) < 5 or len(set(periods)) != 1:
        raise ToolError(
            f"{path} states no slack with its clock: it is no complete report_timing_summary of a "
            "design with one clock"
        )
    return Timing(float(periods[0]), values[0], values[4])


def _headers(folder: Path) -> Iterator[Header]:
    for path in sorted(folder.rglob("*.rpt")):
        text = path.read_text(errors="replace")
        lines = dict(re.findall(r"^\| ([A-Z][\w ]+?)\s*: (.*)$", text[:4000], re.MULTILINE))
        version = re.search(r"Vivado v\.(\S+)", lines.get("Tool Version", ""))
        if version is None or "Command" not in lines:
            continue
        command = lines["Command"].split()
        # Tables of each module are for people, and other formats have no header.
        if "-hierarchical" in command:
            continue
        missing = [name for name in ("Design", "Device", "Design State") if name not in lines]
        if missing:
            raise ToolError(f"{path} is damaged: its head has no {' and no '.join(missing)}")
        part = lines["Device"].strip()
        yield Header(
            path=path,
            command=command[0],
            version=version[1],
            design=lines["Design"].strip(),
            # Vivado leaves out the first letters of 7-series parts.
            part=part if part.startswith("xc") else f"xc{part}",
            state=lines["Design State"].strip(),
        )


def _utilization(path: Path) -> tuple[Resources, Resources]:
    """Return what a utilization report says is used, and of how much."""
    rows: dict[str, dict[str, str]] = {}
    columns: list[str] = []
    for line in path.read_text(errors="replace").splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if not line.startswith("|"):
            continue
        if "Used" in cells:
            columns = cells
        elif len(cells) == len(columns):
            # The first mention is the whole device's, later tables are of its regions.
            rows.setdefault(cells[0].rstrip("*"), dict(zip(columns, cells, strict=True)))

    def total(column: str, *names: str) -> float | None:
        try:
            found = [float(rows[n][column]) for n in names if column in rows.get(n, ())]
        except ValueError as error:
            raise ToolError(f"{path} is damaged: {error} in its tables") from error
        return found[0] if found else None

    def resources(column: str) -> Resources:
        bram36, bram18 = (total(column, name) or 0 for name in ("RAMB36/FIFO", "RAMB18"))
        carry_kind = "CARRY8" if "CARRY8" in rows else "CARRY4"
        return Resources(
            lut=total(column, "CLB LUTs", "Slice LUTs"),
            ff=total(column, "CLB Registers", "Slice Registers"),
            dsp=total(column, "DSPs"),
            # What is used is in whole and half blocks, what there is can be counted as halves.
            bram=bram18 if column == "Available" else 2 * bram36 + bram18,
            uram=total(column, "URAM"),
            carry=total(column, carry_kind),
            carry_kind=carry_kind,
        )

    used = resources("Used")
    if None in (used.lut, used.ff, used.dsp) or "Block RAM Tile" not in rows:
        raise ToolError(
            f"{path} has not all tables, of LUTs, registers, block RAM and DSPs: it is no complete "
            "report_utilization"
        )
    return used, resources("Available")


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
        top=text("TopModelName"),
        part=text("Part"),
        latency=int(text("Worst-caseLatency")),
        interval=int(text("Interval-max")),
        target_ns=float(text("TargetClockPeriod")),
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
    top = re.search(r"HLS Report for '(\S+)'", content)
    part = re.search(r"\* Target device:\s*(\S+)", content)
    _, target, period, *_ = cells(r"ap_clk")
    latency = re.search(r"Type\s*\|\s*\n\s*\+[-+]+\+\s*\n\s*\|(.*)\|", content)
    if version is None or top is None or part is None or latency is None:
        raise KeyError("version, top function, target device or latency")
    _, worst, *_, interval, _ = (c.strip() for c in latency[1].split("|"))
    return HlsEstimate(
        version=version[1],
        top=top[1],
        part=part[1],
        latency=int(worst),
        interval=int(interval),
        target_ns=float(target.removesuffix("ns")),
        period_ns=float(period.removesuffix("ns")),
        resources=resources(r"Total"),
        available=resources(r"Available\s*\|"),
    )
