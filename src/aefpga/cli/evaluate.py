"""`aefpga evaluate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Collection, Input, Jets, Json, RunName, Runs

if TYPE_CHECKING:
    from aefpga.evaluation.cells.judge import CellsJudgement
    from aefpga.evaluation.metrics import Spread, VariableQuality
    from aefpga.evaluation.physics import CorrelationChange
    from aefpga.workflow.evaluate import Evaluation


def evaluate(
    run: RunName = None,
    inputs: Input = None,
    collection: Collection = None,
    runs: Runs = Path("runs"),
    kind: Annotated[
        str | None,
        typer.Option(
            "--object",
            help="With --input of events: single objects as jets of one particle, e, mu or g.",
        ),
    ] = None,
    jets: Jets = None,
    fail_if_unlike: Annotated[
        bool,
        typer.Option(
            "--fail-if-unlike",
            help="With --input: exit 1 if those jets are unlike those of the training.",
        ),
    ] = False,
    as_json: Json = False,
) -> str:
    """Reconstruct the test jets and judge them, beside float truncation.

    First verdicts: does the encoder send fewer bits than float truncation would for the same
    residual? Then float model, quantized model and C simulation in physical units, and in
    normalised ones, as the literature does. Plots (PNG and PDF) go into the run's folder.

    Cells are judged as such, too: earth mover's distance, energy, position and width, beside the
    largest cells, a threshold, super cells and truncation in as many bits.

    With --input it judges other jets than the run's own test jets, and says whether they are like
    them: how well does an encoder do on a process that it was not trained on?

    With --object too, those are single electrons, muons or photons of files of events: what does
    an encoder of jets make of one particle?

    Example: `aefpga evaluate --run first`, `aefpga evaluate --input "ttbar/*.root"`, or `aefpga
    evaluate --input w.root --object mu`.
    """
    from aefpga.errors import UsageError
    from aefpga.runs import open_run
    from aefpga.workflow.evaluate import evaluate as evaluate_run

    if fail_if_unlike and not inputs:
        raise UsageError("--fail-if-unlike compares jets of files: say which with --input")
    if kind and not inputs:
        raise UsageError("--object is of files of events: say which with --input")
    opened = open_run(run, runs)
    with show.progress() as step:
        result = evaluate_run(
            opened,
            inputs=inputs or (),
            collection=collection,
            kind=kind,
            max_records=jets,
            step=step,
        )
    for remark in result.notes:
        show.note(remark)
    if as_json:
        show.print_json(result.to_dict())
    else:
        _show_verdicts(result, opened.name)
        _show_figures(result)
        show.say(f"plots are in {result.folder / 'plots'}/")
    if fail_if_unlike and result.likeness and result.likeness.verdict == "unlike":
        show.problem("unlike", result.likeness.sentence)
        raise typer.Exit(1)
    name = result.schema.name
    return f"aefpga compress {name}.root -o {name}.aejets"


def _show_verdicts(result: "Evaluation", run: str) -> None:
    """Say first what figures would leave to the reader."""
    if result.likeness:
        verdict = f"{result.likeness.verdict} the {result.schema.name} of run {run}"
        show.say(f"{verdict}: {result.likeness.sentence}")
    if result.worth:
        show.say(f"{result.worth.verdict} bits than float truncation: {result.worth.sentence}")
    if result.cells and (beside := result.cells.beside(result.model)):
        than = "as" if beside.verdict == "as close" else "than"
        show.say(f"{beside.verdict} {than} plain choices: {beside.sentence}")
    if result.named:
        show.say(f"{result.named.verdict} improbable records: {result.named.sentence}")
    if result.lacking:
        show.say(f"not judged, for the data lack them: {', '.join(result.lacking)}")
    if result.saturated_inputs:
        counts = ", ".join(f"{n:,} in {v}" for v, n in result.saturated_inputs.items())
        show.say(f"outside the fixed-point range, saturated: {counts}")
    if (words := result.saturated_words) and words.layers:
        show.say(f"words leave their range {words.verdict}: {words.sentence}")


def _show_figures(result: "Evaluation") -> None:
    # Where words are equal, so are the figures: one column for both.
    columns: dict[str, str] = {}
    for name, quality in result.qualities.items():
        same = next((n for n in columns if result.qualities[n] == quality), None)
        columns[same or name] = f"{columns[same]} = {name}" if same else name
    names, titles = list(columns), list(columns.values())
    if result.cells:
        _show_cells(result.cells)
    qualities, records = [result.qualities[n] for n in names], result.schema.name
    rows: list[tuple[object, ...]] = [
        ("bits per record", *(f"{result.bits_per_record[n]:.0f}" for n in names))
    ]
    shown = qualities[0].shown if result.cells else None
    for i, variable in enumerate(qualities[0].variables):
        if shown is not None and variable.name not in shown:
            continue
        cells = [q.variables[i] for q in qualities]
        unit = "" if variable.kind == "relative" else f" [{variable.unit}]" * bool(variable.unit)
        rows.append((variable.name + unit, *(_residual(c) for c in cells)))
    show.table(
        f"{result.records:,} {records}: residual that 68 % stay below; counts: share exactly right",
        ("", *titles),
        rows,
    )
    _show_physics(result, names, titles)
    show.table(
        "Normalised (min-max) units",
        ("", *titles),
        [
            ("mean squared error", *(f"{q.mse:.2e}" for q in qualities)),
            ("its root", *(f"{q.rmse:.2e}" for q in qualities)),
            ("mean |residual|", *(f"{q.mean_absolute_residual:.2e}" for q in qualities)),
        ],
    )


def _show_cells(judged: "CellsJudgement") -> None:
    names, qualities = list(judged.schemes), list(judged.schemes.values())
    unit = f" [{judged.unit}]" * bool(judged.unit)
    show.table(
        f"{judged.records:,} records as cells, beside plain choices in as many bits",
        ("", *names),
        [
            ("bits per record", *(f"{q.bits:.0f}" for q in qualities)),
            (f"earth mover's distance{unit}, mean", *(_number(q.distance.mean) for q in qualities)),
            ("its median", *(_number(q.distance.median) for q in qualities)),
            ("90 % stay below", *(_number(q.distance.below_90) for q in qualities)),
            ("energy response, median", *(_signed(q.response.median) for q in qualities)),
            ("its 68 % half-width", *(_percent(q.response.half_width_68) for q in qualities)),
            (f"way of the centre{unit}, mean", *(_number(q.position.mean) for q in qualities)),
            (f"change of width{unit}, 68 %", *(_number(q.width.half_width_68) for q in qualities)),
            ("nothing comes back", *(_percent(q.lost) for q in qualities)),
        ],
    )
    for title, below, binned in (
        ("cells that are not 0", 1, [q.by_occupancy for q in qualities]),
        ("sum of the cells", 0, [q.by_energy for q in qualities]),
    ):
        show.table(
            f"Mean earth mover's distance{unit}, by {title}",
            (title, "records", *names),
            [
                (
                    _range(one.low, one.high, below),
                    f"{one.records:,}",
                    *(_number(bins[i].distance.mean) for bins in binned),
                )
                for i, one in enumerate(binned[0])
            ],
        )
    for name, quality in judged.schemes.items():
        if quality.how:
            show.say(f"{name}: {quality.how}")


def _range(low: float, high: float | None, below: int) -> str:
    """Return a bin in words; of whole numbers, of which `below` is 1, with its last one."""
    if high is None:
        return f"from {low:g}"
    return f"{low:g} to {high - below:g}" if high - below > low else f"{low:g}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _signed(share: float | None) -> str | None:
    return None if share is None else f"{share:+.2%}"


def _show_physics(result: "Evaluation", names: Sequence[str], titles: Sequence[str]) -> None:
    qualities = [result.qualities[n] for n in names]
    physics, first = [result.physics[n] for n in names], qualities[0].shown[0]
    bins = [(r.pt_low, r.pt_high, r.detector) for r in physics[0].resolution]
    if bins:
        show.table(
            "What compression adds to the pt resolution of CMS (arXiv:1607.03663), in quadrature",
            ("pt [GeV], resolution", *titles),
            [
                (
                    f"{low:g} to {high:g}, {share:.0%}" if high else f"from {low:g}, {share:.0%}",
                    *(f"{p.resolution[i].added:.2%}" for p in physics),
                )
                for i, (low, high, share) in enumerate(bins)
            ],
        )
    rows: list[tuple[object, ...]] = []
    if qualities[0].variable(first).kind == "relative":
        cores = [q.variable(first).residual for q in qualities]
        rows += [
            (f"{first} response, core mean", *map(_response, cores)),
            (f"{first} response, core width", *(_percent(c.core_width) for c in cores)),
        ]
    for what, field in (("mass of random pairs", "pair_mass"), ("sum of energies", "energy_sum")):
        widths = [_width(getattr(p, field)) for p in physics]
        if any(w is not None for w in widths):
            rows.append((f"{what}, 68 %", *map(_percent, widths)))
    show.table(
        "Sum rules, pairs and distributions",
        ("", *titles),
        [
            *rows,
            *(
                (f"{name} is its sum", *(_percent(p.multiplicity_sums[name]) for p in physics))
                for name in physics[0].multiplicity_sums
            ),
            (
                "largest change of a correlation",
                *(_change(p.correlation_change) for p in physics),
            ),
            (
                "largest Kolmogorov distance",
                *(f"{max(p.kolmogorov.values(), default=0):.3f}" for p in physics),
            ),
        ],
    )


def _response(spread: "Spread") -> str | None:
    return None if spread.core_mean is None else f"{1 + spread.core_mean:.4f}"


def _change(change: "CorrelationChange | None") -> str:
    return "none" if change is None else f"{change.after - change.before:+.3f}"


def _width(spread: "Spread | None") -> float | None:
    return None if spread is None else spread.half_width_68


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.2%}"


def _residual(quality: "VariableQuality") -> str | None:
    from aefpga.evaluation.figures import two_digits

    width = quality.residual.half_width_68
    if width is None:
        return None
    if quality.exact is not None:
        return f"{100 * quality.exact:.1f} %"
    return f"{two_digits(100 * width)} %" if quality.kind == "relative" else two_digits(width)
