import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = (
    "from aefpga.workflow.workers import end_with_starter; end_with_starter(); "
    "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
)
STARTER = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {CHILD!r}]).wait()"


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is of Linux")
def test_a_worker_ends_with_what_started_it_even_if_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True
    ) as starter:
        child = int(starter.stdout.readline())
        starter.kill()
    until = time.monotonic() + 20
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _lives(child)


def test_what_an_interruption_leaves_is_cleared_up_in_silence():
    script = (
        "import multiprocessing, os; from aefpga.workflow.workers import interruptions_are_ours\n"
        "with interruptions_are_ours(): kept = multiprocessing.get_context('spawn').Lock()\n"
        "os._exit(3)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (3, "")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Where nobody asks for its end it stays as a zombie.
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
