"""How results look on a terminal: lines, tables and progress."""

import json
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from aefpga.progress import Step

# Names come from files and folders: nothing in them is markup, an emoji or a terminal's command.
console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
errors = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=True)

# Seconds between lines of progress where there is no terminal.
INTERVAL = 10.0
# Width that a column of text keeps, where it has words of that length.
LEAST_TEXT = 12


def plain(text: object) -> str:
    """Return text with what a terminal would obey, and not show, written as an escape."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode()
        for c in str(text)
    )


def say(message: str) -> None:
    """Print a line on stdout."""
    console.print(plain(message))


def note(message: str) -> None:
    """Print a remark on stderr."""
    errors.print(plain(f"note: {message}"))


def problem(word: str, message: str) -> None:
    """Print on stderr what is wrong, in a word and then in detail."""
    errors.print(Text.assemble((word, "bold red"), ": ", plain(message)))


def next_command(*commands: str) -> None:
    """Name what to do next, on stderr."""
    errors.print(plain(f"next: {' or '.join(commands)}"))


def print_json(content: Any) -> None:
    """Print JSON on stdout, unformatted by the terminal."""
    print(json.dumps(content, indent=2))


@contextmanager
def progress() -> Iterator[Step]:
    """Yield a `Step` that draws one progress bar per task, or, without a terminal, prints lines.

    Both go to stderr, so that `--json` on stdout stays clean.
    """
    if not errors.is_terminal or errors.is_dumb_terminal:
        yield Lines()
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=errors,
    ) as bars:
        tasks: dict[str, Any] = {}

        def step(what: str, done: int, total: int, note: str = "") -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(plain(what), total=total, note=plain(note))
            bars.update(tasks[what], completed=done, total=total, note=plain(note))

        yield step


class Lines:
    """Progress in lines on stderr: where a task starts and ends, and few between."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._ended: set[str] = set()
        self._said = 0.0

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        """Print a line, unless the last one was a moment ago."""
        now = time.monotonic()
        is_first, is_last = what not in self._began, done >= total
        began = self._began.setdefault(what, now)
        if what in self._ended or not (is_first or is_last or now - self._said >= INTERVAL):
            return
        if is_last:
            self._ended.add(what)
        self._said = now
        taken = "" if is_first else f", {now - began:.0f} s"
        errors.print(plain(f"{what}: {done:,} of {total:,}{taken}{f', {note}' * bool(note)}"))


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    words: Collection[str] = (),
) -> None:
    """Print a table: names on the left, which fold where it is narrow, then figures, whole.

    The columns named in `words` hold words instead of figures, and fold too. Where all that needs
    more than the terminal is wide, the table is wider than that.
    """
    cells = [["–" if x is None else plain(x).replace("\n", "\\n") for x in row] for row in rows]
    shown = Table(title=Text(plain(title)), title_justify="left", title_style="bold")
    for place, column in enumerate(columns):
        heading = plain(column).replace(" ", "\n") if place else plain(column)
        if place and column not in words:
            shown.add_column(heading, justify="right", no_wrap=True)
            continue
        parts = [part for text in (column, *(row[place] for row in cells)) for part in text.split()]
        longest = max(map(len, parts), default=1)
        shown.add_column(heading, overflow="fold", min_width=min(LEAST_TEXT, longest))
    for row in cells:
        shown.add_row(*map(Text, row))
    unlimited = console.options.update(width=100_000)
    needed = console.measure(shown, options=unlimited).minimum
    wide = Console(highlight=False, markup=False, emoji=False, width=max(console.width, needed))
    wide.print(shown)
