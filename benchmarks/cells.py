"""ECON-T's encoder, and a linear one, on modules of 48 cells, beside plain choices in as many bits.

For each sample (the embedded one, and files of one's own), each encoder and each width of its 16
words: an encoder is trained and its test modules, that no training has seen, are judged. Prints the
tables of `docs/cells.md`, leaves pictures of 80 bits, and goes on where it was interrupted. With
`--synthesize` LUTs and latency of the encoders of the first sample, too.

Usage: ``python benchmarks/cells.py [--synthesize] FOLDER [FILE …]``
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aefpga import configs
from aefpga.config import load_config
from aefpga.evaluation.cells.judge import JudgedCells
from aefpga.evaluation.plots.cells import plot_cells
from aefpga.runs import Run, open_run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.workflow.judged_cells import judged_cells
from aefpga.workflow.synthesize import synthesize
from aefpga.workflow.train import train

# Of each of the 16 words: 48, 64, 80, 112 and 144 bits.
WORDS, WIDTHS = 16, (3, 4, 5, 7, 9)
PICTURED = 5
CONFIG = "econt"
# What each is told beside.
ENCODERS: dict[str, dict[str, Any]] = {
    "convolution": {},
    "linear": {
        "model": {"kind": "linear", "layout": None, "filters": (), "latent_activation": "linear"},
        "quantization": {"activation_bits": None},
        "training": {"loss": "squared"},
    },
}
# Of each sample, as many modules as the smallest one has.
MOST_MODULES, SEED = 6_050, 42
PART = "xcvu9p"


def trained(encoder: str, width: int, files: Sequence[str], runs: Path) -> Run:
    """Train an encoder, or open its run."""
    sample = Path(files[0]).stem if files else "embedded"
    name = f"{sample}-{encoder}-{WORDS * width}"
    if (runs / name).exists():
        return open_run(name, runs)
    print(f"training {name}", file=sys.stderr, flush=True)
    told = ENCODERS[encoder]
    options = {
        "data": {"input": tuple(files), "max_jets": MOST_MODULES},
        "model": told.get("model", {}),
        "quantization": {**told.get("quantization", {}), "latent_bits": width},
        "training": {**told.get("training", {}), "seed": SEED},
    }
    return train(load_config(configs.find_config(CONFIG), options), runs, name)


def judged(runs: Sequence[tuple[str, Run]]) -> JudgedCells:
    """Judge encoders of one sample and width, on the same modules, beside plain choices."""
    (_, first), *_ = runs
    records, bits = first.test_records, first.spec.bits_per_jet
    back = {n: (Autoencoder.of(run).reconstruct(records), float(bits)) for n, run in runs}
    found = judged_cells(first.schema, records, back, bits, [])
    assert found is not None, "these are cells"
    return found


def table(results: Sequence[JudgedCells], figure: Any) -> Iterator[str]:
    """Yield the lines of a table of schemes by bits."""
    yield "| | " + " | ".join(str(WORDS * width) for width in WIDTHS) + " |"
    yield "| --- " * (len(WIDTHS) + 1) + "|"
    for name in dict.fromkeys(n for r in results for n in r.judgement.schemes):
        schemes = [r.judgement.schemes.get(name) for r in results]
        cells = ("—" if quality is None else figure(quality) for quality in schemes)
        yield f"| {name} | " + " | ".join(cells) + " |"


def by_occupancy(result: JudgedCells) -> Iterator[str]:
    """Yield the lines of a table of schemes by the number of cells that are not 0."""
    bins = next(iter(result.judgement.schemes.values())).by_occupancy
    yield "| | " + " | ".join(f"from {b.low} ({b.records:,})" for b in bins) + " |"
    yield "| --- " * (len(bins) + 1) + "|"
    for name, quality in result.judgement.schemes.items():
        means = (f"{b.distance.mean:.2f}" for b in quality.by_occupancy)
        yield f"| {name} | " + " | ".join(means) + " |"


def sample_tables(files: Sequence[str], folder: Path) -> Iterator[str]:
    """Train, judge, and yield the tables of a sample."""
    results = []
    for width in WIDTHS:
        runs = [(n, trained(n, width, files, folder / "runs")) for n in ENCODERS]
        results.append(judged(runs))
        if width == PICTURED:
            sample = Path(files[0]).stem if files else "embedded"
            plot_cells(results[-1], folder / f"cells-{sample}.png")
            pictured, sent = results[-1], runs[0][1].spec
    first = results[0].judgement
    yield f"\n{first.records:,} modules; beside the 16 words {_sum_bits(sent)} bits of the sum\n"
    for title, figure in (
        ("Earth mover's distance, mean, cm", lambda q: f"{q.distance.mean:.2f}"),
        ("its median", lambda q: f"{q.distance.median:.2f}"),
        ("energy, 68 % half-width", lambda q: f"{q.response.half_width_68:.1%}"),
        ("way of the centre, mean, cm", lambda q: f"{q.position.mean:.2f}"),
        ("change of width, 68 %, cm", lambda q: f"{q.width.half_width_68:.2f}"),
        ("what is sent", lambda q: f"{q.bits:.0f}: {q.how}" if q.how else f"{q.bits:.0f}"),
    ):
        yield f"\n{title}:\n"
        yield from table(results, figure)
    yield f"\nMean distance at {WORDS * PICTURED} bits, by cells that are not 0 (modules):\n"
    yield from by_occupancy(pictured)


def _sum_bits(spec: Any) -> int:
    return int(spec.bits_per_jet - spec.latent_type.width.sum())


def firmware(folder: Path) -> Iterator[str]:
    """Synthesize the encoders of the embedded sample, and yield a table."""
    yield "\n| encoder | bits | LUTs | source | latency | interval |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for encoder in ENCODERS:
        for width in WIDTHS:
            run = trained(encoder, width, (), folder / "runs")
            report = synthesize(run, folder / "projects", part=PART)
            yield (
                f"| {encoder} | {WORDS * width} | {report.resources.lut:,.0f} | {report.tool} "
                f"{report.kind} | {report.latency_ns:.0f} ns | {report.interval_cycles} |"
            )


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--synthesize"]
    if not arguments:
        sys.exit(__doc__)
    target = Path(arguments[0])
    for sample in ([], *([file] for file in arguments[1:])):
        print(f"\n## {sample[0] if sample else 'the embedded sample'}")
        for line in sample_tables(sample, target):
            print(line, flush=True)
    if "--synthesize" in sys.argv:
        for line in firmware(target):
            print(line, flush=True)
