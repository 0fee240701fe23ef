"""The verbs, as functions, a file each; the command line only calls these."""

from collections.abc import Callable

# Called as ``step(what, done, total)`` while something long goes on.
Step = Callable[[str, int, int], None]
