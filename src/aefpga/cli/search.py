"""`aefpga search`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from aefpga.choices import ModelKind
from aefpga.cli import show
from aefpga.cli.options import Collection, Input, Json, Record, Variables, finite
from aefpga.cli.training import remark

if TYPE_CHECKING:
    from aefpga.search.outcome import Outcome
    from aefpga.search.space import SearchConfig


def search(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="YAML file of a search, which the other options override."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", help="Folder for runs and results.")] = Path(
        "search"
    ),
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="Encoders to try, earlier calls' included.")
    ] = 40,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0, callback=finite, help="Begin no trial after this many seconds."
        ),
    ] = None,
    max_bits: Annotated[
        int | None, typer.Option("--max-bits", min=1, help="Bits per record, at most.")
    ] = None,
    max_luts: Annotated[
        int | None, typer.Option("--max-luts", min=1, help="LUTs, at most.")
    ] = None,
    max_latency: Annotated[
        float | None,
        typer.Option("--max-latency", min=0.1, callback=finite, help="Latency in ns, at most."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help=f"Kind of autoencoder, may be repeated: {', '.join(get_args(ModelKind))}; "
            "default: linear and standard.",
        ),
    ] = None,
    latents: Annotated[
        str | None,
        typer.Option(
            "--latents",
            metavar="LEAST:MOST",
            help="Words sent, such as 8:15; default: a third of the variables that are no sums, to "
            "all.",
        ),
    ] = None,
    latent_bits: Annotated[
        str | None,
        typer.Option("--latent-bits", metavar="LEAST:MOST", help="Of a word; default: 5:10."),
    ] = None,
    weight_bits: Annotated[
        str | None,
        typer.Option("--weight-bits", metavar="LEAST:MOST", help="Of a weight; default: 4:8."),
    ] = None,
    clock_period: Annotated[
        list[float] | None,
        typer.Option(
            "--clock-period",
            min=0.1,
            help="In ns, may be repeated: each encoder gets the one of least latency; default: "
            "those of 400, 320, 240, 200 and 160 MHz.",
        ),
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", help="FPGA, such as xcvu9p, for the front.")
    ] = None,
    record: Record = None,
    variables: Variables = None,
    inputs: Input = None,
    collection: Collection = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", min=1, help="Of each of the two stages of a full training."),
    ] = None,
    max_jets: Annotated[
        int | None, typer.Option("--max-jets", min=1, help="Read at most this many.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of proposals, split, weights, shuffling.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Dask scheduler, such as tcp://host:8786.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; default: one a core.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Search for encoders that no other beats in bits, LUTs, latency and residual at once.

    Each trial is an encoder of the space: a kind of model with so many latents, widths and layers.
    After a short training it ends if it exceeds a limit, or if another costs no more and is far
    better. Interrupted, the search goes on where it was when called again, also for more --trials.
    What is best is synthesized, written as table, JSON and plot, and a run each.

    Example: `aefpga search --max-bits 100 --max-luts 4000 --trials 40 --output search`, then
    `aefpga csim --run search/runs/012-linear-12x8bit`.
    """
    from aefpga.config import MODULO
    from aefpga.errors import UsageError
    from aefpga.search.space import load_search
    from aefpga.workflow.search import search as run_search

    if scheduler and workers:
        raise UsageError("--workers are of this machine; those of a --scheduler are its own")
    chosen = load_search(
        config,
        {
            "space": _given(
                models=model,
                latents=_span("--latents", latents),
                latent_bits=_span("--latent-bits", latent_bits),
                weight_bits=_span("--weight-bits", weight_bits),
                clock_periods_ns=clock_period,
            ),
            "limits": _given(bits=max_bits, luts=max_luts, latency_ns=max_latency),
            "data": _given(
                input=inputs or None,
                collection=collection,
                record=record,
                variables=variables,
                max_jets=max_jets,
            ),
            "training": _given(epochs=epochs, quantized_epochs=epochs, seed=seed),
            **_given(part=part),
        },
    )
    if chosen.space.models == (MODULO,) and (latents or latent_bits or weight_bits):
        raise UsageError(
            "--latents, --latent-bits and --weight-bits are not of modulo words: their bits are "
            "space.link_bits of a --config, such as [80, 104]; leave these options out"
        )
    with show.progress() as step:
        outcome = run_search(
            chosen,
            output,
            trials=trials,
            timeout_s=timeout,
            scheduler=scheduler,
            workers=workers,
            step=step,
            on_prepared=partial(remark, chosen.data.record.name),
        )
    if as_json:
        show.print_json(outcome.to_dict(chosen))
    else:
        _show(chosen, outcome)
    for note in outcome.notes:
        show.note(note)
    show.note(f"front.json, front.md, front.png and all runs are in {output}/")
    best = outcome.points[0].trial.name
    show.next_command(f"aefpga csim --run {output}/runs/{best}")


def _span(option: str, text: str | None) -> tuple[int, int] | None:
    """Return what ``A:B`` or a number says."""
    from aefpga.errors import UsageError

    if text is None:
        return None
    least, _, most = text.partition(":")
    try:
        return int(least), int(most or least)
    except ValueError:
        raise UsageError(
            f"{option} {text}: expected LEAST:MOST or a number, such as 8:15"
        ) from None


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _show(config: "SearchConfig", outcome: "Outcome") -> None:
    from aefpga.search.outcome import rows

    heading, *body = rows(config, outcome)
    counts = ", ".join(f"{n} {state}" for state, n in outcome.counts.items())
    show.table(f"Front of {len(outcome.trials)} trials ({counts})", heading, body, ("encoder",))
