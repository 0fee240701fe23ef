"""`report`: the page of a run, or several runs side by side."""

from collections.abc import Sequence
from pathlib import Path

from aefpga.errors import UsageError
from aefpga.report.comparison import comparison
from aefpga.report.findings import Findings, Missing
from aefpga.report.render import write_page
from aefpga.report.run_page import run_page
from aefpga.runs import Run, layout
from aefpga.workflow.summary import describe


def report(runs: Sequence[Run], output: Path | None = None) -> tuple[Path, Sequence[Missing]]:
    """Write a page of what is found in the folders of runs; return where, and what is missing.

    Parameters
    ----------
    runs : sequence of Run
        One, or several to be compared.
    output : Path or None
        File to write; None is `report.html` in the folder of one run, `comparison.html` here of
        several.

    Raises
    ------
    UsageError
        If a run is given twice.
    """
    folders = [run.folder.resolve() for run in runs]
    if twice := next((f for f in folders if folders.count(f) > 1), None):
        raise UsageError(f"run {twice.name} is given twice; each run once was expected")
    found = {title: Findings.of(run, describe(run)) for title, run in _titles(runs).items()}
    if len(runs) == 1:
        page = run_page(next(iter(found.values())))
        target = output or runs[0].folder / layout.PAGE
    else:
        page, target = comparison(found), output or Path(layout.COMPARISON)
    write_page(page, target)
    return target, page.missing


def _titles(runs: Sequence[Run]) -> dict[str, Run]:
    """Return runs by their names, or by their paths where names are not unique."""
    names = [run.name for run in runs]
    return {str(r.folder) if names.count(r.name) > 1 else r.name: r for r in runs}
