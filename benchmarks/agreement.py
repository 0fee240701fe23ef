"""The four computations against each other over bit widths, activations and sizes.

Every encoder is trained, for an epoch in floating point and one quantized, on the embedded sample,
then compared on the whole test split and on adversarial words. Prints a row for each; exits 1 if a
single word differs. The full-size ones take some minutes each.

Usage: ``python benchmarks/agreement.py [compact full]``.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

from aefpga.config import load_config
from aefpga.workflow.csim import csim
from aefpga.workflow.train import train

SIZES = {"compact": (64, 32), "full": (200, 100, 50)}
BITS = (4, 6, 8, 10, 12)
ACTIVATIONS = ("relu", "leaky_relu")


def compare(size: str, bits: int, activation: str) -> tuple[str, bool]:
    """Return a row of the table, and whether all words agree."""
    start = time.perf_counter()
    config = load_config(
        None,
        {
            "data": {"normalisation": "min-max" if activation == "relu" else "physics"},
            "model": {"hidden": SIZES[size], "activation": activation},
            "quantization": {"bits": bits},
            "training": {"epochs": 1},
        },
    )

    with tempfile.TemporaryDirectory() as folder:
        run = train(config, Path(folder), "run")
        result = csim(run, Path(folder) / "projects")
    words = sum(a.words for a in result.agreements)
    equal = sum(a.equal for a in result.agreements)
    share = "100 %" if equal == words else f"{equal / words:.4%}, {result.difference}"
    row = (
        f"| {run.spec.layout} | {activation.replace('_', ' ')} | {bits} | "
        f"{len(result.agreements)} | {words:,} | {share} | {time.perf_counter() - start:.0f} |"
    )
    return row, result.is_exact


def main() -> None:
    """Print the table."""
    sizes = sys.argv[1:] or list(SIZES)
    grid = list(product(sizes, BITS, ACTIVATIONS))
    print("| encoder | activation | bits | pairs | words compared | equal | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    exact = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=spawn) as pool:
        for row, is_exact in pool.map(compare, *zip(*grid, strict=True)):
            print(row, flush=True)
            exact.append(is_exact)
    sys.exit(0 if all(exact) else 1)


if __name__ == "__main__":
    main()
