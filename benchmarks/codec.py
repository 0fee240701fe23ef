"""Compressing and decompressing: speed against bare libraries, and memory against file size.

Trains a default encoder, then measures, in one run: words by the emulator against a bare float32
forward pass of the same layers (NumPy's BLAS), the decoder against bare onnxruntime with preloaded
arrays, the entropy coder, and whole compressions of 88 thousand and of 2 million jets (the embedded
sample 23 times), ROOT read and written, each in a process of its own.

Usage: ``python benchmarks/codec.py``.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from aefpga.codec.archive import Archive, Model, pack_words, unpack_words
from aefpga.config import load_config
from aefpga.data.reader import read_jets
from aefpga.data.sample import sample_path
from aefpga.fixedpoint import Emulator
from aefpga.workflow.train import train

REPEATS = 7
COPIES = 23


def median_seconds(work: Callable[[], object]) -> float:
    """Return the median time of several calls after a first one."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def parts(run_folder: Path) -> None:
    """Print the speed of each part."""
    model = Model.load(run_folder)
    spec, emulator = model.spec, Emulator(model.spec)
    jets = read_jets([str(sample_path())], spec.input.variables).values
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
    session = onnxruntime.InferenceSession(run_folder / "decoder.onnx")
    numbers = words.astype(np.float64)
    coded = pack_words(words, spec)
    rows = {
        "float32 forward pass, bare BLAS": (forward, None),
        "emulator, exact words": (lambda: emulator(inputs), "float32 forward pass, bare BLAS"),
        "decoder, bare onnxruntime": (lambda: session.run(None, {"words": numbers}), None),
        "decoder, to jets in physical units": (
            lambda: model.normaliser.inverse_transform(model.decoder(words)),
            "decoder, bare onnxruntime",
        ),
        "words to bytes": (lambda: pack_words(words, spec), "decoder, bare onnxruntime"),
        "bytes to words": (lambda: unpack_words(coded, spec), "decoder, bare onnxruntime"),
    }
    print("| part | jets/s | of | share |\n| --- | --- | --- | --- |")
    rates: dict[str, float] = {}
    for name, (work, peer) in rows.items():
        rates[name] = len(jets) / median_seconds(work)
        share = f"{peer} | {rates[name] / rates[peer]:.0%}" if peer else "– | –"
        print(f"| {name} | {rates[name]:,.0f} | {share} |", flush=True)


def whole(run_folder: Path, folder: Path, copies: int, options: list[str]) -> None:
    """Print time and peak memory of a compression and a decompression."""
    inputs = folder / f"in{copies}"
    inputs.mkdir(exist_ok=True)
    for i in range(copies):
        if not (inputs / f"{i}.root").exists():
            os.link(folder / "sample.root", inputs / f"{i}.root")
    small, back = folder / "j.aejets", folder / "back.root"
    command = [sys.executable, "-m", "aefpga"]
    source = [] if "--scalar" in options else ["--run", str(run_folder)]
    for verb in (
        ["compress", f"{inputs}/*.root", "-o", str(small), *source, *options],
        ["decompress", str(small), "-o", str(back)],
    ):
        start = time.perf_counter()
        # A process that waits for one child learns that child's peak memory.
        code = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
            "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *command, *verb],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - start
        jets = Archive(small).reader.manifest["jets"]
        size = f"{8 * small.stat().st_size / jets:.1f}" if verb[0] == "compress" else "–"
        print(
            f"| {verb[0]} {' '.join(options)} | {jets:,} | {size} | {seconds:.1f} | "
            f"{jets / seconds:,.0f} | {int(done.stdout) / 1e6:.2f} |",
            flush=True,
        )


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "sample.root").write_bytes(sample_path().read_bytes())
        config = load_config(None, {"quantization": {"bits": 8}, "training": {"epochs": 20}})
        run = train(config, folder, "run", step=lambda what, done, total: None)
        parts(run.folder)
        print("\n| verb | jets | bits per jet | s | jets/s | peak memory, GB |")
        print("| --- | --- | --- | --- | --- | --- |")
        for copies in (1, COPIES):
            for options in ([], ["--max-error", "1%"], ["--scalar", "--max-error", "1%"]):
                whole(run.folder, folder, copies, options)


if __name__ == "__main__":
    main()
