"""Keeping libraries that chatter off the terminal, down to what their C++ prints."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Swallow standard output and error of this process and its children while the body runs.

    Yields
    ------
    list of str
        Filled, when the body ends, with the one text that was swallowed.
    """
    said: list[str] = []
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    with tempfile.TemporaryFile() as sink:
        try:
            _flush()
            for descriptor in (1, 2):
                os.dup2(sink.fileno(), descriptor)
            yield said
        finally:
            _flush()
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
            sink.seek(0)
            said.append(sink.read().decode(errors="replace"))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError, AttributeError):
            stream.flush()
