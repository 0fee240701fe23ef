"""`aefpga benchmark`: schemes against each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aefpga.cli import show
from aefpga.cli.options import Collection, Input, Json, Record, Runs, Variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aefpga.workflow.rate_distortion import Point

app = typer.Typer(help="Autoencoders against classical compression.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Autoencoders against classical compression."""


@app.command("rate-distortion")
def rate_distortion(
    run: Annotated[
        list[str] | None,
        typer.Option("--run", help="Quantized run to include; may be repeated."),
    ] = None,
    inputs: Input = None,
    collection: Collection = None,
    record: Record = None,
    variables: Variables = None,
    jets: Annotated[int, typer.Option("--jets", min=100, help="Use at most this many.")] = 40_000,
    output: Annotated[
        Path, typer.Option("--output", help="Folder for the JSON file and the plots.")
    ] = Path("rate-distortion"),
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Bits per jet against residuals in physical units: what an autoencoder buys.

    Float truncation, scalar quantizers, PCA, SZ3 and zfp, at a fixed rate and with zlib, LZMA, zstd
    and blosc2, beside the autoencoders of the runs named; everything decoded from real bytes.
    Without --input, the test jets of the first run; without a run, the embedded sample.

    Example: `aefpga benchmark rate-distortion --run my-run`.
    """
    from aefpga.files import write_json
    from aefpga.runs import open_run
    from aefpga.schema import JETS, find_schema
    from aefpga.workflow.rate_distortion import draw, rate_distortion, records_to_judge

    opened = [open_run(name, runs) for name in run or ()]
    with show.progress() as step:
        values, schema, lacking = records_to_judge(
            opened,
            inputs,
            collection,
            variables,
            find_schema(record) if record else JETS,
            most=jets,
            step=step,
        )
        found = rate_distortion(values, schema, opened, lacking, step=step)
    n_records = len(values) - len(values) // 2
    content = {
        "records": n_records,
        "left_out": dict(found.left_out),
        "points": [p.to_dict() for p in found.points],
    }
    write_json(output / "rate-distortion.json", content)
    draw(found.points, output)
    if as_json:
        show.print_json(content)
    else:
        for scheme, reason in found.left_out.items():
            show.note(f"without {scheme}: {reason}")
        _show(found.points, n_records)
        show.note(f"figures of every variable and plots are in {output}/")


def _show(points: "Sequence[Point]", n_records: int) -> None:
    from aefpga.evaluation.figures import two_digits

    coders = list(dict.fromkeys(c for p in points for c in p.bits_per_record))
    show.table(
        f"Bits per record, {n_records:,} records",
        ("scheme", *coders),
        [
            (p.scheme, *(f"{b:.0f}" if (b := p.bits_per_record.get(c)) else None for c in coders))
            for p in points
        ],
    )
    names = points[0].quality.shown
    rows = []
    for p in points:
        cells = []
        for name in names:
            residual = p.quality.variable(name).residual
            factor, unit = (100, " %") if p.quality.variable(name).kind == "relative" else (1, "")
            widths = residual.half_width_68, residual.half_width_99
            texts = (two_digits(factor * w) for w in widths if w is not None)
            cells.append(" / ".join(texts) + unit)
        exact = [v.exact for v in p.quality.variables if v.exact is not None]
        rows.append((p.scheme, *cells, f"{100 * min(exact):.1f} %" if exact else None))
    show.table(
        "Residual that 68 % / 99 % stay below; least share of exact counts",
        ("scheme", *(n.replace("_", " ") for n in names), "exact"),
        rows,
    )
