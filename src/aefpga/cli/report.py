"""`aefpga report`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import RunName, Runs


def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Names or paths of runs; several are compared."),
    ] = None,
    run: RunName = None,
    runs: Runs = Path("runs"),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="HTML file to write; default: report.html in the run's folder, comparison.html of "
            "several runs.",
        ),
    ] = None,
) -> None:
    """Write the page of a run: one HTML file with all that was found, to read and to send.

    What was trained on what, verdicts, words, resources, residuals and figures, configuration and
    versions. What has not been made yet is named at its top, with the command that makes it. Of
    several runs, the page sets them side by side, with the front of bits, LUTs and residual.

    Example: `aefpga report`, or `aefpga report first second -o comparison.html`.
    """
    from aefpga.runs import open_run
    from aefpga.workflow.report import report as write_report

    wanted: list[str | None] = [*([run] if run else []), *(names or [])]
    opened = [open_run(name, runs) for name in wanted or [None]]
    target, missing = write_report(opened, output)
    for item in missing:
        show.note(f"not on the page: {item.what} {item.command}")
    show.say(f"{target}")
