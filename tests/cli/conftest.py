"""The command line, called in this process: what it prints and how it exits."""

import signal
import sys
from dataclasses import dataclass

import pytest

from aefpga.cli import main


@dataclass(frozen=True)
class Said:
    """What a call printed."""

    stdout: str
    stderr: str


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Call the command line in `tmp_path`, expect an exit code, and return what it printed."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)
    # An error that nobody foresaw is a failure of the test, not a message.
    monkeypatch.setenv("AEFPGA_DEBUG", "1")
    monkeypatch.setenv("COLUMNS", "160")

    def called(*arguments, expect=0):
        monkeypatch.setattr(sys, "argv", ["aefpga", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = Said(*capsys.readouterr())
        assert (ended.value.code or 0) == expect, said
        return said

    yield called
    for number, handler in handlers.items():
        signal.signal(number, handler)
