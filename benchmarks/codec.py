"""The parts of compressing and decompressing: speed beside bare libraries, size and memory.

In one run, medians of five: words by the emulator against a bare float32 forward pass of the same
layers (NumPy's BLAS); the decoder against bare onnxruntime with preloaded arrays; entropy coders,
compiled and by NumPy. `compress` and `decompress`, ROOT in and out, in a process that has started,
in turn with another version's. Then bits per jet of both levels, on jets that were not learned
from; whole commands with two million jets, and their peak memory; and files compressed into a
folder by one Dask worker and by two.

Usage: ``python benchmarks/codec.py [--before COMMIT]``.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from timing import median_seconds
from versions import NOW, Toolkit, argument_parser, command, in_turn, sources

from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Task
from aefpga.codec.scalar import Scalar
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.data.targets import ttree
from aefpga.data.writer import write_records
from aefpga.entropy import speed
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.histograms import WordHistograms
from aefpga.entropy.learning import learn
from aefpga.fixedpoint import Emulator
from aefpga.progress import silent
from aefpga.runs import open_run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.schema import JETS
from aefpga.workflow.compress import Settings
from aefpga.workflow.store import compress_store

# Files of the sample: of commands in turn, of workers, and as many as are two million jets.
COPIES, FILES, MILLIONS = 12, 12, 23
REPEATS = 5
TRAINING = ["--quantize", "8", "--epochs", "20", "--name", "run"]
SCALAR = ["--scalar", "--max-error", "1.07%"]
BEST = [*SCALAR, "--level", "best"]
PROFILE = Profile.relative(0.0107)
BLAS, BARE = "float32 forward pass, bare BLAS", "decoder, bare onnxruntime"
Work = Callable[[], object]


def parts(folder: Path) -> dict[str, tuple[Work, str | None]]:
    """Return what is measured, by name, with the part that it is set beside."""
    run = open_run("run", folder)
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
    scalar = Scalar(Task(JETS.choose("24"), profile=PROFILE))
    steps = np.asfortranarray(scalar.quantize(jets).tables["steps"])
    scheme, histograms = scalar.schemes["steps"], scalar.coders["steps"]
    learned = Conditional(scheme, learn(scheme, [(steps, counts)]))
    coded_steps, coded_plainly = learned.encode(steps, counts), histograms.encode(steps, counts)

    def by_numpy(work: Work) -> object:
        speed.ENOUGH = sys.maxsize
        try:
            return work()
        finally:
            speed.ENOUGH = 0

    speed.ENOUGH = 0
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
    }
    for name, work in coders.items():
        rows[f"{name}, NumPy"] = (partial(by_numpy, work), None)
        rows[f"{name}, compiled"] = (work, f"{name}, NumPy")
    return rows


def speeds_of_parts(folder: Path) -> float:
    """Print the speed of each part; return that of bare onnxruntime, jets per second."""
    n, rates = len(read_records([str(sample_path())], JETS.choose("4"))), dict[str, float]()
    print("| part | jets/s | µs of CPU a jet | times as fast | as |\n|" + " --- |" * 5)
    for name, (work, peer) in parts(folder).items():
        rates[name] = n / median_seconds(work, REPEATS)
        start = time.process_time()
        work()
        cpu = (time.process_time() - start) / n * 1e6
        beside = f"{rates[name] / rates[peer]:.2f} | {peer}" if peer else "– | –"
        print(f"| {name} | {rates[name]:,.0f} | {cpu:.3g} | {beside} |", flush=True)
    return rates[BARE]


def commands(folder: Path, jets: Path) -> dict[str, list[str]]:
    """Return commands by name, and what they are told; files of theirs are in the folder."""
    learned = ["--learned-from", str(folder / "learned.aejets")]
    found = {}
    for label, options in {
        "autoencoder": ["--run", str(folder / "run")],
        "scalar, level fast": SCALAR,
        "scalar, level best, learned before": [*BEST, *learned],
    }.items():
        small = str(folder / f"{len(found)}.aejets")
        found[f"`compress`, {label}, ROOT read"] = ["compress", str(jets), "-o", small, *options]
        back = str(folder / "back.root")
        found[f"`decompress`, {label}, ROOT written"] = ["decompress", small, "-o", back]
    return found


def speeds_of_commands(
    folders: Mapping[str, Path], versions: Mapping[str, Path], bare: float
) -> None:
    """Print the speed of commands of this version, and of another that does the same in turn."""
    jets = folders[NOW] / "jets.root"
    n = write_records(jets, [read_records([str(sample_path())])] * COPIES, {}, ttree)
    print(
        f"\n{n:,} jets, in a process that has started; the ROOT file as `decompress` writes it:\n"
    )
    before = [name for name in versions if name != NOW]
    print("| command | jets/s | µs of CPU a jet | of bare onnxruntime |", end="")
    print("".join(f" jets/s, {name} | µs | times as fast now (CPU) |" for name in before))
    print("|" + " --- |" * (4 + 3 * len(before)))
    with ExitStack() as stack:
        toolkits = {v: stack.enter_context(Toolkit(source)) for v, source in versions.items()}
        for name, toolkit in toolkits.items():
            learned = str(folders[name] / "learned.aejets")
            toolkit.run(["compress", str(sample_path()), "-o", learned, *BEST])
        told = {name: commands(folders[name], jets) for name in versions}
        for label in told[NOW]:
            told_now = {v: (toolkit, told[v][label]) for v, toolkit in toolkits.items()}
            costs = in_turn(told_now, REPEATS)
            now = costs[NOW]
            assert now is not None, f"{label} failed"
            row = f"| {label} | {n / now.seconds:,.0f} | {now.cpu / n * 1e6:.3g} |"
            row += f" {n / now.seconds / bare:.0%} |"
            for was in (costs[name] for name in before):
                row += (
                    " – | – | – |"
                    if was is None
                    else (
                        f" {n / was.seconds:,.0f} | {was.cpu / n * 1e6:.3g} |"
                        f" {was.seconds / now.seconds:.2f} ({was.cpu / now.cpu:.2f}) |"
                    )
                )
            print(row, flush=True)


def sizes() -> None:
    """Print bits per jet of tables, learned on 85 % of the sample's events, on the rest."""
    table = read_records([str(sample_path())], JETS.choose("24"))
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
    many = linked(folder / "millions", MILLIONS)
    n = MILLIONS * len(read_records([str(sample_path())], JETS.choose("4")))
    print(f"\n{n:,} jets, the sample {MILLIONS} times, starts and learning included:\n")
    print("| command | jets/s | peak memory, GB | bits per jet |\n| --- | --- | --- | --- |")
    small = folder / "millions.aejets"
    run = ["--run", str(folder / "run"), "--max-error", "1.07%"]
    for label, options in (
        ("--scalar", SCALAR),
        ("--scalar --level best", BEST),
        ("--run", run),
        ("--run --level best", [*run, "--level", "best"]),
    ):
        seconds, memory = command(["compress", many, "-o", str(small), *options])
        bits = 8 * small.stat().st_size / n
        print(
            f"| `compress {label}` | {n / seconds:,.0f} | {memory:.2f} | {bits:.1f} |", flush=True
        )
        seconds, memory = command(["decompress", str(small), "-o", str(folder / "back.root")])
        print(f"| `decompress` of that | {n / seconds:,.0f} | {memory:.2f} | – |", flush=True)


def linked(folder: Path, copies: int) -> str:
    """Put the sample into a folder, under so many names; return what names them all."""
    folder.mkdir()
    (folder / "0.root").write_bytes(sample_path().read_bytes())
    for i in range(1, copies):
        os.link(folder / "0.root", folder / f"{i}.root")
    return str(folder / "*.root")


def workers(folder: Path) -> None:
    """Print how long files take with one worker and with two."""
    pattern = [linked(folder / "in", FILES)]
    settings = Settings(profile=Profile.relative(0.01))
    print(
        "\n| workers | files | s | s per file | times one worker |\n| --- | --- | --- | --- | --- |"
    )
    seconds: dict[int, float] = {}
    for n in (1, 2):
        start = time.perf_counter()
        compress_store(None, pattern, folder / f"out{n}", settings, workers=n, step=silent)
        seconds[n] = time.perf_counter() - start
        ratio = seconds[1] / seconds[n]
        print(f"| {n} | {FILES} | {seconds[n]:.1f} | {seconds[n] / FILES:.2f} | {ratio:.2f} |")


def main() -> None:
    """Print all tables."""
    options = argument_parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch, sources(options.before) as versions:
        folders = {name: Path(scratch) / str(i) for i, name in enumerate(versions)}
        for name, source in versions.items():
            command(["train", "--runs", str(folders[name]), *TRAINING], source)
        bare = speeds_of_parts(folders[NOW])
        speeds_of_commands(folders, versions, bare)
        sizes()
        whole(folders[NOW])
        workers(folders[NOW])


if __name__ == "__main__":
    main()
