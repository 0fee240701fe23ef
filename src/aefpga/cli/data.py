"""`aefpga data`: look into files, and simulate records."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Json, Record, finite

if TYPE_CHECKING:
    from aefpga.data.inspect import Feed

app = typer.Typer(
    help="Look into files, draft schemas, and simulate records.", no_args_is_help=True
)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="File of ROOT, HDF5, Parquet, NumPy or CSV.")],
    collection: Annotated[
        str | None, typer.Option("--collection", help="Collection; default: the usual one.")
    ] = None,
    record: Record = None,
    as_json: Json = False,
) -> None:
    """Show what a file holds, which variable sets it can feed, and the ranges of its variables.

    Example: `aefpga data inspect jets.root`, or `aefpga data inspect flat.root --schema mine.yaml`.
    """
    from aefpga.data.inspect import inspect as look
    from aefpga.schema import find_schema

    found = look(file, collection, find_schema(record) if record else None)
    if as_json:
        show.print_json(found.to_dict())
        return
    others = ", ".join(c for c in found.collections if c != found.collection)
    show.table(
        str(file),
        ("", "value"),
        [
            ("format", found.format),
            *([("tree", found.tree)] if found.tree else []),
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
def schema(
    file: Annotated[Path, typer.Argument(help="File of ROOT, Parquet, HDF5, NumPy or CSV.")],
    tree: Annotated[
        str,
        typer.Option("--tree", help="Tree, group or data set, where the file has several."),
    ] = "",
    columns: Annotated[
        str, typer.Option("--columns", help="Pattern of the columns to take, such as 'Jet_*'.")
    ] = "*",
) -> None:
    """Draft a schema, in YAML, with which any table can be read: what to call, what it is.

    Units and kinds are guessed from names and values, and marked as guesses: check each line.

    Example: `aefpga data schema flat.root`, kept by `> mine.yaml`, then
    `aefpga train --schema mine.yaml --input flat.root`.
    """
    from aefpga.data.draft import draft

    print(draft(file, tree, columns), end="")
    show.next_command("aefpga train --schema mine.yaml --input FILE, once mine.yaml is right")


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("--output", help="ROOT file to write.")],
    record: Annotated[
        str, typer.Option("--record", help="jets, events, cells, images or regions.")
    ] = "jets",
    process: Annotated[
        str | None,
        typer.Option(
            "--process",
            help="Of jets: qcd (default), ttbar, wz-jets, photon-jet, resonance. Of events: "
            "background (default: w, qcd, z, ttbar by shares) or one of these; signals (a-4l, "
            "h0-tautau, hpm-taunu, lq-btau, alike) or one of these. Of cells: pileup (default) or "
            "jets. Of images: one-prong (default) or two-prongs.",
        ),
    ] = None,
    events: Annotated[
        int | None,
        typer.Option("--events", min=1, help="Number of events; default: 20,000."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Decides every bit; default: 1.")
    ] = None,
    min_pthat: Annotated[
        float | None,
        typer.Option(
            "--min-pthat",
            min=1.0,
            callback=finite,
            help="Jets: smallest pt of the hard process, GeV; default: 40.",
        ),
    ] = None,
    mass: Annotated[
        float | None,
        typer.Option(
            "--mass", callback=finite, help="Jets: mass of the resonance, GeV; default: 1500."
        ),
    ] = None,
    tune: Annotated[
        int | None,
        typer.Option(
            "--tune", min=1, help="Jets: Pythia's Tune:pp, such as 5 (4C); default: 14, Monash."
        ),
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="Worker processes; default: all cores.")
    ] = None,
) -> None:
    """Make jets or events with Pythia 8 and FastJet and a detector-like response; or toy cells.

    Jets: 8 TeV, anti-kt 0.5. Events: 13 TeV, those that have an isolated lepton above 23 GeV. Both
    need the extra `simulate`. Cells of modules, calorimeter regions and jet images are toys:
    showers of random energies, places and widths. The same seed gives the same file on any number
    of cores.

    Example: `aefpga data simulate --record events --process w --events 2000 --output w.root`, or
    `aefpga data simulate --record cells --events 10000 --output cells.root`.
    """
    from dataclasses import asdict

    from aefpga.data.simulate import make_simulation
    from aefpga.data.simulate import simulate as make
    from aefpga.data.writer import write_records

    options = {
        "process": process,
        "events": events,
        "seed": seed,
        "min_pthat": min_pthat,
        "mass": mass,
        "tune": tune,
    }
    given = {name: value for name, value in options.items() if value is not None}
    simulation = make_simulation(record, given)
    facts = {"simulation": asdict(simulation), "versions": simulation.versions}
    with show.progress() as step:
        parts = make(simulation, processes, step)
        written = write_records(output, parts, facts)
    origin = f" from {simulation.events:,} events" if written != simulation.events else ""
    show.say(f"{written:,} {record}{origin} in {output}")
