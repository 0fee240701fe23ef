"""The page of one run."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from aefpga.evaluation.physics import Physics
from aefpga.evaluation.verdicts import Likeness
from aefpga.firmware.report import SynthesisReport
from aefpga.fixedpoint import EncoderSpec
from aefpga.report import formats
from aefpga.report.blocks import (
    Block,
    Cell,
    Facts,
    Figures,
    Folded,
    Listing,
    Page,
    Rows,
    Section,
    Table,
    Text,
    Verdict,
)
from aefpga.report.charts import (
    VARIABLES,
    front_figure,
    learning_figure,
    schemes_figure,
    variable_figures,
    words_figure,
)
from aefpga.report.findings import Findings, Judged
from aefpga.report.tables import clock, residual_table, resources, tails_table
from aefpga.runs import Run, layout


def run_page(findings: Findings) -> Page:
    """Return all that a run's folder says, in the order in which one asks."""
    run = findings.run
    sections = (
        Section("training", "What was trained on what", list(_training(findings))),
        Section("link", "What goes over the link", list(_link(findings))),
        Section("firmware", "Latency and resources", list(_firmware(findings))),
        Section("residuals", "Residuals", list(_residuals(findings))),
        Section("truncation", "Beside float truncation", list(_truncation(findings))),
        Section("others", "Other records", list(_others(findings))),
        Section("reproduce", "Configuration, versions, how to reproduce", list(_origin(findings))),
    )
    return Page(
        title=run.name,
        subtitle="; ".join(_subtitle(findings)),
        missing=findings.missing,
        verdicts=list(verdicts(findings)),
        sections=[s for s in sections if s.blocks],
    )


def verdicts(findings: Findings) -> Iterator[Verdict]:
    """Yield what figures would leave to the reader."""
    if findings.run.is_quantized:
        yield _agreement(findings)
        yield Verdict(
            "Can a sum overflow?",
            "good",
            "never",
            "Every accumulator holds every sum of the words that can arrive: proven by interval "
            "arithmetic whenever the specification is read.",
        )
    yield from map(_fits, findings.syntheses)
    judged = findings.judged
    if judged is not None:
        yield from _worth(judged)
        yield _bounds(judged)
        yield from _saturation(judged)
    for name, other in findings.others.items():
        if other.likeness is not None:
            yield _likeness(name, other.likeness)


def _agreement(findings: Findings) -> Verdict:
    question, compared = "Do model and firmware give the same words?", findings.compared
    if compared is None:
        return Verdict(question, "unknown", "not compared", "The command is at the top.")
    equal, words = (sum(getattr(a, f) for a in compared.agreements) for f in ("equal", "words"))
    tried = f"{compared.jets:,} test records and {compared.adversarial_jets:,} adversarial inputs"
    skipped = f"; left out: {', '.join(compared.skipped)}" if compared.skipped else ""
    names = ", ".join(compared.computations)
    if compared.is_exact:
        reason = (
            f"{equal:,} of {words:,} words equal, over all pairs of {names}; {tried}{skipped}. "
            "Tested on these inputs, not proven for all."
        )
        return Verdict(question, "good", "every word", reason)
    differ = next(a for a in compared.agreements if not a.is_exact)
    reason = (
        f"{equal:,} of {words:,} words equal; {differ.first} and {differ.second} part{skipped}."
    )
    return Verdict(question, "bad", "no", reason)


def _fits(report: SynthesisReport) -> Verdict:
    question = f"Does it fit {report.part}, in time?"
    shares = {n: report.percent(n) or 0.0 for n in ("lut", "ff", "dsp", "bram")}
    fullest = max(shares, key=lambda n: shares[n])
    asked, estimate = 1e3 / report.clock_period_ns, report.frequency
    taken = f"{formats.significant(shares[fullest])} % of its {fullest.upper()}s at most"
    timing = f"latency {report.latency_cycles} cycles = {report.latency_ns:g} ns"
    every = "every cycle" if report.interval_cycles == 1 else f"in {report.interval_cycles} cycles"
    reason = f"{taken}; {timing}; a record {every}"
    if estimate is None:
        return Verdict(
            question, "note", f"{report.latency_ns:g} ns", f"{reason}; no clock estimate."
        )
    reason += f"; asked {asked:.0f} MHz, estimated {clock(report)} MHz."
    if shares[fullest] > 100:
        return Verdict(question, "bad", "too large", reason)
    slowest = estimate.low_mhz or estimate.mhz
    if slowest < asked:
        word = "too slow" if (estimate.high_mhz or estimate.mhz) < asked else "perhaps"
        return Verdict(question, "bad" if word == "too slow" else "note", word, reason)
    return Verdict(question, "good", "yes", reason)


def _worth(judged: Judged) -> Iterator[Verdict]:
    if judged.worth is None:
        return
    state, word = ("good", "fewer") if judged.worth.verdict == "fewer" else ("bad", "more")
    question = "Fewer bits than float truncation at the same residual?"
    yield Verdict(question, "good" if state == "good" else "bad", word, f"{judged.worth.sentence}.")


def _bounds(judged: Judged) -> Verdict:
    first = judged.quality.variable(judged.quality.shown[0])
    spread, relative = first.residual, first.kind == "relative"
    if spread.half_width_99 is None:
        said = f"No {judged.record} enter the residual of {first.name}."
    else:
        width = (
            f"{formats.percent(spread.half_width_99)} %"
            if relative
            else f"{formats.significant(spread.half_width_99)} {first.unit}".rstrip()
        )
        said = f"99 % of {spread.records:,} {judged.record} are within {width} in {first.name}."
    return Verdict(
        "Is the residual of every value bounded?",
        "note",
        "not by words alone",
        f"{said} In files, `aefpga compress --max-error` bounds every value.",
    )


def _saturation(judged: Judged) -> Iterator[Verdict]:
    question = "Do inputs leave the fixed-point range?"
    if not judged.bits_per_record or judged.worth is None:
        return
    if not judged.saturated_inputs:
        yield Verdict(question, "good", "no", f"None of {judged.records:,} {judged.record} does.")
        return
    counts = ", ".join(f"{n:,} in {name}" for name, n in judged.saturated_inputs.items())
    reason = f"Of {judged.records:,} {judged.record}: {counts}; these saturate."
    yield Verdict(question, "note", f"{sum(judged.saturated_inputs.values()):,} values", reason)


def _likeness(name: str, likeness: Likeness) -> Verdict:
    state, sentence = ("good" if likeness.verdict == "like" else "bad"), likeness.sentence
    question = f"Are the records of {name} like the run's own?"
    reason = f"{sentence[0].upper()}{sentence[1:]}."
    return Verdict(question, "good" if state == "good" else "bad", likeness.verdict, reason)


def _subtitle(findings: Findings) -> Iterator[str]:
    run = findings.run
    yield findings.words["encoder"]
    yield findings.words["trained on"]
    if run.is_quantized:
        yield f"{run.spec.bits_per_jet} bits per record"
    for report in findings.syntheses:
        used = f"{report.resources.lut:,.0f} LUTs, " if report.resources.lut is not None else ""
        yield f"{used}{report.latency_ns:g} ns on {report.part}"


def _training(findings: Findings) -> Iterator[Block]:
    run = findings.run
    data = _mapping(run, "data")
    facts: dict[str, Cell] = dict(findings.words)
    facts["read"] = formats.count(data.get("read"))
    facts |= {f"cut by {name}": formats.count(n) for name, n in dict(data.get("cut") or {}).items()}
    sizes = [formats.count(data.get(part)) or "?" for part in ("train", "validation", "test")]
    facts["training, validation, test"] = ", ".join(sizes)
    if run.lacking:
        facts["the data lack"] = f"{', '.join(run.lacking)}: zeros for the encoder, judged nowhere"
    saturated = _mapping(run, "saturated_training_values")
    if saturated:
        facts["saturated in training"] = ", ".join(f"{n:,} in {v}" for v, n in saturated.items())
    losses = _mapping(run, "best_validation_loss")
    facts |= {f"{stage} model, validation MSE": f"{loss:.3g}" for stage, loss in losses.items()}
    if "training_seconds" in run.manifest:
        facts["training time"] = f"{run.manifest['training_seconds']:.0f} s"
    yield Facts({name: value for name, value in facts.items() if value is not None})
    figures = [f for f in (learning_figure(findings), front_figure(findings)) if f is not None]
    if figures:
        yield Figures(figures)


def _link(findings: Findings) -> Iterator[Block]:
    run, counted = findings.run, findings.histograms
    if not run.is_quantized:
        yield Text("A float model has no words to send: train with `--quantize 8bit` for them.")
        return
    spec = run.spec
    widths = sorted({int(w) for w in spec.latent_type.width})
    yield Facts(
        {
            "words": f"{len(spec.latent_type.width)} of "
            f"{widths[0] if len(widths) == 1 else f'{widths[0]} to {widths[-1]}'} bits: "
            f"{spec.bits_per_jet} bits for every record",
            "type": str(spec.latent_type),
            "encoder hash": spec.hash,
        }
    )
    if counted is not None and counted.words:
        yield Figures([words_figure(counted.words, run.schema.name)], chooses="latent word")
    yield Folded("The words that arrive", [_inputs(spec)])


def _inputs(spec: EncoderSpec) -> Table:
    entering = spec.input
    port, network = entering.port, entering.network_type
    rows: list[list[Cell]] = [
        [
            name.replace("_", " "),
            unit or "–",
            f"{port.width[i]}",
            f"{port.lsb[i]:.3g}",
            f"{port.max[i]:.4g}",
            "logarithmic" if entering.is_companded[i] else "linear",
            f"{network.width[i]}",
        ]
        for i, (name, unit) in enumerate(zip(entering.variables, entering.units, strict=True))
    ]
    columns = ("variable", "unit", "bits on the port", "step", "largest", "scale", "bits inside")
    note = "Step and largest value are in the variable's unit. Words of a logarithmic scale are "
    note += "made of the port's by a compander in front of the first layer."
    return Table("Input words", columns, [Rows("", rows)], words=(1, 5), note=note)


def _firmware(findings: Findings) -> Iterator[Block]:
    if not findings.run.is_quantized:
        return
    for report in findings.syntheses:
        yield Table(
            f"{report.part}: {report.kind} by {report.tool} {report.tool_version}",
            ("resource", "used", "available", "share [%]"),
            [Rows("", resources(report))],
            note=" ".join(f"{name.upper()}: {text}." for name, text in report.uncertainty.items()),
        )
        facts: dict[str, Cell] = {
            "design": report.design,
            "latency": f"{report.latency_cycles} cycles = {report.latency_ns:g} ns, "
            f"{report.latency_source}",
            "initiation interval": f"{report.interval_cycles} cycle(s)",
            "target clock": f"{report.clock_period_ns:g} ns",
        }
        if report.frequency is not None:
            facts["estimated clock"] = f"{clock(report)} MHz: {report.frequency.method}"
        if report.notes:
            facts["to know"] = "; ".join(report.notes)
        yield Facts(facts)
    yield Folded("Layers", [_layers(findings.run.spec)])
    if findings.compared is not None:
        yield Folded("Words compared, pair by pair", [_pairs(findings)])


def _layers(spec: EncoderSpec) -> Table:
    rows: list[list[Cell]] = [
        [
            layer.name.replace("_", " "),
            layer.kind,
            f"{layer.n_in}",
            f"{layer.n_out}",
            _range(layer.matrix.type.width),
            f"{int(np.count_nonzero(layer.matrix.words)):,} of {layer.matrix.words.size:,}",
            f"{int(layer.accumulator.width)}",
            layer.activation.replace("_", " "),
            _range(layer.output.width),
        ]
        for layer in spec.layers
    ]
    columns = ("layer", "kind", "inputs", "outputs", "bits of weights", "weights not 0",
               "bits of sums", "activation", "bits of outputs")  # fmt: skip
    return Table("Layers of the encoder", columns, [Rows("", rows)], words=(1, 7))


def _range(widths: Any) -> str:
    low, high = int(np.min(widths)), int(np.max(widths))
    return f"{low}" if low == high else f"{low} to {high}"


def _pairs(findings: Findings) -> Table:
    assert findings.compared is not None
    rows: list[list[Cell]] = [
        [
            f"{a.first} = {a.second}",
            formats.count(a.equal),
            formats.count(a.words),
            formats.agreement(a.equal, a.words),
        ]
        for a in findings.compared.agreements
    ]
    return Table("Words that agree", ("pair", "equal", "words", "share [%]"), [Rows("", rows)])


def _residuals(findings: Findings) -> Iterator[Block]:
    judged = findings.judged
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


def _truncation(findings: Findings) -> Iterator[Block]:
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


def _others(findings: Findings) -> Iterator[Block]:
    own = findings.judged
    for name, other in findings.others.items():
        qualities = {} if own is None else {"the run's own": own.quality}
        qualities |= {name: other.quality}
        names = [v.name for v in other.quality.variables]
        title = f"{other.records:,} {other.record} of {name}, {other.model}"
        yield residual_table(title, qualities, names, _left_out(other))


def _origin(findings: Findings) -> Iterator[Block]:
    run, manifest = findings.run, findings.run.manifest
    yield Listing("Again from the start", "\n".join(_commands(findings)))
    yield Facts(
        {
            "made": str(manifest.get("created", "?")).partition(".")[0].replace("T", " ") + " UTC",
            "aefpga": str(manifest.get("aefpga", "?")),
            **{str(k): str(v) for k, v in _mapping(run, "versions").items()},
        }
    )
    inputs = _mapping(run, "inputs")
    if inputs:
        rows: list[list[Cell]] = [[name, str(digest)] for name, digest in inputs.items()]
        yield Folded("Input files", [
            Table("", ("file", "SHA-256"), [Rows("", rows)], words=(1,))
        ])  # fmt: skip
    yield Folded(
        layout.CONFIG, [Listing("", (run.folder / layout.CONFIG).read_text(errors="replace"))]
    )


def _mapping(run: Run, name: str) -> Mapping[str, Any]:
    """Return a part of a run's manifest; nothing where an earlier version did not write it."""
    part = run.manifest.get(name)
    return part if isinstance(part, dict) else {}


def _commands(findings: Findings) -> Iterator[str]:
    run = findings.run
    name = shlex.quote(run.name)
    yield f"# {layout.CONFIG} is below, and in the run's folder"
    yield f"aefpga train --config {layout.CONFIG} --name {name}"
    if run.is_quantized:
        yield f"aefpga csim --run {name}"
        for report in findings.syntheses:
            part, period = shlex.quote(report.part), f"{report.clock_period_ns:g}"
            yield f"aefpga synthesize --run {name} --part {part} --clock-period {period}"
    yield f"aefpga evaluate --run {name}"
    yield f"aefpga report --run {name}"
