"""What a page says of an anomaly trigger: its rate, what it finds, and other scores beside it."""

from collections.abc import Iterator

from aefpga.evaluation.anomaly.weighted import Share
from aefpga.report.anomaly import Anomaly
from aefpga.report.blocks import Block, Cell, Facts, Figures, Rows, State, Table, Verdict
from aefpga.report.figures import Axis, Figure, Panel, Series
from aefpga.report.findings import Findings


def anomaly_verdicts(found: Anomaly) -> Iterator[Verdict]:
    """Yield whether the trigger has its rate, and whether its score is worth a network."""
    rate, target = found.trigger.chosen.rate, found.trigger.target
    state: State = "note" if found.is_rough else "good"
    word = f"{rate.value:.2g}, roughly" if found.is_rough else f"{rate.value:.2g}"
    question = f"Does the trigger have its rate of {target:g}?"
    yield Verdict(question, state, word, f"{found.verdict[0].upper()}{found.verdict[1:]}.")
    yield _worth(found)


def _worth(found: Anomaly) -> Verdict:
    question = "Is its score better than chance, and than scores without a network?"
    areas = {n: {s: x.auc.value for s, x in of.signals.items()} for n, of in found.scores.items()}
    own = areas[found.own]
    simple = [areas[n] for n, of in found.scores.items() if of.computed == "no network"]
    worse = [signal for signal, area in own.items() if area < 0.5]
    beaten = [signal for signal, area in own.items() if any(x[signal] > area for x in simple)]
    if worse:
        reason = f"The AUC is below 0.5 for {', '.join(worse)}."
        return Verdict(question, "bad", "worse than chance", reason)
    if beaten:
        reason = f"One of those has a larger AUC for {', '.join(beaten)}."
        return Verdict(question, "bad", "not than those", reason)
    reason = f"Its AUC is the largest of them for {', '.join(own)}."
    return Verdict(question, "good", "yes", reason)


def anomaly_blocks(findings: Findings) -> Iterator[Block]:
    """Yield the trigger, what passes of each signal, and areas under curves of all scores."""
    found = findings.anomaly
    if found is None:
        return
    trigger, background = found.trigger, found.background
    signals = list(trigger.signals)
    yield Facts(
        {
            "trigger bit": f"1 where {findings.run.spec.trigger}",
            "background": f"{background.events:,} {found.record}, {background.source}; as good as "
            f"{background.effective_events:,.0f} of equal weight",
            "its rate": _share(trigger.chosen.rate),
            **({"to know": "; ".join(found.notes)} if found.notes else {}),
        }
    )
    passing: list[list[Cell]] = [[n, _share(trigger.signals[n])] for n in signals]
    yield Table("What passes of each signal", ("signal", "share"), [Rows("", passing)])
    rows: list[list[Cell]] = [
        [name, score.computed, *(score.signals[n].auc.written(".3f") for n in signals)]
        for name, score in found.scores.items()
    ]
    yield Table(
        "Area under the curve of efficiency against rate (0.5: chance)",
        ("score", "computed", *signals),
        [Rows("", rows)],
        words=(1,),
        note=f"The trigger's score is the {found.own}. Errors are one standard deviation. What is "
        "supervised has seen the signal, and is a ceiling.",
    )
    yield Figures([_curves(found)], chooses="signal")


def _share(share: Share) -> str:
    return f"{share.value:.2g} ± {share.error:.1g}"


def _curves(found: Anomaly) -> Figure:
    panels = {}
    for signal in found.trigger.signals:
        series = []
        for colour, (name, score) in enumerate(found.scores.items(), 1):
            curve = score.signals[signal].curve
            points = [
                (rate, share)
                for rate, share in zip(curve.rates, curve.efficiencies, strict=True)
                if rate > 0 and share > 0
            ]
            rates, shares = zip(*points, strict=True)
            series.append(
                Series(name, "line", rates, shares, colour, dashed=score.computed != "firmware")
            )
        panels[signal] = Panel(
            Axis("share of the background that passes", log=True),
            Axis(f"share of {signal} that passes", log=True),
            series,
        )
    caption = "Up and left is better. Dashed: not computed in firmware."
    return Figure("anomaly", "Efficiency against rate", caption, panels, "anomaly")
