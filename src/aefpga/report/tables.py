"""Tables that the page of a run and the comparison of several share."""

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from aefpga.evaluation.metrics import Quality, VariableQuality
from aefpga.firmware.report import SynthesisReport
from aefpga.report import formats
from aefpga.report.blocks import Cell, Rows, Table
from aefpga.report.labels import html, label

# The residuals that share a unit, and how a group of them is headed.
RELATIVE, ABSOLUTE, COUNTS = (
    "Relative residual, 68 % half-width [%]",
    "Absolute residual, 68 % half-width, in the variable's unit",
    "Counts exactly right [% of records]",
)
RESOURCES = {"lut": "LUT", "ff": "flip-flops", "dsp": "DSP", "bram": "RAMB18", "uram": "URAM"}


def residual_table(
    title: str,
    qualities: Mapping[str, Quality],
    names: Sequence[str],
    note: str = "",
    group: str = "",
) -> Table:
    """Return what 68 % of records stay below, a row a variable and a column a title.

    Parameters
    ----------
    title : str
        Of the table.
    qualities : Mapping of str to Quality
        By the columns' titles.
    names : sequence of str
        The variables, each of which has been judged in one of the qualities.
    note, group : str
        As of a table.
    """
    found = [{v.name: v for v in quality.variables} for quality in qualities.values()]
    rows: dict[str, list[list[Cell]]] = {RELATIVE: [], ABSOLUTE: [], COUNTS: []}
    chosen: dict[str, list[str]] = {heading: [] for heading in rows}
    for name in names:
        cells = [by_name.get(name) for by_name in found]
        one = next(c for c in cells if c is not None)
        heading = _heading(one)
        rows[heading].append([variable_cell(one, heading == ABSOLUTE), *map(_residual, cells)])
        chosen[heading].append(name)
    body = [Rows(h, r, chosen[h] if group else ()) for h, r in rows.items() if r]
    return Table(title, ("variable", *qualities), body, note=note, group=group)


def variable_cell(variable: VariableQuality, with_unit: bool) -> Markup:
    """Return a variable's name in words, with its symbol and perhaps its unit."""
    unit = f" [{variable.unit}]" if with_unit and variable.unit else ""
    name = variable.name.replace("_", " ") + unit
    if not variable.symbol:
        return Markup.escape(name)
    return Markup('{} <span class="symbol">{}</span>').format(name, html(label(variable.symbol)))


def tails_table(quality: Quality, records: str) -> Table:
    """Return how far the tails of one scheme's residuals reach."""
    rows: dict[str, list[list[Cell]]] = {"Relative [%]": [], "Absolute, in the variable's unit": []}
    for variable in quality.variables:
        relative = variable.kind == "relative"
        heading = list(rows)[not relative]
        write: Callable[[float | None], str | None] = (
            formats.percent if relative else formats.significant
        )
        spread = variable.residual
        width = write(spread.half_width_68)
        if width is not None and spread.half_width_68_error:
            width += f" ± {write(spread.half_width_68_error)}"
        figures = (spread.half_width_95, spread.half_width_99, spread.median, spread.core_width)
        rows[heading].append(
            [
                variable_cell(variable, not relative),
                width,
                *map(write, figures),
                formats.count(spread.records),
            ]
        )
    columns = (
        "variable",
        "68 %",
        "95 %",
        "99 %",
        "median",
        "Gaussian core",
        f"{records} that enter",
    )
    return Table(
        "Half-widths, bias and core",
        columns,
        [Rows(heading, found) for heading, found in rows.items() if found],
        note="Half-widths are quantiles of the absolute residual about zero; the core is the width "
        "of the Gaussian that matches the residuals within two widths of it.",
    )


def resources(report: SynthesisReport) -> list[list[Cell]]:
    """Return what a design takes of its part: a row a resource."""
    rows: list[list[Cell]] = []
    for name, title in RESOURCES.items():
        used, available = getattr(report.resources, name), getattr(report.available, name)
        if used is not None:
            share = formats.significant(report.percent(name))
            rows.append([title, formats.count(used), formats.count(available), share])
    if report.resources.carry is not None:
        title = report.resources.carry_kind or "carry"
        rows.append([title, formats.count(report.resources.carry), None, None])
    return rows


def _heading(variable: VariableQuality) -> str:
    if variable.exact is not None:
        return COUNTS
    return RELATIVE if variable.kind == "relative" else ABSOLUTE


def _residual(variable: VariableQuality | None) -> str | None:
    if variable is None:
        return None
    if variable.exact is not None:
        return formats.percent(variable.exact)
    width = variable.residual.half_width_68
    return formats.percent(width) if variable.kind == "relative" else formats.significant(width)
