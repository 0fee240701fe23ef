"""The parts of compressing and decompressing against bare libraries, and one worker against two.

Trains a default encoder, then measures, in one run: words by the emulator against a bare float32
forward pass of the same layers (NumPy's BLAS); the decoder against bare onnxruntime with preloaded
arrays, alone and as the whole of `decompress`; entropy coders, compiled and by NumPy; the whole of
`compress --scalar` and of `decompress` of its file, ROOT in and out. Then files compressed into a
folder by one Dask worker and by two.

Usage: ``python benchmarks/codec.py``.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from timing import median_seconds

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
from aefpga.runs import Run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.schema import JETS
from aefpga.workflow.compress import Settings, compress, decompress
from aefpga.workflow.store import compress_store
from aefpga.workflow.train import train

COPIES, FILES, REPEATS = 4, 12, 5


def parts(run: Run, folder: Path) -> None:
    """Print the speed of each part."""
    model = Autoencoder.of(run)
    spec, emulator, coder = model.spec, Emulator(model.spec), WordHistograms(model.spec)
    table = read_records([str(sample_path())], run.schema)
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
    scalar = Scalar(Task(JETS.choose("24"), profile=Profile.relative(0.0107)))
    steps = scalar.quantize(jets).tables["steps"]
    learned = Conditional(
        scalar.schemes["steps"], learn(scalar.schemes["steps"], [(steps, counts)])
    )
    coded_steps = learned.encode(steps, counts)
    many, of_steps = folder / "many.aejets", folder / "scalar.aejets"
    sources = [folder / f"copy{i}.root" for i in range(COPIES)]
    for path in sources:
        os.link(folder / "sample.root", path)
    compress(run, [str(path) for path in sources], many, Settings(), step=silent)
    quantized = Settings(profile=Profile.relative(0.0107))
    best = replace(quantized, level="best", learned_from=folder / "best.aejets")
    compress(None, [str(sources[0])], folder / "best.aejets", replace(best, learned_from=None))
    decompress(Archive(many), folder / "many.root", step=silent)

    def whole() -> object:
        return decompress(Archive(many), folder / "back.root", step=silent)

    def written(settings: Settings) -> object:
        return compress(None, [str(folder / "many.root")], of_steps, settings, step=silent)

    def read() -> object:
        return decompress(Archive(of_steps), folder / "back.root", step=silent)

    def by_numpy(work: Callable[[], object]) -> Callable[[], object]:
        def slow() -> object:
            speed.ENOUGH = sys.maxsize
            try:
                return work()
            finally:
                speed.ENOUGH = 0

        return slow

    speed.ENOUGH = 0
    histograms = scalar.coders["steps"]
    coded_plainly = histograms.encode(steps, counts)
    coders = {
        "words to bytes, histograms": lambda: coder.encode(words, counts),
        "bytes to words, histograms": lambda: coder.decode(coded, counts),
        "steps to bytes, histograms": lambda: histograms.encode(steps, counts),
        "bytes to steps, histograms": lambda: histograms.decode(coded_plainly, counts),
        "steps to bytes, learned": lambda: learned.encode(steps, counts),
        "bytes to steps, learned": lambda: learned.decode(coded_steps, counts),
    }

    blas, bare = "float32 forward pass, bare BLAS", "decoder, bare onnxruntime"
    rows = {
        blas: (forward, None),
        "emulator, exact words": (lambda: emulator(inputs), blas),
        bare: (lambda: session.run(None, {"words": numbers}), None),
        "decoder, to jets in physical units": (lambda: model.decode(words), bare),
        "`decompress`, ROOT written": (whole, bare),
    }
    for name, work in coders.items():
        rows[f"{name}, NumPy"] = (by_numpy(work), None)
        rows[f"{name}, compiled"] = (work, f"{name}, NumPy")
    for level, settings in (("fast", quantized), ("best, learned before", best)):
        rows[f"`compress --scalar`, level {level}, ROOT read"] = (partial(written, settings), bare)
        rows[f"`decompress`, level {level}, ROOT written"] = (read, bare)
    print("| part | jets/s | of | share |\n| --- | --- | --- | --- |")
    rates: dict[str, float] = {}
    for name, (work, peer) in rows.items():
        n = len(jets) * (COPIES if "ROOT" in name else 1)
        rates[name] = n / median_seconds(work, REPEATS)
        share = f"{peer} | {rates[name] / rates[peer]:.0%}" if peer else "– | –"
        print(f"| {name} | {rates[name]:,.0f} | {share} |", flush=True)


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
    """Print both tables."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "sample.root").write_bytes(sample_path().read_bytes())
        config = load_config(None, {"quantization": {"bits": 8}, "training": {"epochs": 20}})
        parts(train(config, folder, "run", step=silent), folder)
        workers(folder)


if __name__ == "__main__":
    main()
