"""The parts of compressing and decompressing: speed beside bare libraries, size and memory.

Trains a default encoder, then measures, in one run: words by the emulator against a bare float32
forward pass of the same layers (NumPy's BLAS); the decoder against bare onnxruntime with preloaded
arrays, alone and as the whole of `decompress`; entropy coders, compiled and by NumPy; the whole of
`compress --scalar` and of `decompress` of its file, ROOT in and out. Then bits per jet of both
levels, on jets that were not learned from; whole commands with two million jets, and their peak
memory; and files compressed into a folder by one Dask worker and by two.

Usage: ``python benchmarks/codec.py [CHECKOUT]``; with the checkout of another version, that is
measured too, in the same run, part by part and by the same code.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from timing import command, median_seconds

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Task
from aefpga.codec.scalar import Scalar
from aefpga.config import load_config
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.entropy import speed
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.histograms import WordHistograms
from aefpga.entropy.learning import learn
from aefpga.fixedpoint import Emulator
from aefpga.progress import silent
from aefpga.runs import open_run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.schema import JETS
from aefpga.workflow.compress import Settings, compress, decompress
from aefpga.workflow.store import compress_store
from aefpga.workflow.train import train

COPIES, FILES, REPEATS = 4, 12, 3
# So many times the sample are two million jets.
MILLIONS = 23
PROFILE = Profile.relative(0.0107)
BLAS, BARE = "float32 forward pass, bare BLAS", "decoder, bare onnxruntime"
Work = Callable[[], object]


def parts(folder: Path) -> dict[str, tuple[Work, str | None]]:
    """Return what is measured, by name, with the part that it is set beside."""
    run = open_run("run", folder)
    model = Autoencoder.of(run)
    spec, emulator, coder = model.spec, Emulator(model.spec), WordHistograms(model.spec)
    table = read_records([str(folder / "sample.root")], run.schema)
    jets, counts = table.values, table.counts
    inputs = spec.input.to_words(jets)
    x = spec.input.network_type.to_values(inputs).astype(np.float32)
    weights = [layer.weight.values.astype(np.float32) for layer in spec.layers]
    biases = [layer.bias.values.astype(np.float32) for layer in spec.layers]

    def forward() -> object:
        y = x
        for weight, bias in zip(weights, biases, strict=True):
            y = np.maximum(y @ weight + bias, 0)
        return y

    words = emulator(inputs)
    session = onnxruntime.InferenceSession(run.folder / "decoder.onnx")
    numbers = words.astype(np.float64)
    coded = coder.encode(words, counts)
    scalar = Scalar(Task(JETS.choose("24"), profile=PROFILE))
    steps = np.asfortranarray(scalar.quantize(jets).tables["steps"])
    scheme = scalar.schemes["steps"]
    learned = Conditional(scheme, learn(scheme, [(steps, counts)]))
    coded_steps = learned.encode(steps, counts)
    many, of_steps = folder / "many.aejets", folder / "scalar.aejets"
    sources = [str(folder / f"copy{i}.root") for i in range(COPIES)]
    compress(run, sources, many, Settings(), step=silent)
    quantized = Settings(profile=PROFILE)
    best = replace(quantized, level="best", learned_from=folder / "best.aejets")
    compress(None, sources[:1], folder / "best.aejets", replace(best, learned_from=None))
    decompress(Archive(many), folder / "many.root", step=silent)

    def written(settings: Settings) -> object:
        return compress(None, [str(folder / "many.root")], of_steps, settings, step=silent)

    def back(archive: Path) -> object:
        return decompress(Archive(archive), folder / "back.root", step=silent)

    def by_numpy(work: Work) -> object:
        speed.ENOUGH = sys.maxsize
        try:
            return work()
        finally:
            speed.ENOUGH = 0

    speed.ENOUGH = 0
    histograms = scalar.coders["steps"]
    coded_plainly = histograms.encode(steps, counts)
    coders: dict[str, Work] = {
        "words to bytes, histograms": lambda: coder.encode(words, counts),
        "bytes to words, histograms": lambda: coder.decode(coded, counts),
        "steps to bytes, histograms": lambda: histograms.encode(steps, counts),
        "bytes to steps, histograms": lambda: histograms.decode(coded_plainly, counts),
        "steps to bytes, learned": lambda: learned.encode(steps, counts),
        "bytes to steps, learned": lambda: learned.decode(coded_steps, counts),
    }
    rows: dict[str, tuple[Work, str | None]] = {
        BLAS: (forward, None),
        "emulator, exact words": (lambda: emulator(inputs), BLAS),
        BARE: (lambda: session.run(None, {"words": numbers}), None),
        "decoder, to jets in physical units": (lambda: model.decode(words), BARE),
        "`decompress`, ROOT written": (partial(back, many), BARE),
    }
    for name, work in coders.items():
        rows[f"{name}, NumPy"] = (partial(by_numpy, work), None)
        rows[f"{name}, compiled"] = (work, f"{name}, NumPy")
    for level, settings in (("fast", quantized), ("best, learned before", best)):
        rows[f"`compress --scalar`, level {level}, ROOT read"] = (partial(written, settings), BARE)
        rows[f"`decompress`, level {level}, ROOT written"] = (partial(back, of_steps), BARE)
    return rows


def prepare(folder: Path) -> None:
    """Put the sample, copies of it and a trained run into a folder."""
    folder.mkdir()
    (folder / "sample.root").write_bytes(sample_path().read_bytes())
    for i in range(COPIES):
        os.link(folder / "sample.root", folder / f"copy{i}.root")
    config = load_config(None, {"quantization": {"bits": 8}, "training": {"epochs": 20}})
    train(config, folder, "run", step=silent)


def measured(folder: Path) -> dict[str, tuple[float, float, str | None]]:
    """Return, of each part, jets per second, microseconds of CPU a jet, and its peer."""
    n_sample, found = len(read_records([str(folder / "sample.root")], JETS.choose("4"))), {}
    for name, (work, peer) in parts(folder).items():
        n = n_sample * (COPIES if "ROOT" in name else 1)
        # What is called once before the clock starts is not counted, in either.
        seconds = median_seconds(work, REPEATS)
        start = time.process_time()
        work()
        found[name] = (n / seconds, (time.process_time() - start) / n * 1e6, peer)
    return found


def of_other(checkout: Path, folder: Path) -> dict[str, tuple[float, float, str | None]]:
    """Return `measured` of another version: its library, this file's measurements."""
    paths = {"PYTHONPATH": f"{checkout / 'src'}:{Path(__file__).parent}"}
    code = (
        "import sys, json, codec; from pathlib import Path; folder = Path(sys.argv[1]);"
        "codec.prepare(folder); print(json.dumps(codec.measured(folder)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, **paths},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, tuple[float, float, str | None]] = json.loads(done.stdout.splitlines()[-1])
    return found


def speeds(folder: Path, other: Path | None) -> None:
    """Print the speed of each part, and beside it that of another version."""
    before = of_other(other, folder / "before") if other else {}
    now = measured(folder)
    heading = "| part | jets/s | µs of CPU a jet | of | share |"
    print(heading + (" before, jets/s | µs | times as fast (CPU) |" if other else ""))
    print("|" + " --- |" * (8 if other else 5))
    for name, (rate, cpu, peer) in now.items():
        share = f"{peer} | {rate / now[peer][0]:.0%}" if peer else "– | –"
        row = f"| {name} | {rate:,.0f} | {cpu:.3g} | {share} |"
        if name in before:
            was, was_cpu, _ = before[name]
            row += f" {was:,.0f} | {was_cpu:.3g} | {rate / was:.2f} ({was_cpu / cpu:.2f}) |"
        print(row, flush=True)


def sizes(folder: Path) -> None:
    """Print bits per jet of tables, learned on 85 % of the sample's events, on the rest."""
    table = read_records([str(folder / "sample.root")], JETS.choose("24"))
    n = int(0.85 * len(table.counts))
    first, rest = table.between(0, n), table.between(n, len(table.counts))
    print("\n| coder, on other jets than it learned from | bits per jet |\n| --- | --- |")
    for label, knows_events in (
        ("histograms", None),
        ("learned, of the event two jets known", False),
        ("learned, all jets before known", True),
    ):
        codec = Scalar.from_config(
            {"knows_events": bool(knows_events)}, Task(JETS.choose("24"), profile=PROFILE)
        )
        coder, scheme = codec.coders["steps"], codec.schemes["steps"]
        if knows_events is not None:
            steps = codec.quantize(first.values).tables["steps"]
            coder = Conditional(scheme, learn(scheme, [(steps, first.counts)]))
        size = len(coder.encode(codec.quantize(rest.values).tables["steps"], rest.counts))
        print(f"| {label} | {8 * size / len(rest):.2f} |", flush=True)


def whole(folder: Path) -> None:
    """Print speed, size and memory of whole commands with two million jets."""
    many = folder / "millions"
    many.mkdir()
    for i in range(MILLIONS):
        os.link(folder / "sample.root", many / f"{i}.root")
    n = MILLIONS * len(read_records([str(folder / "sample.root")], JETS.choose("4")))
    print(f"\n{n:,} jets, the sample {MILLIONS} times, starts and learning included:\n")
    print("| command | jets/s | peak memory, GB | bits per jet |\n| --- | --- | --- | --- |")
    small = folder / "millions.aejets"
    run = ["--run", str(folder / "run"), "--max-error", "1.07%"]
    scalar = ["--scalar", "--max-error", "1.07%"]
    for label, options in (
        ("--scalar", scalar),
        ("--scalar --level best", [*scalar, "--level", "best"]),
        ("--run", run),
        ("--run --level best", [*run, "--level", "best"]),
    ):
        seconds, memory = command(["compress", str(many / "*.root"), "-o", str(small), *options])
        bits = 8 * small.stat().st_size / n
        print(
            f"| `compress {label}` | {n / seconds:,.0f} | {memory:.2f} | {bits:.1f} |", flush=True
        )
        seconds, memory = command(["decompress", str(small), "-o", str(folder / "back.root")])
        print(f"| `decompress` of that | {n / seconds:,.0f} | {memory:.2f} | – |", flush=True)


def workers(folder: Path) -> None:
    """Print how long files take with one worker and with two."""
    inputs = folder / "in"
    inputs.mkdir()
    for i in range(FILES):
        os.link(folder / "sample.root", inputs / f"{i}.root")
    settings = Settings(profile=Profile.relative(0.01))
    print(
        "\n| workers | files | s | s per file | times one worker |\n| --- | --- | --- | --- | --- |"
    )
    seconds: dict[int, float] = {}
    for n in (1, 2):
        start = time.perf_counter()
        pattern = [str(inputs / "*.root")]
        compress_store(None, pattern, folder / f"out{n}", settings, workers=n, step=silent)
        seconds[n] = time.perf_counter() - start
        ratio = seconds[1] / seconds[n]
        print(f"| {n} | {FILES} | {seconds[n]:.1f} | {seconds[n] / FILES:.2f} | {ratio:.2f} |")


def main() -> None:
    """Print all tables."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "now"
        prepare(folder)
        speeds(folder, Path(sys.argv[1]) if len(sys.argv) > 1 else None)
        sizes(folder)
        whole(folder)
        workers(folder)


if __name__ == "__main__":
    main()
