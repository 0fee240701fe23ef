"""The command line: parses, calls the library and prints; nothing is computed here.

Modules that pull in heavy libraries are imported inside the verbs, so that `--help` is instant.
"""

import errno
import os
import signal
import sys
import tempfile
import traceback
from types import FrameType

from aefpga.cli import show
from aefpga.cli.app import app
from aefpga.errors import AefpgaError

__all__ = ["app", "main"]

# What to do about an error of the system.
_ADVICE = {
    errno.ENAMETOOLONG: "choose a shorter name",
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS),
        "free space or choose another folder",
    ),
    **dict.fromkeys(
        (errno.EISDIR, errno.ENOTDIR, errno.EEXIST), "something else is there: choose another name"
    ),
}


class _Interrupted(BaseException):
    """Ctrl-C or a termination; Typer would answer a KeyboardInterrupt with silence."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _Interrupted(number)


def main() -> None:
    """Run the command line; exit 0 on success, 1 on failure, 2 on wrong usage.

    An interruption is 128 and the signal's number: 130 of Ctrl-C, 143 of a termination. What nobody
    foresaw is a line, too, with its traceback in a file; with `AEFPGA_DEBUG` set it is raised.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app()
    except AefpgaError as error:
        _fail(str(error), error.exit_code)
    except _Interrupted as interrupted:
        show.problem(
            "error",
            "interrupted: nothing half-written was left; `aefpga train --resume` continues a "
            "training, the same command a study, a search or a folder of compressed files",
        )
        sys.stdout.flush()
        # TensorFlow's threads, stopped amid their work, now and then abort an orderly exit.
        os._exit(128 + int(interrupted.args[0]))
    except BrokenPipeError:
        # The reader (`| head`) has gone; keep Python from complaining again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _ADVICE:
            where = f"{error.strerror} ({error.filename})" if error.filename else error.strerror
            _fail(f"{where}; {_ADVICE[error.errno]}", 1)
        if os.environ.get("AEFPGA_DEBUG"):
            raise
        _fail(_written(error), 1)


def _written(error: Exception) -> str:
    """Write the traceback of what should not have happened to a file, and say so."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="aefpga-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
    ) as file:
        file.write(f"aefpga {' '.join(sys.argv[1:])}\n\n")
        traceback.print_exception(error, file=file)
    first = str(error).partition("\n")[0][:200]
    return (
        f"this should not have happened ({type(error).__name__}: {first}); please report it, with "
        f"{file.name}, which has the command and the traceback"
    )


def _fail(message: str, code: int) -> None:
    show.problem("error", message)
    sys.exit(code)
