"""`aefpga evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING

from aefpga.cli import show
from aefpga.cli.options import Collection, Input, Jets, Json, RunName, Runs

if TYPE_CHECKING:
    from aefpga.evaluation.metrics import Spread, VariableQuality
    from aefpga.evaluation.physics import CorrelationChange
    from aefpga.workflow.evaluate import Evaluation


def evaluate(
    run: RunName = None,
    inputs: Input = None,
    collection: Collection = None,
    runs: Runs = Path("runs"),
    jets: Jets = None,
    as_json: Json = False,
) -> None:
    """Reconstruct the test jets and judge them, beside float truncation.

    Float model, quantized model and C simulation in normalised units, as the literature does, and
    in physical units, which show what min-max errors hide. Plots go into the run's folder.

    With --input it judges other jets than the run's own test jets, and says how different they are:
    how well does an encoder do on a process that it was not trained on?

    Example: `aefpga evaluate --run first`, or `aefpga evaluate --input "ttbar/*.root"`.
    """
    from aefpga.runs import open_run
    from aefpga.workflow.evaluate import evaluate as evaluate_run

    opened = open_run(run, runs)
    with show.progress() as step:
        result = evaluate_run(
            opened, inputs=inputs or (), collection=collection, max_jets=jets, step=step
        )
    for remark in result.notes:
        show.note(remark)
    if as_json:
        show.print_json(result.to_dict())
    else:
        _show_evaluation(result)


def _show_evaluation(result: "Evaluation") -> None:
    # Where words are equal, so are the figures: one column for both.
    columns: dict[str, str] = {}
    for name, quality in result.qualities.items():
        same = next((n for n in columns if result.qualities[n] == quality), None)
        columns[same or name] = f"{columns[same]} = {name}" if same else name
    names, titles = list(columns), list(columns.values())
    qualities = [result.qualities[n] for n in names]
    show.table(
        f"{result.jets:,} test jets, normalised (min-max) units",
        ("", *titles),
        [
            ("bits per jet", *(f"{result.bits_per_jet[n]:.0f}" for n in names)),
            ("mean squared error", *(f"{q.mse:.2e}" for q in qualities)),
            ("its root", *(f"{q.rmse:.2e}" for q in qualities)),
            ("mean |residual|", *(f"{q.mean_absolute_residual:.2e}" for q in qualities)),
        ],
    )
    rows = []
    for i, variable in enumerate(qualities[0].variables):
        cells = [q.variables[i] for q in qualities]
        unit = "" if variable.kind == "relative" else f" [{variable.unit}]" * bool(variable.unit)
        rows.append((variable.name + unit, *(_residual(c) for c in cells)))
    show.table(
        "Residual that 68 % of jets stay below; multiplicities: share exactly right",
        ("", *titles),
        rows,
    )
    physics, first = [result.physics[n] for n in names], qualities[0].shown[0]
    bins = [(r.pt_low, r.pt_high, r.detector) for r in physics[0].resolution]
    show.table(
        "What compression adds to the pt resolution of CMS (arXiv:1607.03663), in quadrature",
        ("pt [GeV], resolution", *titles),
        [
            (
                f"{low:g} to {high:g}, {detector:.0%}" if high else f"from {low:g}, {detector:.0%}",
                *(f"{p.resolution[i].added:.2%}" for p in physics),
            )
            for i, (low, high, detector) in enumerate(bins)
        ],
    )
    show.table(
        "Sum rules, pairs and distributions",
        ("", *titles),
        [
            (
                f"{first} response, core mean",
                *(_response(q.variable(first).residual) for q in qualities),
            ),
            (
                f"{first} response, core width",
                *(_percent(q.variable(first).residual.core_width) for q in qualities),
            ),
            ("mass of random pairs, 68 %", *(_percent(_width(p.pair_mass)) for p in physics)),
            ("sum of energies, 68 %", *(_percent(_width(p.energy_sum)) for p in physics)),
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
                *(f"{max(p.kolmogorov.values()):.3f}" for p in physics),
            ),
        ],
    )
    if result.distance:
        name = max(result.distance, key=lambda n: result.distance[n])
        show.note(
            f"these jets differ from the run's test jets most in {name}: Kolmogorov distance "
            f"{result.distance[name]:.3f}; in {first} {result.distance[first]:.3f}"
        )
    if result.saturated_inputs:
        counts = ", ".join(f"{n} in {v}" for v, n in result.saturated_inputs.items())
        show.note(f"input values outside the fixed-point range, saturated: {counts}")


def _response(spread: "Spread") -> str | None:
    return None if spread.core_mean is None else f"{1 + spread.core_mean:.4f}"


def _change(change: "CorrelationChange | None") -> str:
    return "none" if change is None else f"{change.after - change.before:+.3f}"


def _width(spread: "Spread | None") -> float | None:
    return None if spread is None else spread.half_width_68


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.2%}"


def _residual(quality: "VariableQuality") -> str | None:
    width = quality.residual.half_width_68
    if width is None:
        return None
    if quality.exact is not None:
        return f"{100 * quality.exact:.1f} %"
    return f"{100 * width:.2g} %" if quality.kind == "relative" else f"{width:.2g}"
