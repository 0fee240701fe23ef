"""The command line: parses, calls the library and prints; nothing is computed here.

Modules that pull in heavy libraries are imported inside the verbs, so that `--help` is instant.
"""

import errno
import os
import signal
import sys
from types import FrameType

from aefpga.cli.app import app
from aefpga.errors import AefpgaError

__all__ = ["app", "main"]


class _Interrupted(BaseException):
    """Ctrl-C or a termination; Typer would answer a KeyboardInterrupt with silence."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _Interrupted(number)


def main() -> None:
    """Run the command line; exit 0 on success, 1 on failure, 2 on wrong usage.

    An interruption is 128 and the signal's number: 130 of Ctrl-C, 143 of a termination.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app()
    except AefpgaError as error:
        _fail(str(error), error.exit_code)
    except _Interrupted as interrupted:
        message = "interrupted: nothing half-written was left; `aefpga train --resume` continues"
        _say(f"{message} a training, the same command a study or a folder of compressed files")
        sys.stdout.flush()
        # TensorFlow's threads, stopped amid their work, now and then abort an orderly exit.
        os._exit(128 + int(interrupted.args[0]))
    except BrokenPipeError:
        # The reader (`| head`) has gone; keep Python from complaining again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.strerror} ({error.filename})" if error.filename else error.strerror
        if error.errno == errno.ENAMETOOLONG:
            _fail(f"{where}; choose a shorter name", 1)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS):
            raise
        _fail(f"{where}; free space or choose another folder", 1)


def _fail(message: str, code: int) -> None:
    _say(message)
    sys.exit(code)


def _say(message: str) -> None:
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("[bold red]error:[/]", end=" ")
    console.print(message, markup=False)
