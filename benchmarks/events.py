"""Event records in files: bits per event of `compress` beside truncated floats with LZMA.

A default encoder is trained on the embedded background. Then, for the second half of 16,000
embedded events of background and of each embedded signal, and for all events of each file that is
named: floats with 5 bits of mantissa and LZMA, and with `--max-error 1.07%`, which has their
residuals, scalar quantization and the encoder's words with corrections, at both levels. Level best
has learned from the first halves of the background and all signals together; its models are not
counted, nor is the encoder, nor are labels. Figures are of real bytes, decoded again.

Usage: ``python benchmarks/events.py [FILE...]``.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Codec, Task, quantize_within
from aefpga.codec.scalar import Scalar
from aefpga.config import load_config
from aefpga.data.reader import iterate_records, read_records
from aefpga.data.records import Records
from aefpga.data.sample import sample_path, signals_path
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.histograms import Coder
from aefpga.entropy.learned import save_models
from aefpga.entropy.learning import learn
from aefpga.evaluation.quantizers import FloatTruncation
from aefpga.evaluation.truncation import compressed_bits
from aefpga.progress import silent
from aefpga.runs import Run
from aefpga.schema import EVENTS
from aefpga.schema.relations import objects_of
from aefpga.workflow.compress import Settings, make_codec
from aefpga.workflow.train import train

USUAL, PROFILE = EVENTS.choose(), Profile.relative(0.0107)
BACKGROUND, EPOCHS = 16_000, 20


def samples() -> Iterator[tuple[str, Records]]:
    """Yield the embedded events, background and signals apart."""
    yield "background", read_records([str(sample_path("events"))], USUAL, max_records=BACKGROUND)
    parts = iterate_records([str(signals_path())], USUAL, with_events=True)
    signals = Records.concatenate(list(parts))
    for process in np.unique(signals.events["process"]):
        yield str(process), signals.keep(signals.events["process"] == process)


def bits(codec: Codec, coders: dict[str, Coder], records: Records) -> float:
    """Return bits per event, of bytes that decode to records within their bounds."""
    made, size = quantize_within(codec, records.values), 0
    tables = {}
    for name, table in made.tables.items():
        data = coders[name].encode(table, records.counts)
        size += len(data)
        tables[name] = coders[name].decode(data, records.counts)
    back = np.where(made.exact, records.values, codec.restore(tables))
    assert PROFILE.within(codec.task.schema, records.values, back).all()
    for pt, _ in objects_of(codec.task.schema):
        assert np.array_equal(back[:, pt] > 0, records.values[:, pt] > 0)
    return 8 * (size + 8 * int(made.exact.sum())) / len(records)


def learned(codec: Codec, records: Records) -> dict[str, Coder]:
    """Return coders of level best; print how large their models are."""
    coders: dict[str, Coder] = {}
    for name, table in codec.quantize(records.values).tables.items():
        models = learn(codec.schemes[name], [(table, records.counts)])
        print(f"{codec.name}, {name}: models of {len(save_models(models)):,} bytes", flush=True)
        coders[name] = Conditional(codec.schemes[name], models)
    return coders


def table(run: Run, files: list[str]) -> None:
    """Print bits per event of all samples."""
    parts = dict(samples())
    halves = [records.between(0, len(records) // 2) for records in parts.values()]
    sample = Records.concatenate([Records(r.schema, r.values, r.counts) for r in halves])
    codecs = [
        Scalar(Task(USUAL, profile=PROFILE)),
        make_codec(run, USUAL, Settings(profile=PROFILE)),
    ]
    best = [learned(codec, sample) for codec in codecs]
    print(
        "\n| events | number | objects each | 5-bit floats, LZMA | scalar, fast | scalar, best "
        "| encoder, fast | encoder, best |\n" + "| --- " * 8 + "|"
    )
    judged = {name: r.between(len(r) // 2, len(r)) for name, r in parts.items()}
    for name, records in (
        *judged.items(),
        *((Path(f).name, read_records([f], USUAL)) for f in files),
    ):
        there = sum((records.values[:, pt] > 0).mean() for pt, _ in objects_of(USUAL))
        cells = [compressed_bits(FloatTruncation(5), records.values)]
        for codec, coders in zip(codecs, best, strict=True):
            cells += [bits(codec, dict(codec.coders), records), bits(codec, coders, records)]
        row = " | ".join(f"{cell:.1f}" for cell in cells)
        print(f"| {name} | {len(records):,} | {there:.1f} | {row} |", flush=True)


def main() -> None:
    """Train, and print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = {
            "data": {"record": "events", "max_jets": BACKGROUND},
            "quantization": {"bits": 8},
            "training": {"epochs": EPOCHS},
        }
        run = train(load_config(None, settings), Path(scratch), "run", step=silent)
        table(run, sys.argv[1:])


if __name__ == "__main__":
    main()
