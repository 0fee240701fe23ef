"""How long work tells how far it is: one callable, from the reader of files to the terminal."""

from typing import Protocol


class Step(Protocol):
    """Called while something long goes on."""

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        """Take what goes on, how much of it is done, of how much, and a remark."""


def silent(what: str, done: int, total: int, note: str = "") -> None:
    """Take progress and show nothing."""
