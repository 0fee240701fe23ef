"""`aefpga info`."""

from pathlib import Path
from typing import Annotated

import typer

from aefpga.cli import show
from aefpga.cli.archives import File, OwnRun, as_stored, bound, lacking, open_archive, ratio
from aefpga.cli.options import Json, Runs


def info(
    file: File,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every checksum and decode every chunk.")
    ] = False,
    run: OwnRun = None,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Say what is inside, from which model, how small, how exact, and whether it is whole.

    Example: `aefpga info jets.aejets --verify`.
    """
    from dataclasses import asdict

    from aefpga.codec.facts import compressed_facts
    from aefpga.codec.verification import contradictions

    archive = open_archive(file, run, runs, False)
    facts, header = compressed_facts(archive), archive.header
    bits = facts.bits_per_record
    damaged = (archive.reader.damaged() or contradictions(archive)) if verify else None
    if as_json:
        show.print_json({**header.to_config(), **asdict(facts), "damaged": damaged})
    else:
        rows = [
            ("made by", f"aefpga {header.aefpga}, run {header.run or 'none'}"),
            ("codec", header.codec),
            ("encoder", str(header.options.get("encoder") or "none")[:26]),
            ("coded by", "learned models" if header.learned else "histograms"),
            (facts.record, f"{facts.records:,} in {facts.events:,} events"),
            ("columns read", as_stored(facts.source_bytes)),
            ("compressed", ratio(facts.compressed_bytes, facts.source_bytes)),
            ("bits a record", f"{sum(bits.values()):.1f}" if bits else "none there"),
            ("values kept exactly", f"{facts.exact_values:,}"),
            ("checksums", "not checked" if damaged is None else ", ".join(damaged) or "all right"),
        ]
        show.table(str(file), ("", "value"), rows)
        show.table(
            "Errors when it was made",
            ("variable", "root mean square", "largest", "bound"),
            [
                (
                    f"{v.name} [{v.unit}]" if v.unit else v.name,
                    f"{facts.root_mean_square_error[v.name]:.3g}",
                    f"{facts.largest_error[v.name]:.3g}",
                    bound(archive, v),
                )
                for v in archive.schema.variables
            ],
        )
        if facts.lacking:
            show.note(lacking(facts.lacking))
    if damaged:
        show.problem("damaged", ", ".join(damaged))
        raise typer.Exit(1)
