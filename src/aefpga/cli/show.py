"""How results look on a terminal: progress bars and tables."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from aefpga.progress import Step

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def progress() -> Iterator[Step]:
    """Yield a `Step` that drives one progress bar per `what`.

    Bars go to stderr, so that `--json` on stdout stays clean; without a terminal none are drawn.
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=errors,
        disable=not errors.is_terminal,
    ) as bars:
        tasks: dict[str, Any] = {}

        def step(what: str, done: int, total: int, note: str = "") -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total, note=note)
            bars.update(tasks[what], completed=done, total=total, note=note)

        yield step


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    words: Collection[str] = (),
) -> None:
    """Print a table: names on the left, which fold where it is narrow, then figures, whole.

    The columns named in `words` hold words instead of figures, and fold too.
    """
    shown = Table(title=escape(title), title_justify="left", title_style="bold")
    shown.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        heading = column.replace(" ", "\n")
        if column in words:
            shown.add_column(heading, overflow="fold")
        else:
            shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        shown.add_row(*("–" if cell is None else escape(str(cell)) for cell in row))
    console.print(shown)


def print_json(content: Any) -> None:
    """Print JSON on stdout, unformatted by the terminal."""
    print(json.dumps(content, indent=2))


def note(message: str) -> None:
    """Print a remark on stderr."""
    errors.print(f"note: {message}", markup=False)
