"""What a page says of reconstructed records: residuals, physics, and other schemes."""

from collections.abc import Iterator

from aefpga.evaluation.cells.judge import CellsJudgement
from aefpga.evaluation.physics import Physics
from aefpga.report import formats
from aefpga.report.blocks import Block, Cell, Figures, Folded, Rows, Table, Text
from aefpga.report.charts import VARIABLES, schemes_figure, variable_figures
from aefpga.report.findings import Findings, Judged
from aefpga.report.tables import residual_table, tails_table


def residuals(findings: Findings) -> Iterator[Block]:
    """Yield the residuals of the run's own test records, as tables and figures."""
    judged = findings.judged
    if judged is not None and judged.cells is not None:
        yield _cells(judged.cells)
    if judged is not None:
        names = [v.name for v in judged.quality.variables]
        yield residual_table(
            f"What 68 % of {judged.records:,} test {judged.record} stay below",
            {title: judged.schemes[name] for name, title in judged.columns.items()},
            names,
            _left_out(judged),
            VARIABLES,
        )
    figures = variable_figures(findings)
    if figures:
        yield Figures(figures, chooses="variable")
    if judged is None:
        return
    yield Folded(
        f"Tails of the {judged.model}'s residuals", [tails_table(judged.quality, judged.record)]
    )
    physics = list(_physics(judged))
    if physics:
        yield Folded("What is left of physics", physics)
    yield Folded("In normalised units, as the literature has it", [_normalised(judged)])


def _cells(judged: CellsJudgement) -> Table:
    unit = f" [{judged.unit}]" * bool(judged.unit)
    distance = f"Earth mover's distance{unit}"
    schemes = list(judged.schemes.values())
    rows: list[list[Cell]] = [
        ["bits per record", *(formats.count(q.bits) for q in schemes)],
        [f"{distance}, mean", *(formats.significant(q.distance.mean) for q in schemes)],
        ["energy response, median [%]", *(formats.percent(q.response.median) for q in schemes)],
        ["its 68 % half-width [%]", *(formats.percent(q.response.half_width_68) for q in schemes)],
        [f"way of the centre{unit}", *(formats.significant(q.position.mean) for q in schemes)],
        [f"width{unit}, 68 %", *(formats.significant(q.width.half_width_68) for q in schemes)],
        ["nothing comes back [%]", *(formats.percent(q.lost) for q in schemes)],
    ]
    bodies = [Rows("", rows)]
    for heading, binned in (
        ("with so many cells that are not 0", [q.by_occupancy for q in schemes]),
        ("with such a sum of cells", [q.by_energy for q in schemes]),
    ):
        lines: list[list[Cell]] = [
            [
                f"from {first.low:g}, {first.records:,} records",
                *(formats.significant(bins[i].distance.mean) for bins in binned),
            ]
            for i, first in enumerate(binned[0])
        ]
        bodies.append(Rows(f"{distance}, mean of those {heading}", lines))
    how = "; ".join(f"{name}: {q.how}" for name, q in judged.schemes.items() if q.how)
    return Table(
        f"{judged.records:,} records as cells, beside plain choices in as many bits",
        ("", *judged.schemes),
        bodies,
        note=f"{how}." if how else "",
    )


def _left_out(judged: Judged) -> str:
    if not judged.lacking:
        return ""
    return f"Not judged, for the data lack them: {', '.join(judged.lacking)}."


def _normalised(judged: Judged) -> Table:
    columns = judged.columns
    qualities = [judged.schemes[name] for name in columns]
    rows: list[list[Cell]] = [
        ["mean squared error", *(formats.scientific(q.mse) for q in qualities)],
        ["its root", *(formats.scientific(q.rmse) for q in qualities)],
        ["mean |residual|", *(formats.scientific(q.mean_absolute_residual) for q in qualities)],
    ]
    return Table("Min-max units", ("", *columns.values()), [Rows("", rows)])


def _physics(judged: Judged) -> Iterator[Table]:
    physics = [judged.physics[name] for name in judged.columns]
    titles = judged.columns.values()
    bins = physics[0].resolution
    if bins:
        rows: list[list[Cell]] = [
            [
                f"{b.pt_low:g} to {b.pt_high:g}" if b.pt_high else f"from {b.pt_low:g}",
                formats.percent(b.detector),
                *(formats.percent(p.resolution[i].added) for p in physics),
            ]
            for i, b in enumerate(bins)
        ]
        yield Table(
            "What compression adds to the detector's resolution, in quadrature [%]",
            ("pt [GeV]", "detector", *titles),
            [Rows("", rows)],
            note="Detector: CMS jets at central rapidity, arXiv:1607.03663.",
        )
    rows = list(_sum_rules(physics))
    if rows:
        yield Table("Sum rules, pairs and distributions", ("", *titles), [Rows("", rows)])


def _sum_rules(physics: list[Physics]) -> Iterator[list[Cell]]:
    for what, field in (("mass of random pairs", "pair_mass"), ("sum of energies", "energy_sum")):
        spreads = [getattr(p, field) for p in physics]
        if any(s is not None for s in spreads):
            widths = [formats.percent(None if s is None else s.half_width_68) for s in spreads]
            yield [f"{what}, 68 % half-width [%]", *widths]
    for name in physics[0].multiplicity_sums:
        words = f"{name.replace('_', ' ')} is its sum [% of records]"
        yield [words, *(formats.percent(p.multiplicity_sums[name]) for p in physics)]
    changes = [p.correlation_change for p in physics]
    if any(c is not None for c in changes):
        yield [
            "largest change of a correlation",
            *("none" if c is None else f"{c.after - c.before:+.3f}" for c in changes),
        ]
    if all(p.kolmogorov for p in physics):
        furthest = (f"{max(p.kolmogorov.values()):.3f}" for p in physics)
        yield ["largest Kolmogorov distance", *furthest]


def truncation(findings: Findings) -> Iterator[Block]:
    """Yield what other schemes make of the same records, and in how many bits."""
    judged = findings.judged
    if judged is None:
        return
    rows: list[list[Cell]] = [
        [title, formats.significant(judged.bits_per_record[name], 3)]
        for name, title in judged.columns.items()
    ]
    yield Table("Bits per record", ("scheme", "bits"), [Rows("", rows)])
    if judged.notes:
        yield Text(f"{'; '.join(judged.notes)}.")
    yield Figures([schemes_figure(judged, findings.run.schema)], chooses="variable")


def others(findings: Findings) -> Iterator[Block]:
    """Yield the residuals of other records than the run's own."""
    own = findings.judged
    for name, other in findings.others.items():
        qualities = {} if own is None else {"the run's own": own.quality}
        qualities |= {name: other.quality}
        names = [v.name for v in other.quality.variables]
        title = f"{other.records:,} {other.record} of {name}, {other.model}"
        yield residual_table(title, qualities, names, _left_out(other))
