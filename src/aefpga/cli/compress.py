"""`aefpga compress`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aefpga.cli import show
from aefpga.cli.archives import as_stored, lacking, ratio
from aefpga.cli.options import Collection, Json, Record, RunName, Runs, Variables

if TYPE_CHECKING:
    from aefpga.workflow.store import Stored


def compress(
    inputs: Annotated[list[str], typer.Argument(help="Files or quoted globs.", metavar="INPUT...")],
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
    record: Record = None,
    keep_outliers: Annotated[
        bool,
        typer.Option(help="Keep jets exactly that are out of range, or decoded wrongly."),
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
    """Compress the jets of files into the words that the firmware would send.

    With --max-error 1% every value of every jet is within its bound after decompression: momenta
    and energies to 1 % (of at least 1 GeV), angles to 0.015, areas to 1 %, multiplicities exactly.
    Without, errors are what the autoencoder makes of the jets, except for those out of its range.
    Event structure, run and event numbers and weights are kept as they were.

    --scalar needs no run and makes smaller files at the same bound; what it lacks is a fixed rate.
    --level best takes a quarter less space: it learns from the first 130,000 jets, or, with
    --learned-from, takes over what another file of the same settings has learned.

    Where the output has no suffix it is a folder: each input becomes a file there, several at a
    time, and the same command, after whatever interruption, goes on where it was.

    Example: `aefpga compress --scalar --max-error 1% jets.root -o jets.aejets`, or a folder:
    `aefpga compress "2026/*.root" -o 2026-small --run first --level best`.
    """
    from dataclasses import asdict

    from aefpga.codec.bounds import parse_profile
    from aefpga.errors import UsageError
    from aefpga.runs import open_run
    from aefpga.schema import JETS, find_schema
    from aefpga.workflow.compress import LEVELS, Settings
    from aefpga.workflow.compress import compress as compress_jets
    from aefpga.workflow.store import compress_store

    if not output:
        raise UsageError("--output is empty: expected a file to write (.aejets), or a folder")
    if level not in LEVELS:
        raise UsageError(f"--level {level}: expected {' or '.join(LEVELS)}")
    settings = Settings(
        record=find_schema(record) if record else JETS,
        variables=variables,
        profile=parse_profile(max_error) if max_error else None,
        level="best" if learned_from else level,
        # Workers may have another working folder.
        learned_from=learned_from.resolve() if learned_from else None,
        options={} if keep_outliers else {"keeps_outliers": False},
        with_model=embed_model,
        collection=collection,
    )
    if variables and not scalar:
        raise UsageError("--variables goes with --scalar; an encoder keeps its own variables")
    if record and not scalar:
        raise UsageError("--record goes with --scalar; an encoder keeps its own record")
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
        (result.record, f"{result.records:,} in {result.events:,} events"),
        ("columns read", as_stored(result.source_bytes)),
        ("compressed", ratio(result.compressed_bytes, result.source_bytes)),
        *((f"{part}, bits a record", f"{b:.1f}") for part, b in result.bits_per_record.items()),
        *([] if scalar else [("out of the encoder's range", f"{result.saturated:,}")]),
        ("values kept exactly", f"{result.exact_values:,}"),
    ]
    show.table(f"{output}", ("", "value"), rows)
    name = shlex.quote(output)
    show.next_command(f"aefpga info {name} --verify", f"aefpga decompress {name} -o back.root")
    if settings.level == "best" and not result.learned:
        show.note("learned models would not pay: coded as by --level fast")
    if result.lacking:
        show.note(lacking(result.lacking))
    if settings.profile is None:
        show.note("no --max-error: errors are not bounded; see `aefpga info` for what they are")


def _show_stored(stored: "Stored", as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        show.print_json(asdict(stored))
    else:
        rows = [
            ("files", f"{stored.files:,}, {stored.found_done:,} of them done before"),
            ("records", f"{stored.records:,}"),
            ("columns read", as_stored(stored.source_bytes)),
            ("compressed", ratio(stored.compressed_bytes, stored.source_bytes)),
            ("time", f"{stored.seconds:.1f} s"),
        ]
        show.table(stored.folder, ("", "value"), rows)
    for source, reason in stored.failed.items():
        show.problem("failed", reason if source in reason else f"{source}: {reason}")
    if stored.failed:
        raise typer.Exit(1)
