"""The verdicts on a run: what figures would leave to the reader."""

from collections.abc import Iterator, Mapping, Sequence

from aefpga.evaluation.cells.judge import CellsJudgement
from aefpga.evaluation.verdicts import Likeness
from aefpga.firmware.report import SynthesisReport
from aefpga.proof.certificate import Certificate
from aefpga.report import formats
from aefpga.report.anomaly_blocks import anomaly_verdicts
from aefpga.report.blocks import State, Verdict
from aefpga.report.findings import Findings, Judged, is_stale


def verdicts(findings: Findings) -> Iterator[Verdict]:
    """Yield what figures would leave to the reader."""
    if findings.run.is_quantized:
        yield _agreement(findings)
        yield _proof(findings.proof, findings.syntheses)
        yield Verdict(
            "Can a sum overflow?",
            "good",
            "never",
            "Every accumulator holds every sum of the words that can arrive: proven by interval "
            "arithmetic whenever the specification is read.",
        )
    yield from map(_fits, findings.syntheses)
    if findings.anomaly is not None:
        yield from anomaly_verdicts(findings.anomaly)
    judged = findings.judged
    if judged is not None:
        yield from _worth(judged)
        yield from _beside(judged)
        yield from _named(judged)
        if findings.run.is_quantized:
            yield _bounds(judged)
            yield _saturation(judged)
            yield from _saturated_words(judged)
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
    parts = ", ".join(dict.fromkeys(a.part for a in compared.agreements))
    if compared.is_exact:
        reason = (
            f"{equal:,} of {words:,} words equal ({parts}), over all pairs of {names}; "
            f"{tried}{skipped}. Tested on these inputs, not proven for all."
        )
        return Verdict(question, "good", "every word", reason)
    differ = next(a for a in compared.agreements if not a.is_exact)
    reason = (
        f"{equal:,} of {words:,} words equal; {differ.first} and {differ.second} part{skipped}."
    )
    return Verdict(question, "bad", "no", reason)


def _proof(proof: Certificate | None, syntheses: Sequence[SynthesisReport]) -> Verdict:
    question = "Does the RTL give the specification's words for every possible input?"
    if proof is None:
        return Verdict(question, "unknown", "not proven", "The command is at the top.")
    reason = f"{proof.steps['Verilog']}; {proof.seconds:,.0f} s."
    others = [r for r in syntheses if r.sources and r.sources != proof.sources]
    if others:
        designs = ", ".join(f"{r.part} at {r.clock_period_ns:g} ns" for r in others)
        reason += f" Other Verilog was synthesized for {designs}: that is not proven."
    reason += " The HLS project is tested, not proven."
    if proof.verdict != "proven":
        failed = ", ".join(o.name for o in proof.outputs if o.verdict != "proven")
        state: State = "bad" if proof.verdict == "refuted" else "note"
        return Verdict(question, state, proof.verdict, f"Not proven: {failed}. {reason}")
    reason = f"All {len(proof.outputs)} outputs, {proof.latency_cycles} cycles later. {reason}"
    if is_stale(proof, syntheses):
        return Verdict(question, "note", "stale: of other Verilog", reason)
    return Verdict(question, "good", "proven", reason)


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
    reason += f"; asked {asked:.0f} MHz, {report.clock_name} {report.frequency}."
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


def _beside(judged: Judged) -> Iterator[Verdict]:
    found = None if judged.cells is None else judged.cells.beside(judged.model)
    if found is not None:
        states: Mapping[str, State] = {"closer": "good", "as close": "note", "farther": "bad"}
        reason = f"{_capitalised(found.sentence)}."
        question = "Closer than plain choices in as many bits?"
        yield Verdict(question, states[found.verdict], found.verdict, reason)


def _named(judged: Judged) -> Iterator[Verdict]:
    named = judged.named
    if named is None:
        return
    missed = named.wrong - named.wrong_and_improbable
    word = "it is not" if not named.wrong else "not everywhere" if missed else "yes"
    state: State = "bad" if named.verdict == "many" else "note" if missed else "good"
    question = "Does the decoder know where it is wrong?"
    yield Verdict(question, state, word, f"Improbable are {named.sentence}.")


def _bounds(judged: Judged) -> Verdict:
    if judged.cells is not None:
        return _not_bounded(_furthest(judged.cells, judged.model))
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
    return _not_bounded(said)


def _furthest(cells: CellsJudgement, model: str) -> str:
    way = cells.schemes[model].distance.below_90
    unit = f" {cells.unit}" * bool(cells.unit)
    return f"The earth mover's distance of 90 % is below {formats.significant(way)}{unit}."


def _not_bounded(said: str) -> Verdict:
    return Verdict(
        "Is the residual of every value bounded?",
        "note",
        "not by words alone",
        f"{said} In files, `aefpga compress --max-error` bounds every value.",
    )


def _saturation(judged: Judged) -> Verdict:
    question, records = (
        "Do inputs leave the fixed-point range?",
        f"{judged.records:,} {judged.record}",
    )
    if not judged.saturated_inputs:
        return Verdict(question, "good", "no", f"None of {records} does.")
    counts = ", ".join(f"{n:,} in {name}" for name, n in judged.saturated_inputs.items())
    values = sum(judged.saturated_inputs.values())
    word = f"{values:,} value{'s' * (values != 1)}"
    return Verdict(question, "note", word, f"Of {records}: {counts}; these saturate.")


def _saturated_words(judged: Judged) -> Iterator[Verdict]:
    words = judged.saturated_words
    if words is None:
        return
    states: Mapping[str, State] = {"never": "good", "rarely": "note", "often": "bad"}
    reason = f"{_capitalised(words.sentence)}; these saturate."
    question = "Do words of the encoder leave their ranges?"
    yield Verdict(question, states[words.verdict], words.verdict, reason)


def _likeness(name: str, likeness: Likeness) -> Verdict:
    state: State = "good" if likeness.verdict == "like" else "bad"
    question = f"Are the records of {name} like the run's own?"
    return Verdict(question, state, likeness.verdict, f"{_capitalised(likeness.sentence)}.")


def _capitalised(sentence: str) -> str:
    return f"{sentence[0].upper()}{sentence[1:]}"
