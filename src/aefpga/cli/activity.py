"""`aefpga activity`."""

from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Jets, Json, RunName, Runs


def activity(
    run: RunName = None,
    runs: Runs = Path("runs"),
    jets: Jets = None,
    prune: Annotated[
        str | None,
        typer.Option(
            "--prune",
            help="Name of a new run: this one without the neurons that are zero for all test jets.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which neurons and inputs work, and what pruning the silent ones saves.

    Mean activation and share of jets in which each neuron fires, in the float and in the quantized
    encoder. Made for sparse models; with learned widths some neurons may be silent, too; a linear
    encoder has none to switch off.

    With --prune the smaller encoder is a run that every verb takes. For the test jets it gives the
    same words, which its decoder reads; for others it says how many do.

    Example: `aefpga train --config sparse_l1_24d --name sparse`, then
    `aefpga activity --run sparse --prune smaller` and `aefpga csim --run smaller`.
    """
    from aefpga.runs import open_run
    from aefpga.workflow.activity import judge_activity
    from aefpga.workflow.prune import prune as write_pruned

    opened = open_run(run, runs)
    with show.progress() as step:
        report = judge_activity(opened, max_jets=jets, step=step)
    smaller = write_pruned(opened, runs, prune) if prune else None
    if as_json:
        show.print_json(report.to_dict() | ({"pruned": str(smaller.folder)} if smaller else {}))
        return
    rows, record = [], opened.schema.name
    for before, after in zip_longest(report.float_model, report.quantized or ()):
        cells = [
            cell
            for x in (before, after)
            for cell in (
                (x.silent, f"{x.mean_firing:.1%}", f"{max(x.mean):.3g}")
                if x
                else (None, None, None)
            )
        ]
        rows.append((f"{before.name} ({len(before.firing)})", *cells))
    titles = ("silent", "mean firing", "largest mean")
    show.table(
        f"Activity over {report.jets:,} test {record}: float, then quantized",
        ("layer (neurons)", *(f"float: {t}" for t in titles), *(f"quantized: {t}" for t in titles)),
        rows,
    )
    means = report.quantized[0] if report.quantized else report.float_model[0]
    show.table(
        "Inputs, as the network reads them",
        ("variable", "mean", "not zero"),
        [
            (name, f"{mean:.3g}", f"{share:.1%}")
            for name, mean, share in zip(report.variables, means.mean, means.nonzero, strict=True)
        ],
    )
    if (pruning := report.pruning) is not None:
        show.note(
            f"{pruning.silent} of {pruning.neurons} hidden neurons are zero for all of these "
            f"{record}; without them {pruning.lut_after:,.0f} LUTs, not "
            f"{pruning.lut_before:,.0f} (da4ml's estimate, {pruning.saved:.1%} saved). Pruned by "
            f"half of these {record}, {pruning.same_jets:.2%} of the other half keep all words; of "
            f"adversarial words {pruning.same_words:.1%} stay the same"
        )
    if smaller is not None:
        pruned = smaller.manifest["pruned"]
        show.note(
            f"{smaller.folder} is the run without them, {smaller.spec.layout}: the same words for "
            f"all of the {pruned['records']:,} test {record}"
        )
        show.next_command(f"aefpga csim --run {smaller.name}")
    show.note(f"activity.json and plots/activity.png are in {opened.folder}/")
