"""The figures of a run, made of what its verbs have counted and measured."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from aefpga.evaluation.drawing import Labelled, residual_label
from aefpga.evaluation.histograms import Counts, Histograms, WordCounts
from aefpga.evaluation.metrics import Quality, Spread
from aefpga.evaluation.plots.resolution import ENOUGH, ETA_END, PT_END
from aefpga.report.figures import Axis, Figure, Panel, Series
from aefpga.report.findings import Bins, Findings, Judged
from aefpga.schema import Schema, Variable

VARIABLES = "variables"
# Few records in a bin need no logarithm.
MANY = 20
# How far from 1 the axis of a ratio reaches at most.
REACH = 1.0
# Of a variable whose values fill no histogram.
UNVARIED = Panel(remark="the same in all records, before and after")


def variable_figures(findings: Findings) -> list[Figure]:
    """Return what is shown of each variable, one at a time."""
    judged, counted = findings.judged, findings.histograms
    if findings.run.is_alone:
        return []
    schema = findings.run.schema
    figures: list[Figure] = []
    if counted is not None:
        figures += [
            _values(counted, schema), _ratio(counted, schema), _residuals(counted, schema, judged)
        ]  # fmt: skip
    if judged is not None and schema.momentum is not None and judged.pt_bins_gev:
        pt, eta = (schema.variable(n) for n in (schema.momentum.pt, schema.momentum.eta))
        along = Axis(pt.label, log=True, low=judged.pt_bins_gev[0][0], high=PT_END)
        figures.append(_resolution(judged, "by_pt", judged.pt_bins_gev, along, pt.name))
        along = Axis(f"|{eta.symbol or eta.name}|", low=0, high=ETA_END)
        figures.append(_resolution(judged, "by_eta", judged.abs_eta_bins, along, f"|{eta.name}|"))
    return figures


def words_figure(words: Sequence[WordCounts], records: str) -> Figure:
    """Return how often each latent word takes each value."""
    panels = {}
    for i, word in enumerate(words):
        edges = _edges(word.low, word.high, len(word.counts), 0)
        panels[f"word {i}"] = Panel(
            Axis("value of the word"),
            Axis(f"{records} per bin", log=max(word.counts) > MANY),
            [Series(f"word {i}", "steps", edges, word.counts, 1)],
            f"at an end of its range in {100 * word.saturated:.3g} % of {records}",
        )
    return Figure(
        "words", "Latent words", "How often a word takes each value that its bits can hold.",
        panels, "words",
    )  # fmt: skip


def learning_figure(findings: Findings) -> Figure | None:
    """Return the losses of the training's stages, one after the other."""
    series, start = [], 0
    stages = dict.fromkeys(row["stage"] for row in findings.history)
    for colour, stage in enumerate(stages, 1):
        rows = [row for row in findings.history if row["stage"] == stage]
        epochs = [start + i + 1 for i in range(len(rows))]
        for name, dashed in (("loss", True), ("validation_loss", False)):
            title = f"{stage}, {'training' if name == 'loss' else 'validation'}"
            losses = [row[name] for row in rows]
            series.append(Series(title, "line", epochs, losses, colour, dashed=dashed))
        start += len(rows)
    if not series:
        return None
    units = findings.run.config.data.normalisation
    panel = Panel(Axis("epoch"), Axis(f"mean squared error, {units} units", log=True), series)
    caption = "Loss in each epoch, in the units of the training's normaliser; dashed: training."
    return Figure("learning", "Learning curve", caption, {"": panel})


def front_figure(findings: Findings) -> Figure | None:
    """Return the encoders among which one with learned widths was chosen."""
    front = findings.run.front
    if front is None:
        return None
    points = sorted(front["points"], key=lambda p: float(p["luts"]))
    chosen = [p for p in points if p["chosen"]]
    families = (("learned widths", points), ("chosen", chosen), ("uniform", [front["uniform"]]))
    series = [
        Series(
            name, "points", [p["luts"] for p in found], [p["validation_loss"] for p in found], i
        )
        for i, (name, found) in enumerate(families, 1)
    ]  # fmt: skip
    units = findings.run.config.data.normalisation
    x, y = Axis("LUTs, da4ml's cost", low=0), Axis(f"validation MSE, {units} units", log=True)
    caption = "What accuracy costs: encoders with learned widths, and the one of this run."
    return Figure("front", "Learned widths", caption, {"": Panel(x, y, series)})


def schemes_figure(judged: Judged, schema: Schema) -> Figure:
    """Return bits and residuals of all schemes, for each variable."""
    panels = {}
    for variable in _judged_variables(judged.quality, schema):
        series, exact = [], []
        for colour, (name, title) in enumerate(judged.columns.items(), 1):
            spread = judged.schemes[name].variable(variable.name).residual
            if not spread.half_width_68:
                exact.append(title)
                continue
            bits, width = [judged.bits_per_record[name]], [spread.half_width_68]
            error = [spread.half_width_68_error or 0.0]
            series.append(Series(title, "points", bits, width, colour, y_error=error))
        remark = f"exact, or no record enters: {', '.join(exact)}" if exact else ""
        x, y = (
            Axis("bits per record", low=0),
            half_width_axis(variable, is_relative=variable.kind.is_relative),
        )
        panels[variable.name] = Panel(x, y, series, remark)
    caption = "Bits per record and residual of each scheme; left and down is better."
    return Figure("schemes", "Bits and residuals", caption, panels, "schemes")


def _values(counted: Histograms, schema: Schema) -> Figure:
    panels = {}
    for name, found in counted.variables.items():
        values = found.values
        if values is None:
            panels[name] = UNVARIED
            continue
        counts = (values.original, values.reconstructed)
        edges, (before, after), frame = _framed(values.low, values.high, counts)
        series = [
            Series("original", "steps", edges, before, 0),
            Series(counted.model, "steps", edges, after, 2),
        ]
        y = Axis(f"{schema.name} per bin", log=max(before) > MANY)
        panels[name] = Panel(Axis(schema.variable(name).label), y, series, frame=frame)
    caption = "The variable before and after. Shaded: all that lies beyond the axis."
    return Figure("values", "Distribution", caption, panels, VARIABLES)


def _ratio(counted: Histograms, schema: Schema) -> Figure:
    """Return the ratio of after to before; the same records, so those that moved are its error."""
    panels = {}
    for name, found in counted.variables.items():
        values = found.values
        if values is None:
            panels[name] = UNVARIED
            continue
        counts = (values.original, values.reconstructed, values.stayed)
        edges, (before, after, stayed), frame = _framed(values.low, values.high, counts)
        band = [1 / sqrt(n) if n else None for n in before]
        rows = [
            ((low + high) / 2, second / first, sqrt(first + second - 2 * same) / first, first)
            for (low, high), first, second, same in zip(
                pairwise(edges), before, after, stayed, strict=True
            )
            if first and second / first <= 1 + REACH
        ]
        places, ratios, errors, _ = zip(*rows, strict=True) if rows else ((), (), (), ())
        series = [
            Series("original, Poisson", "band", edges, [b and 1 - b for b in band], 0,
                   upper=[b and 1 + b for b in band]),
            Series(counted.model, "points", places, ratios, 2, y_error=errors),
        ]  # fmt: skip
        off = max((abs(ratio - 1) for _, ratio, _, n in rows if n > MANY), default=0.0)
        reach = min(max(0.1, 1.5 * off), REACH)
        y = Axis("after / before", low=1 - reach, high=1 + reach)
        panels[name] = Panel(Axis(schema.variable(name).label), y, series, frame=frame)
    caption = (
        "After over before, bin by bin. Bars: records that left a bin or came into it; band: the "
        "original's Poisson uncertainty."
    )
    return Figure("ratio", "Ratio", caption, panels, VARIABLES)


def _residuals(counted: Histograms, schema: Schema, judged: Judged | None) -> Figure:
    panels = {}
    for name, found in counted.variables.items():
        variable = schema.variable(name)
        if found.residuals is None:
            remark = f"exact in the {counted.model}, or no record enters"
            panels[name] = Panel(remark=remark)
            continue
        schemes = list(found.residuals.schemes)
        counts = tuple(found.residuals.schemes.values())
        totals = [max(sum(c), 1) for c in counts]
        edges, kept, frame = _framed(found.residuals.low, found.residuals.high, counts)
        series = [
            Series(scheme, "steps", edges, [n / total for n in each], colour)
            for colour, (scheme, each, total) in enumerate(
                zip(schemes, kept, totals, strict=True), 1
            )
        ]
        remark = ""
        if variable.kind.threshold:
            entered = sum(found.residuals.schemes[counted.model])
            remark = f"≥ {variable.kind.threshold:g} {variable.unit}: {entered:,} {schema.name}"
        x = Axis(residual_label(variable, is_relative=variable.kind.is_relative))
        y = Axis(f"share of {schema.name} per bin", log=True)
        panels[name] = Panel(x, y, series, remark, frame)
    caption = "How far off reconstructed values are. Shaded: all that lies beyond the axis."
    return Figure("residuals", "Residual", caption, panels, VARIABLES)


def _resolution(judged: Judged, field: str, edges: Bins, along: Axis, name: str) -> Figure:
    panels = {}
    end = along.high or 0.0
    for quality in judged.quality.variables:
        series, exact = [], []
        for colour, (scheme, title) in enumerate(judged.columns.items(), 1):
            spreads: Sequence[Spread] = getattr(
                judged.schemes[scheme].variable(quality.name), field
            )
            filled = [
                (low, end if high is None else min(high, end), s)
                for (low, high), s in zip(edges, spreads, strict=False)
                if s.records >= ENOUGH
            ]
            points = [(low, high, s) for low, high, s in filled if s.half_width_68]
            if len(points) < len(filled):
                exact.append(title)
            if points:
                series.append(
                    Series(
                        title,
                        "points",
                        [(low + high) / 2 for low, high, _ in points],
                        [s.half_width_68 for *_, s in points],
                        colour,
                        y_error=[s.half_width_68_error or 0.0 for *_, s in points],
                        x_error=[(high - low) / 2 for low, high, _ in points],
                        notes=[f"{s.records:,} {judged.record}" for *_, s in points],
                    )
                )
        remark = f"exact in some or all bins: {', '.join(exact)}" if exact else ""
        if not series and not exact:
            remark = f"fewer than {ENOUGH} {judged.record} in each bin"
        y = half_width_axis(quality, is_relative=quality.kind == "relative")
        panels[quality.name] = Panel(along, y, series, remark)
    caption = f"The residual that 68 % of {judged.record} stay below, in bins of {name}."
    return Figure(field.replace("_", "-"), f"Resolution against {name}", caption, panels, VARIABLES)


def half_width_axis(variable: Labelled, *, is_relative: bool) -> Axis:
    """Return the axis of what 68 % of residuals of a variable stay below."""
    text = residual_label(variable, is_relative=is_relative)
    return Axis(f"68 % half-width of {text}", log=True)


def _judged_variables(quality: Quality, schema: Schema) -> list[Variable]:
    return [schema.variable(v.name) for v in quality.variables]


def _edges(low: float, high: float, bins: int, beyond: int) -> list[float]:
    width = (high - low) / bins
    return [low + i * width for i in range(-beyond, bins + beyond + 1)]


def _framed(
    low: float, high: float, counts: Sequence[Counts]
) -> tuple[list[float], list[Counts], tuple[float, float]]:
    """Return edges and counts without the bins beyond that are empty in all, and the range."""
    edges = _edges(low, high, len(counts[0]) - 2, 1)
    first = 0 if any(c[0] for c in counts) else 1
    last = len(counts[0]) if any(c[-1] for c in counts) else len(counts[0]) - 1
    return edges[first : last + 1], [c[first:last] for c in counts], (low, high)
