"""Open tools as processes: native where on PATH, else WebAssembly from PyPI.

They end with their caller, however that ends.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from aefpga.errors import ToolError

# On Linux, ends a process with the one that started it, even if that is killed (prctl(2)): a worker
# of a search may be, and Yosys would go on for minutes.
NO_ORPHAN = "import ctypes, sys; sys.platform == 'linux' and ctypes.CDLL(None).prctl(1, 9); "
NATIVE = f"{NO_ORPHAN}import os; os.execvp(sys.argv[1], sys.argv[1:])"
# Longest time for one process, in seconds, unless asked otherwise.
TIMEOUT_S = 3600.0
# Seconds between two looks at a process whose progress is watched.
LOOK = 0.5


@dataclass(frozen=True)
class Tool:
    """An open tool.

    Parameters
    ----------
    name : str
        Of the program.
    package : str
        On PyPI, with the same tool for Python.
    call : str
        Python that runs that, with the arguments of the process.
    version : str
        Regular expression of what it prints when asked for its version: a group for each number.
    flag : str
        How it is asked.
    oldest : tuple of int
        The numbers of the oldest version that will do.
    """

    name: str
    package: str
    call: str
    version: str
    flag: str = "--version"
    oldest: tuple[int, ...] = ()

    def find(self) -> tuple[list[str], str]:
        """Return the command of a version that is new enough, and that version.

        Raises
        ------
        ToolError
            If there is none; the package that has one is named.
        """
        python = [sys.executable, "-c"]
        native = shutil.which(self.name)
        natives = [[*python, NATIVE, native]] if native else []
        for command in (*natives, [*python, f"{NO_ORPHAN}{self.call}"]):
            with _one_at_a_time():
                done = subprocess.run(
                    [*command, self.flag], capture_output=True, text=True, check=False
                )
            match = re.search(self.version, done.stdout + done.stderr)
            if match and tuple(map(int, match.groups())) >= self.oldest:
                build = "" if command in natives else " (WebAssembly)"
                return command, f"{'.'.join(match.groups())}{build}"
        wanted = f" of version {'.'.join(map(str, self.oldest))} or newer" if self.oldest else ""
        raise ToolError(f"no {self.name}{wanted}: install one, or `pip install {self.package}`")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep out other processes of this user while a tool made of WebAssembly compiles itself.

    It keeps the result in a cache; two that write it at once crash each other (SIGBUS).
    """
    path = Path(tempfile.gettempdir()) / f"aefpga-yosys-{os.getuid()}.lock"
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def packaged(module: str, function: str) -> str:
    """Return the `Tool.call` of a WebAssembly build's function.

    The packages cannot be run with `-m`, and their scripts may not be on PATH.
    """
    return f"from {module} import {function}; sys.exit({function}(sys.argv[1:]))"


class Processes:
    """Runs processes, from threads too, and can stop them all.

    Parameters
    ----------
    timeout_s : float
        Longest time for one of them, in seconds.
    advice : str
        What to do about one that takes longer.
    """

    def __init__(self, timeout_s: float, advice: str) -> None:
        self._timeout_s = timeout_s
        self._advice = advice
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = Lock()
        self._stopped = False

    def __call__(
        self,
        tool: str,
        command: Sequence[str],
        cwd: Path,
        watch: Callable[[], None] = lambda: None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and call `watch` now and then.

        Raises
        ------
        ToolError
            If it takes too long.
        """
        with self._lock:
            if self._stopped:
                return subprocess.CompletedProcess(command, 1, "", "stopped")
            process = subprocess.Popen(
                command,
                cwd=cwd,
                # What one that is killed leaves goes with the folder.
                env={**os.environ, "TMPDIR": str(cwd.resolve())},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._running.add(process)
        end = time.monotonic() + self._timeout_s
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=min(LOOK, self._timeout_s))
                    return subprocess.CompletedProcess(command, process.returncode, out, err)
                except subprocess.TimeoutExpired:
                    if time.monotonic() >= end:
                        raise ToolError(
                            f"{tool} took longer than {self._timeout_s:g} s; {self._advice}"
                        ) from None
                    watch()
        except BaseException:
            # An interruption, too: nothing is left running.
            process.kill()
            process.communicate()
            raise
        finally:
            with self._lock:
                self._running.discard(process)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill those that run, and start no more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()
