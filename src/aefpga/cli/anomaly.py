"""`aefpga anomaly`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aefpga.choices import ScoreKind
from aefpga.cli import show
from aefpga.cli.options import Collection, Json, RunName, Runs

if TYPE_CHECKING:
    from aefpga.evaluation.anomaly.weighted import Share
    from aefpga.workflow.anomaly import AnomalyReport

# What is said of a share of signal that was mixed into background and training.
INJECTED = {
    "efficiency": "Signal in the background: share of it that is found",
    "purity": "Signal in the background: its share of what passes",
}


def anomaly(
    run: RunName = None,
    runs: Runs = Path("runs"),
    rate: Annotated[
        float,
        typer.Option(
            "--rate", help="Share of the background that the trigger lets pass, at most, below 1."
        ),
    ] = 1e-3,
    score: Annotated[
        ScoreKind,
        typer.Option(
            "--score", help="What the firmware makes of the latent words, for its trigger bit."
        ),
    ] = "absolutes",
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="Background to judge by, a file or quoted glob; may be repeated. None: the run's "
            "own test split.",
        ),
    ] = None,
    signals: Annotated[
        list[str] | None,
        typer.Option(
            "--signal",
            help="Signals, a file or quoted glob; may be repeated. None: the embedded ones.",
        ),
    ] = None,
    collection: Collection = None,
    inject: Annotated[
        list[float] | None,
        typer.Option(
            "--inject",
            help="Share of signal to mix into the background, training included; may be repeated. "
            "Trains once more for each signal.",
        ),
    ] = None,
    channels: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            help="A run of another channel with the same signals, judged before: the improvement "
            "of a signal is that of its best channel. May be repeated.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge anomaly scores, and give the encoder a score, a threshold and a trigger bit.

    The threshold is the least integer that lets at most --rate of the background pass. Score and
    threshold become part of the run's specification: `csim` and `synthesize` include them.

    Beside the scores of the latent words stand what only offline code can compute, what needs no
    network at all, and boosted trees that know the signal.

    Example: `aefpga train --config anomaly --name first`, then
    `aefpga anomaly --run first --rate 1e-3` and `aefpga csim --run first`.
    """
    from aefpga.runs import open_run
    from aefpga.workflow.anomaly import anomaly as judge

    opened = open_run(run, runs)
    with show.progress() as step:
        report = judge(
            opened,
            rate=rate,
            score=score,
            inputs=inputs or (),
            signals=signals or (),
            collection=collection,
            shares=inject or (),
            channels=[open_run(name, runs) for name in channels or ()],
            step=step,
        )
    for remark in report.notes:
        show.note(remark)
    if as_json:
        show.print_json(report.to_dict())
    else:
        _show(report)
        show.say(f"plots are in {opened.folder / 'plots'}/")
    show.next_command(f"aefpga csim --run {opened.name}", f"aefpga synthesize --run {opened.name}")


def _show(report: "AnomalyReport") -> None:
    show.say(f"{report.score}: {report.threshold.sentence}")
    if report.saturated:
        show.say(f"accepted with a latent word at an end of its range: {_of(report.saturated)}")
    _show_background(report)
    _show_scores(report)
    for what, title in INJECTED.items() if report.injected else ():
        show.table(
            f"{title}; {report.threshold.target:g} of all passes",
            ("signal", "share", "in training", "clean training", "with the signal"),
            [
                (x.signal, f"{x.share:g}", x.trained_with,
                 *(_of(getattr(y, what)) for y in (x.clean, x.contaminated)))
                for x in report.injected
            ],
        )  # fmt: skip


def _show_background(report: "AnomalyReport") -> None:
    rows = [
        (name, _of(share), _of(report.accepted.get(name)))
        for name, share in report.processes.items()
    ]
    show.table(
        f"{report.events:,} {report.record} of background, {report.background}",
        ("process", "share", "of what passes"),
        rows,
    )
    show.table(
        "What passes the threshold",
        ("signal", "share"),
        [(name, _of(share)) for name, share in report.passing.items()],
    )


def _show_scores(report: "AnomalyReport") -> None:
    scores = report.found.items()
    show.table(
        "AUC ± statistical error",
        ("score", "computed", *report.signals),
        [(n, report.kinds[n], *(found[s].auc.written(".3f") for s in report.signals))
         for n, found in scores],
        words=("computed",),
    )  # fmt: skip
    known = [
        at for at in report.rates
        if any(x.efficiencies[at] for found in report.found.values() for x in found.values())
    ]  # fmt: skip
    if rare := [f"{at:g}" for at in report.rates if at not in known]:
        show.say(f"too few background events for efficiencies at rates of {' and '.join(rare)}")
    for at in known:
        show.table(
            f"Efficiency at a background rate of {at:g}",
            ("score", *report.signals),
            [(n, *(_of(found[s].efficiencies[at]) for s in report.signals))
             for n, found in scores],
        )  # fmt: skip
    show.table(
        "Improvement of significance, the best at rates of 1e-2 to 1e-4, over all signals",
        ("score", "signals", "least", "median", "largest"),
        [
            (name, x.signals, f"{x.least:.1f}", f"{x.median:.1f}", f"{x.largest:.1f}")
            for name, x in report.summaries.items()
        ],
    )


def _of(share: "Share | None") -> str | None:
    """Return a share with its error, in per cent."""
    return None if share is None else share.written(".2%")
