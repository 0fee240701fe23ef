"""Time and memory of a large convolution: lowered to its matrix, emulated, traced, written.

Usage::

    python benchmarks/convolution.py [--image 18 14 1] [--filters 4] [--latent 16]

Random kernels of 3 × 3 on the image of CMS's calorimeter trigger (its CICADA has four filters), and
a dense layer. Each row is a process of its own, whose memory is the most that it held, what it
imports and starts from included; its time is that of the row alone.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

from aefpga.firmware.rtl import trace
from aefpga.fixedpoint import (
    Convolution,
    ConvolutionLayer,
    DenseLayer,
    Emulator,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Tensor,
    exact_accumulator,
)

STEPS = {
    "imports": "nothing",
    "matrix": "its kernel lowered to its matrix",
    "specification": "specification, with its proof that sums fit",
    "emulation": "emulated",
    "convolution": "RTL traced, without the dense layer",
    "encoder": "RTL traced, of a whole encoder with strides of 2",
}
BITS, INPUT_BITS, KERNEL = 6, 10, 3
# Records that are emulated.
RECORDS = 10_000
CLOCK_NS = 5.0


def convolution_of(args: argparse.Namespace, strides: int) -> tuple[Convolution, Tensor]:
    """Return a convolution of the image, and random filters."""
    kind = FixedType(True, BITS, 1)
    shape = (KERNEL, KERNEL, args.image[2], args.filters)
    words = np.random.default_rng(0).integers(kind.min_word, kind.max_word + 1, shape)
    return Convolution(tuple(args.image), (strides, strides), "same"), Tensor(words, kind)


def encoder(args: argparse.Namespace, strides: int = 1) -> EncoderSpec:
    """Return an encoder of a convolution and a dense layer."""
    rng = np.random.default_rng(1)
    convolution, kernel = convolution_of(args, strides)
    n_in, kind = convolution.n_in, kernel.type
    source = EncoderInput(
        tuple(f"cell_{i}" for i in range(n_in)), ("",) * n_in,
        FixedType(False, np.full(n_in, INPUT_BITS), INPUT_BITS),
        np.full(n_in, INPUT_BITS), np.full(n_in, -1),
    )  # fmt: skip
    matrix = convolution.lowered(kernel)
    n_out = matrix.words.shape[1]
    bias = Tensor(np.zeros(n_out, np.int64), kind)
    first = ConvolutionLayer(
        name="convolution_1", weight=kernel, bias=bias, activation="relu", **vars(convolution),
        accumulator=exact_accumulator(source.network_type, matrix, bias),
        output=FixedType(False, BITS, 1),
    )  # fmt: skip
    words = rng.integers(kind.min_word, kind.max_word + 1, (n_out, args.latent))
    weight, bias = Tensor(words, kind), Tensor(np.zeros(args.latent, np.int64), kind)
    last = DenseLayer(
        name="latent", weight=weight, bias=bias, activation="relu",
        accumulator=exact_accumulator(first.output, weight, bias),
        output=FixedType(False, BITS, 5),
    )  # fmt: skip
    return EncoderSpec(source, (first, last))


def measure(step: str, args: argparse.Namespace) -> dict[str, float | str]:
    """Do a step in this process; what is made before it is not timed."""
    convolution, kernel = convolution_of(args, 1)
    spec, sparse = encoder(args), encoder(args, 2)
    words = np.random.default_rng(2).integers(0, 1 << INPUT_BITS, (RECORDS, convolution.n_in))
    what = STEPS[step]
    start = time.process_time()
    match step:
        case "matrix":
            what += ", " + " × ".join(map(str, convolution.lowered(kernel).words.shape))
        case "specification":
            what += f", {encoder(args).layout}"
        case "emulation":
            what += f", {len(Emulator(spec)(words)):,} records"
        case "convolution":
            trace(spec.truncated(1), CLOCK_NS)
        case "encoder":
            trace(sparse, CLOCK_NS)
    return {
        "what": what,
        "seconds": time.process_time() - start,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    """Print a table, a process for each row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=int, nargs=3, default=(18, 14, 1))
    parser.add_argument("--filters", type=int, default=4)
    parser.add_argument("--latent", type=int, default=16)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        print(json.dumps(measure(args.step, args)))
        return
    print("| what is done | CPU, s | peak memory, GB |\n| --- | --- | --- |")
    for step in STEPS:
        command = [sys.executable, *sys.argv, "--step", step]
        row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(f"| {row['what']} | {row['seconds']:.2f} | {row['gigabytes']:.2f} |")


if __name__ == "__main__":
    main()
