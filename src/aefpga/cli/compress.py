"""`aefpga compress`, `aefpga decompress` and `aefpga info`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from aefpga.cli import show
from aefpga.cli.options import Collection, Json, RunName, Runs, Variables

if TYPE_CHECKING:
    from aefpga.codec.archive import Archive
    from aefpga.workflow.store import Stored

OwnRun = Annotated[str | None, typer.Option("--run", help="The run, for a file without its model.")]
File = Annotated[Path, typer.Argument(help="Compressed jets (.aejets).", metavar="FILE")]
SkipDamaged = Annotated[
    bool,
    typer.Option("--skip-damaged", help="Read what is left of a damaged or truncated file."),
]


def compress(
    inputs: Annotated[
        list[str], typer.Argument(help="ROOT files or quoted globs.", metavar="INPUT...")
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="File to write (.aejets); or a folder, for a file each."
        ),
    ],
    run: RunName = None,
    runs: Runs = Path("runs"),
    max_error: Annotated[
        str | None,
        typer.Option("--max-error", help="Bound for every value: a percentage, or a YAML profile."),
    ] = None,
    scalar: Annotated[
        bool,
        typer.Option("--scalar", help="No autoencoder: quantize each variable to --max-error."),
    ] = False,
    level: Annotated[
        str,
        typer.Option(
            "--level",
            help="fast, or best: learn how variables depend on each other; smaller, slower.",
        ),
    ] = "fast",
    learned_from: Annotated[
        Path | None,
        typer.Option("--learned-from", help="Use again what another .aejets file learned."),
    ] = None,
    variables: Variables = None,
    keep_outliers: Annotated[
        bool,
        typer.Option(help="Keep jets exactly that are out of the encoder's range."),
    ] = True,
    embed_model: Annotated[
        bool,
        typer.Option(help="Put encoder and decoder into the file; else it needs --run to be read."),
    ] = True,
    collection: Collection = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", help="Dask scheduler, such as tcp://host:8786, for a folder."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Processes for a folder; default: one a core."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compress the jets of ROOT files into the words that the firmware would send.

    With --max-error 1% every value of every jet is within its bound after decompression: momenta
    and energies to 1 % (of at least 1 GeV), angles to 0.015, areas to 1 %, multiplicities exactly.
    Without, errors are what the autoencoder makes of the jets, except for those out of its range.
    Event structure, run and event numbers and weights are kept as they were.

    --scalar needs no run and makes smaller files at the same bound; what it lacks is a fixed rate.
    --level best takes a quarter less space: it learns from the first 130,000 jets, or, with
    --learned-from, takes over what another file of the same settings has learned.

    Where the output has no suffix it is a folder: each input becomes a file there, several at a
    time, and the same command, after whatever interruption, goes on where it was.
    """
    from dataclasses import asdict

    from aefpga.codec.bounds import parse_profile
    from aefpga.errors import UsageError
    from aefpga.runs import open_run
    from aefpga.workflow.compress import LEVELS, Settings
    from aefpga.workflow.compress import compress as compress_jets
    from aefpga.workflow.store import compress_store

    if level not in LEVELS:
        raise UsageError(f"--level {level}: expected {' or '.join(LEVELS)}")
    settings = Settings(
        variables=variables,
        profile=parse_profile(max_error) if max_error else None,
        level="best" if learned_from else level,
        # Workers may have another working folder.
        learned_from=learned_from.resolve() if learned_from else None,
        keep_outliers=keep_outliers,
        with_model=embed_model,
        collection=collection,
    )
    if variables and not scalar:
        raise UsageError("--variables goes with --scalar; an encoder keeps its own variables")
    if scalar and (run or not embed_model or not keep_outliers):
        raise UsageError("--scalar has no encoder: no --run, no model to embed, no outliers of one")
    if scheduler and workers:
        raise UsageError("--workers are of this machine; those of a --scheduler are its own")
    opened = None if scalar else open_run(run, runs)
    folder = output.endswith("/") or Path(output).is_dir() or not Path(output).suffix
    if folder:
        with show.progress() as step:
            stored = compress_store(
                opened,
                inputs,
                Path(output),
                settings,
                scheduler=scheduler,
                workers=workers,
                step=step,
            )
        _show_stored(stored, as_json)
        return
    if scheduler or workers:
        raise UsageError(f"--scheduler and --workers need a folder as output, {output} is a file")
    with show.progress() as step:
        result = compress_jets(opened, inputs, Path(output), settings, step=step)
    if as_json:
        show.print_json(asdict(result))
        return
    rows = [
        ("jets", f"{result.jets:,} in {result.events:,} events"),
        ("branches read", _in_root(result.source_bytes)),
        ("compressed", _ratio(result.compressed_bytes, result.source_bytes)),
        *((f"{part}, bits per jet", f"{bits:.1f}") for part, bits in result.bits_per_jet.items()),
        ("jets out of range", f"{result.saturated_jets:,}"),
        ("values kept exactly", f"{result.exact_values:,}"),
    ]
    show.table(f"{output}", ("", "value"), rows)
    if settings.profile is None:
        show.note("no --max-error: errors are not bounded; see `aefpga info` for what they are")


def _show_stored(stored: "Stored", as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        show.print_json(asdict(stored))
    else:
        rows = [
            ("files", f"{stored.files:,}, {stored.found_done:,} of them done before"),
            ("jets", f"{stored.jets:,}"),
            ("branches read", _in_root(stored.source_bytes)),
            ("compressed", _ratio(stored.compressed_bytes, stored.source_bytes)),
            ("time", f"{stored.seconds:.1f} s"),
        ]
        show.table(stored.folder, ("", "value"), rows)
    for source, reason in stored.failed.items():
        show.errors.print(f"[bold red]failed[/]: {escape(source)}: {escape(reason)}")
    if stored.failed:
        raise typer.Exit(1)


def decompress(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="ROOT file to write.")],
    variables: Annotated[
        str | None, typer.Option("--variables", help="Names with commas between; default: all.")
    ] = None,
    entries: Annotated[
        str | None, typer.Option("--entries", help="Events FIRST:LAST, the last left out.")
    ] = None,
    run: OwnRun = None,
    runs: Runs = Path("runs"),
    skip_damaged: SkipDamaged = False,
) -> None:
    """Give the jets back as a ROOT file. Needs no TensorFlow."""
    from aefpga.workflow.compress import decompress as decompress_jets

    first, last = _range(entries)
    archive = _open(file, run, runs, skip_damaged)
    names = [n.strip() for n in variables.split(",")] if variables else None
    with show.progress() as step:
        jets = decompress_jets(archive, output, variables=names, first=first, last=last, step=step)
    for number, reason in archive.skipped.items():
        show.note(f"chunk {number} was left out: {reason}")
    show.console.print(f"{jets:,} jets in {output}", markup=False)
    if archive.skipped:
        raise typer.Exit(1)


def info(
    file: File,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every checksum and decode every chunk.")
    ] = False,
    run: OwnRun = None,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Say what is inside, from which model, how small, how exact, and whether it is whole."""
    from dataclasses import asdict

    from aefpga.workflow.compress import compressed_facts

    archive = _open(file, run, runs, False)
    facts, header = compressed_facts(archive), archive.reader.header
    damaged = archive.reader.damaged() if verify else None
    if verify and not damaged:
        for _ in archive.iterate():
            pass
    if as_json:
        show.print_json({**header, **asdict(facts), "damaged": damaged})
    else:
        bound = header["max_error"]
        energy = bound and bound["energy"]
        rows = [
            ("made by", f"aefpga {header['aefpga']}, run {header['run'] or 'none'}"),
            ("encoder", f"{(header['encoder'] or 'none, scalar quantization')[:26]}"),
            ("coded by", "learned models" if header.get("entropy") else "histograms"),
            ("jets", f"{facts.jets:,} in {facts.events:,} events"),
            ("branches read", _in_root(facts.source_bytes)),
            ("compressed", _ratio(facts.compressed_bytes, facts.source_bytes)),
            ("bits per jet", f"{sum(facts.bits_per_jet.values()):.1f}"),
            (
                "bound",
                f"energies to {energy['relative']:.3%} or {energy['absolute']:g} GeV"
                if energy
                else "none",
            ),
            ("values kept exactly", f"{facts.exact_values:,}"),
            ("checksums", "not checked" if damaged is None else ", ".join(damaged) or "all right"),
        ]
        show.table(str(file), ("", "value"), rows)
        show.table(
            "Errors when it was made",
            ("variable", "root mean square", "largest"),
            [
                (
                    f"{name} [{unit}]" if unit else name,
                    f"{facts.root_mean_square_error[name]:.3g}",
                    f"{facts.largest_error[name]:.3g}",
                )
                for name, unit in zip(header["variables"], header["units"], strict=True)
            ],
        )
    if damaged:
        show.errors.print(f"[bold red]damaged[/]: {', '.join(damaged)}")
        raise typer.Exit(1)


def _in_root(size: int) -> str:
    return f"{size:,} bytes in ROOT" if size else "in the tree's header, of unknown size"


def _ratio(compressed: int, source: int) -> str:
    smaller = f": {source / compressed:.1f} times smaller" if source and compressed else ""
    return f"{compressed:,} bytes{smaller}"


def _open(file: Path, run: str | None, runs: Path, salvage: bool) -> "Archive":
    from aefpga.codec.archive import Archive
    from aefpga.runs import open_run

    folder = open_run(run, runs).folder if run else None
    return Archive(file, folder, salvage=salvage)


def _range(entries: str | None) -> tuple[int, int | None]:
    from aefpga.errors import UsageError

    if entries is None:
        return 0, None
    first, colon, last = entries.partition(":")
    try:
        found = int(first or 0), int(last) if last else None
    except ValueError:
        found = -1, None
    if not colon or found[0] < 0 or (found[1] is not None and found[1] <= found[0]):
        raise UsageError(f"--entries {entries}: expected FIRST:LAST, such as 1000:2000")
    return found
