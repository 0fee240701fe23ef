"""`aefpga data`: look into files, and simulate jets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Json, finite

if TYPE_CHECKING:
    from aefpga.data.inspect import Feed

app = typer.Typer(help="Look into ROOT files and simulate jets.", no_args_is_help=True)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="ROOT file.")],
    collection: Annotated[
        str | None, typer.Option("--collection", help="Collection; default: the usual one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a file holds, which variable sets it can feed, and the ranges of its variables.

    Example: `aefpga data inspect jets.root`.
    """
    from aefpga.data.inspect import inspect as look

    found = look(file, collection)
    if as_json:
        show.print_json(found.to_dict())
        return
    others = ", ".join(c for c in found.collections if c != found.collection)
    show.table(
        str(file),
        ("", "value"),
        [
            ("format", found.format),
            ("tree", found.tree),
            ("collection", found.collection + (f" (also {others})" if others else "")),
            ("events", f"{found.events:,}"),
            (found.record, f"{found.records:,}"),
        ],
        words=("value",),
    )
    if found.sets:
        rows = [(name, _answer(feed), ", ".join(feed.missing)) for name, feed in found.sets.items()]
        columns = ("set", "can be read", "missing")
        show.table("Variable sets", columns, rows, words=columns[1:])
    show.table(
        "Ranges",
        ("variable", "kind", "minimum", "median", "maximum"),
        [
            (
                r.name,
                r.kind + f" [{r.unit}]" * bool(r.unit),
                *(f"{value:.3g}" for value in (r.minimum, r.median, r.maximum)),
            )
            for r in found.ranges
        ],
        words=("kind",),
    )


def _answer(feed: "Feed") -> str:
    if not feed.can_be_read:
        return "no"
    return "in part" if feed.missing else "yes"


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("--output", help="ROOT file to write.")],
    process: Annotated[
        str, typer.Option("--process", help="qcd, ttbar, wz-jets, photon-jet or resonance.")
    ] = "qcd",
    events: Annotated[int, typer.Option("--events", min=1, help="Number of events.")] = 20_000,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Decides every bit of the result.")
    ] = 1,
    min_pthat: Annotated[
        float,
        typer.Option(
            "--min-pthat",
            min=1.0,
            callback=finite,
            help="Smallest pt of the hard process, GeV.",
        ),
    ] = 40.0,
    mass: Annotated[
        float, typer.Option("--mass", callback=finite, help="Mass of the resonance, GeV.")
    ] = 1500.0,
    tune: Annotated[
        int, typer.Option("--tune", min=1, help="Pythia's Tune:pp, such as 5 (4C); 14 is Monash.")
    ] = 14,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="Worker processes; default: all cores.")
    ] = None,
) -> None:
    """Make jets with Pythia 8 and FastJet: 8 TeV, anti-kt 0.5, detector-like smearing.

    The same seed gives the same file on any number of cores. Needs the extra `simulate`.

    Example: `aefpga data simulate --process ttbar --events 2000 --output ttbar.root`.
    """
    from dataclasses import asdict

    from aefpga.data.simulate import Simulation, simulator_versions
    from aefpga.data.simulate import simulate as make
    from aefpga.data.writer import write_records

    simulation = Simulation(process, events, seed, min_pthat, mass, tune=tune)
    facts = {"simulation": asdict(simulation), "versions": simulator_versions()}
    with show.progress() as step:
        parts = make(simulation, processes, step)
        written = write_records(output, parts, facts)
    show.say(f"{written:,} jets from {events:,} events in {output}")
