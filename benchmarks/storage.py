"""Jets in files: size, residuals, speed and memory of `compress`, beside ROOT and truncated floats.

For each input (a ROOT file, or a quoted glob that is taken as one): its jets written as ROOT with
LZMA, truncated floats with LZMA, scalar quantization at both levels, and a default autoencoder
trained on the embedded sample, without and with a bound.

Usage: ``python benchmarks/storage.py [--before COMMIT] [INPUT...]``; without an input, the embedded
sample. Of another version, files without a network are measured.
"""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from versions import NOW, argument_parser, command, sources

from aefpga.codec.archive import Archive
from aefpga.codec.coders import encode
from aefpga.config import load_config
from aefpga.data.reader import iterate_records
from aefpga.data.records import Records
from aefpga.data.sample import sample_path
from aefpga.data.writer import write_records
from aefpga.evaluation.metrics import judge
from aefpga.evaluation.quantizers import FloatTruncation
from aefpga.normalise import Normaliser
from aefpga.progress import silent
from aefpga.runs import Run
from aefpga.schema import JETS
from aefpga.workflow.train import train

VARIABLES = JETS.choose("24")
NAMES = VARIABLES.names
SHOWN = ("pt", "mass", "eta", "phi", "charged_hadron_energy", "photon_energy")
# The bound whose residuals are those of floats with 5 bits of mantissa.
BOUND = "1.07%"
BEST = ["--level", "best"]
# Residuals of those floats: of momenta and energies of at least 1 GeV relative, of angles absolute.
RELATIVE, ANGLE = 0.0073, 0.011


def row(label: str, original: NDArray, back: NDArray, bits: float, rest: str = "– | – | –") -> None:
    """Print a scheme's line."""
    share = np.mean(far(original, back))
    print(f"| {label} | {bits:.1f} | {judged(original, back)} | {share:.2%} | {rest} |", flush=True)


def judged(original: NDArray, back: NDArray) -> str:
    """Return the cells of residuals, and of the multiplicity that is least often exact."""
    quality = judge(original, back, VARIABLES, Normaliser("min-max", VARIABLES).fit(original))
    residuals = [quality.variable(name).residual.half_width_68 for name in SHOWN]
    exact = min(v.exact for v in quality.variables if v.exact is not None)
    shown = [
        f"{r:.4f}" if name in ("eta", "phi") else f"{r:.2%}"
        for name, r in zip(SHOWN, residuals, strict=True)
    ]
    return f"{' | '.join(shown)} | {exact:.2%}"


def far(original: NDArray, back: NDArray) -> NDArray[np.bool_]:
    """Return which jets have a variable off by over three times the residual of 5-bit floats."""
    found = np.zeros(len(original), bool)
    for j, v in enumerate(VARIABLES.variables):
        error = np.abs(back[:, j].astype(np.float64) - original[:, j])
        if v.kind.name == "angle":
            error = np.minimum(error, 2 * np.pi - error) if v.name == "phi" else error
            found |= error > 3 * ANGLE
        elif v.kind.name in ("momentum", "energy"):
            found |= error > 3 * RELATIVE * np.maximum(np.abs(original[:, j]), 1)
        elif v.kind.is_count:
            found |= error > 0
    return found


def storage(source: str, run: Run, folder: Path, versions: Mapping[str, Path]) -> None:
    """Print the table of one input."""
    original = Records.concatenate(list(iterate_records([source], VARIABLES, with_events=True)))
    n, values = len(original), original.values
    print(f"\n{Path(source).name}: {n:,} jets in {len(original.counts):,} events\n")
    print("| scheme | bits per jet |", " | ".join(SHOWN), end=" | least exact multiplicity | ")
    print("jets off by > 3 × | compress, jets/s | decompress, jets/s | peak memory, GB |")
    print("|" + " --- |" * 13)
    root = folder / "jets.root"
    write_records(root, [original], {})
    row("ROOT, LZMA", values, values, 8 * root.stat().st_size / n)
    truncation = FloatTruncation(5)
    words = truncation.to_words(values)
    widths = truncation.widths(len(NAMES))
    start = time.perf_counter()
    bits = 8 * len(encode(words, widths, "LZMA")) / n
    rate = n / (time.perf_counter() - start)
    label = "floats with 5 bits of mantissa, LZMA, without events"
    row(label, values, truncation.to_jets(words), bits, f"{rate:,.0f} | – | –")
    scalar, network = ["--scalar", "--max-error", BOUND], ["--run", str(run.folder)]
    told = [(version, [*scalar, *level]) for level in ([], BEST) for version in versions]
    bounded = [*network, "--max-error", BOUND]
    for version, options in [*told, *((NOW, o) for o in (network, bounded, [*bounded, *BEST]))]:
        small, library = folder / "j.aejets", versions[version]
        seconds, memory = command(["compress", source, "-o", str(small), *options], library)
        back = ["decompress", str(small), "-o", str(folder / "back.root")]
        slower, more = command(back, library)
        values_back = np.concatenate([jets.values for jets in Archive(small).iterate()])
        speed = f"{n / seconds:,.0f} | {n / slower:,.0f} | {max(memory, more):.2f}"
        named = " ".join(o for o in options if o != str(run.folder)).replace("--run", "autoencoder")
        named += "" if version == NOW else f", by {version}"
        row(f"compress {named}", values, values_back, 8 * small.stat().st_size / n, speed)


def main() -> None:
    """Print a table for each input."""
    parser = argument_parser(__doc__)
    parser.add_argument("inputs", nargs="*", metavar="INPUT", default=[str(sample_path())])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sources(options.before) as versions:
        folder = Path(scratch)
        run = train(load_config(None, {"quantization": {"bits": 8}}), folder, "run", step=silent)
        for source in options.inputs:
            storage(source, run, folder, versions)


if __name__ == "__main__":
    main()
