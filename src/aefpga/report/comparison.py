"""Several runs side by side, and the front of bits, LUTs and residual."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aefpga.evaluation.metrics import VariableQuality
from aefpga.firmware.report import SynthesisReport
from aefpga.report import formats
from aefpga.report.blocks import (
    Block,
    Cell,
    Figures,
    Folded,
    Page,
    Rows,
    Section,
    Table,
    Text,
    Verdict,
)
from aefpga.report.charts import half_width_axis
from aefpga.report.figures import Axis, Figure, Panel, Series
from aefpga.report.findings import Findings, Missing
from aefpga.report.tables import RESOURCES, residual_table, variable_cell
from aefpga.runs import layout

FRONT = "front"


def comparison(runs: Mapping[str, Findings]) -> Page:
    """Return what sets runs apart, each under its title."""
    sections = (
        Section("runs", "The runs", list(_descriptions(runs))),
        Section("costs", "Words and resources", list(_costs(runs))),
        Section("front", "Bits, LUTs and residual", list(_front(runs))),
        Section("residuals", "Residuals", list(_residuals(runs))),
        Section("configuration", "What is configured differently", list(_configurations(runs))),
    )
    return Page(
        title=f"{len(runs)} runs side by side",
        subtitle=", ".join(runs),
        missing=[
            Missing(f"{title}: {m.what}", m.command) for title, f in runs.items() for m in f.missing
        ],
        verdicts=[_same_records(runs)],
        sections=[s for s in sections if s.blocks],
    )


def _same_records(runs: Mapping[str, Findings]) -> Verdict:
    question = "Were the runs judged on the same records?"
    digests = {f.run.manifest["files"].get(layout.TEST_RECORDS) for f in runs.values()}
    records = dict.fromkeys(f.run.schema.name for f in runs.values() if not f.run.is_alone)
    if len(records) > 1:
        reason = f"They are {', '.join(records)}: only words and resources can be compared."
        return Verdict(question, "note", "other records", reason)
    if None in digests:
        reason = "Imported encoders have no decoder, and so no residuals."
        return Verdict(question, "note", "not all were judged", reason)
    if len(digests) == 1:
        return Verdict(question, "good", "the same", "Their test records are equal, byte by byte.")
    reason = (
        "Their test records differ: in their number, their variables, or in which they are. Small "
        "differences between residuals mean nothing."
    )
    return Verdict(question, "note", "not the same", reason)


def _descriptions(runs: Mapping[str, Findings]) -> Iterator[Table]:
    topics = dict.fromkeys(topic for f in runs.values() for topic in f.words)
    rows: list[list[Cell]] = [
        [topic, *(f.words.get(topic) for f in runs.values())] for topic in topics
    ]
    rows.append(["made", *(str(f.run.manifest.get("created", "?"))[:10] for f in runs.values())])
    yield Table("", ("", *runs), [Rows("", rows)], words=range(1, len(runs) + 1))


def _costs(runs: Mapping[str, Findings]) -> Iterator[Table]:
    rows: list[list[Cell]] = [
        ["bits per record", *(_bits(f) for f in runs.values())],
        ["words equal [%]", *(_agreement(f) for f in runs.values())],
    ]
    yield Table("Words", ("", *runs), [Rows("", rows)])
    for part in dict.fromkeys(r.part for f in runs.values() for r in f.syntheses):
        reports = [_on(f, part) for f in runs.values()]
        yield Table(part, ("", *runs), [Rows("", _resources(reports))])


def _resources(reports: Sequence[SynthesisReport | None]) -> list[list[Cell]]:
    rows: list[list[Cell]] = [
        [
            title,
            *(None if r is None else formats.count(getattr(r.resources, name)) for r in reports),
        ]
        for name, title in RESOURCES.items()
    ]
    more: dict[str, Callable[[SynthesisReport], str | None]] = {
        "latency [ns]": lambda r: f"{r.latency_ns:g}",
        "latency [cycles]": lambda r: f"{r.latency_cycles}",
        "initiation interval [cycles]": lambda r: f"{r.interval_cycles}",
        "target clock [MHz]": lambda r: f"{1e3 / r.clock_period_ns:.0f}",
        "maximum clock, estimated or routed": lambda r: str(r.frequency) if r.frequency else None,
        "source": lambda r: f"{r.kind}, {r.tool} {r.tool_version}",
    }
    rows += [
        [title, *(None if r is None else tell(r) for r in reports)] for title, tell in more.items()
    ]
    return [row for row in rows if any(cell is not None for cell in row[1:])]


def _residuals(runs: Mapping[str, Findings]) -> Iterator[Block]:
    qualities = {title: f.judged.quality for title, f in runs.items() if f.judged is not None}
    if not qualities:
        return
    names = dict.fromkeys(v.name for q in qualities.values() for v in q.variables)
    title = "What 68 % of a run's test records stay below"
    yield residual_table(title, qualities, list(names), group=FRONT)


@dataclass(frozen=True)
class Point:
    """A run's place in bits, LUTs where they are known, and the residual of a variable."""

    title: str
    bits: float
    luts: float | None
    residual: float
    error: float

    def is_beaten_by(self, other: "Point") -> bool:
        """Whether another is nowhere worse and somewhere better."""
        pairs = [(self.bits, other.bits), (self.residual, other.residual)]
        if self.luts is not None and other.luts is not None:
            pairs.append((self.luts, other.luts))
        return all(b <= a for a, b in pairs) and any(b < a for a, b in pairs)


def _front(runs: Mapping[str, Findings]) -> Iterator[Block]:
    judged = {title: f.judged for title, f in runs.items() if f.judged is not None}
    if not judged:
        return
    part = _common_part(runs)
    variables = {v.name: v for j in judged.values() for v in j.quality.variables}
    points = {name: list(_points(runs, name, part)) for name in variables}
    costs = f"LUTs on {part}" if part else "LUTs"
    figures = [_figure("bits", "bits per record", points, variables)]
    if part:
        figures.append(_figure("luts", costs, points, variables))
    what = f"bits per record, {costs} and residual" if part else "bits per record and residual"
    yield Figures(figures, chooses="variable")
    rows: list[list[Cell]] = [
        [variable_cell(variables[name], with_unit=False), ", ".join(unbeaten(found)) or "–"]
        for name, found in points.items()
    ]
    table = Table(
        f"Runs that no other beats: in {what} nowhere worse, somewhere better",
        ("variable", "on the front"),
        [Rows("", rows)],
        words=(1,),
        note=f"Only runs that were synthesized for {part} can be on it." if part else "",
    )
    yield Folded("Which runs are on the front", [table])
    kinds = {r.kind for f in runs.values() for r in f.syntheses if r.part == part}
    if len(kinds) > 1:
        yield Text(f"LUTs are of several kinds, and not quite comparable: {', '.join(kinds)}.")


def unbeaten(points: Sequence[Point]) -> list[str]:
    """Return the titles of points that no other beats, of those with LUTs where any has them."""
    known = [p for p in points if p.luts is not None] or list(points)
    return [p.title for p in known if not any(p.is_beaten_by(q) for q in known)]


def _points(runs: Mapping[str, Findings], name: str, part: str | None) -> Iterator[Point]:
    for title, findings in runs.items():
        judged = findings.judged
        if judged is None:
            continue
        quality = next((v for v in judged.quality.variables if v.name == name), None)
        if quality is None or quality.residual.half_width_68 is None:
            continue
        report, spread = _on(findings, part), quality.residual
        luts = None if report is None else report.resources.lut
        bits, error = judged.bits_per_record[judged.model], spread.half_width_68_error or 0.0
        yield Point(title, bits, luts, quality.residual.half_width_68, error)


def _figure(
    field: str,
    text: str,
    points: Mapping[str, Sequence[Point]],
    variables: Mapping[str, VariableQuality],
) -> Figure:
    colours = dict.fromkeys(p.title for found in points.values() for p in found)
    places = {title: i for i, title in enumerate(colours, 1)}
    panels = {}
    for name, found in points.items():
        best = unbeaten(found)
        series = [
            Series(
                p.title,
                "points",
                [getattr(p, field)],
                [p.residual],
                places[p.title],
                y_error=[p.error],
                notes=[_note(p)],
                named=True,
                filled=p.title in best,
            )
            for p in found
            if p.residual and getattr(p, field) is not None
        ]
        exact = [p.title for p in found if not p.residual]
        remark = f"exact: {', '.join(exact)}" if exact else ""
        y = half_width_axis(variables[name], is_relative=variables[name].kind == "relative")
        panels[name] = Panel(Axis(text, low=0), y, series, remark)
    caption = "Left and down is better. Full: no other run is nowhere worse and somewhere better."
    return Figure(f"front-{field}", f"Residual against {text}", caption, panels, FRONT)


def _note(point: Point) -> str:
    luts = "" if point.luts is None else f", {point.luts:,.0f} LUTs"
    return f"{point.bits:g} bits{luts}"


def _common_part(runs: Mapping[str, Findings]) -> str | None:
    """Return the part that most runs were synthesized for."""
    parts = Counter(r.part for f in runs.values() for r in f.syntheses)
    return max(parts, key=lambda p: parts[p]) if parts else None


def _on(findings: Findings, part: str | None) -> SynthesisReport | None:
    return next((r for r in findings.syntheses if r.part == part), None)


def _bits(findings: Findings) -> str | None:
    return f"{findings.run.spec.bits_per_jet}" if findings.run.is_quantized else None


def _agreement(findings: Findings) -> str | None:
    if findings.compared is None:
        return None
    equal, words = (sum(getattr(a, f) for a in findings.compared.agreements)
                    for f in ("equal", "words"))  # fmt: skip
    return formats.agreement(equal, words)


def _configurations(runs: Mapping[str, Findings]) -> Iterator[Block]:
    trained = {title: f.run for title, f in runs.items() if not f.run.is_alone}
    if len(trained) < 2:
        return
    flat = [dict(_options(run.config.model_dump(mode="json"))) for run in trained.values()]
    names = dict.fromkeys(name for options in flat for name in options)
    rows: list[list[Cell]] = [
        [name, *cells]
        for name in names
        if len(set(cells := [options.get(name) for options in flat])) > 1
    ]
    if not rows:
        yield Text("Nothing: their configurations are equal.")
        return
    yield Table("", ("option", *trained), [Rows("", rows)], words=range(1, len(trained) + 1))


def _options(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _options(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", "–" if value in (None, [], ()) else str(value)
