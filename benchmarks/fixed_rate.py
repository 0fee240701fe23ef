"""The same number of bits for every jet: independent words, the autoencoder's, and modulo words.

What learns, learns from the embedded sample; judged are the first jets of each input.

Usage: ``python benchmarks/fixed_rate.py [INPUT...]``; without one, the embedded sample.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from storage import SHOWN, VARIABLES, judged

from aefpga.config import USUAL_LINK_BITS, load_config
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.evaluation.quantizers import logarithmic
from aefpga.fixedpoint import Emulator
from aefpga.links.learning import learn_modulo
from aefpga.links.modulo import ModuloCode
from aefpga.progress import silent
from aefpga.runs.autoencoder import Autoencoder
from aefpga.workflow.train import train

# Steps of independent scalar words with the residuals of the modulo words.
STEPS = 0.0294
# Modulo words are decoded at a thousand jets a second.
MOST = 20_000


def fixed_rate(source: str, model: Autoencoder, code: ModuloCode, learn: NDArray) -> None:
    """Print the table of an input."""
    values = read_records([source], VARIABLES, max_records=MOST).values
    print(f"\n{Path(source).name}, fixed rate: {len(values):,} jets\n")
    print("| scheme | bits per jet |", " | ".join(SHOWN), "| least exact multiplicity |")
    print("|" + " --- |" * 9)
    independent = logarithmic(STEPS, VARIABLES, learn)
    for label, back, bits in (
        (
            "independent logarithmic words",
            independent.to_jets(independent.to_words(values)),
            independent.widths(len(VARIABLES)).sum(),
        ),
        (
            "default autoencoder",
            model.decode(Emulator(model.spec).encode(values)),
            model.spec.bits_per_jet,
        ),
        ("modulo words", code.to_jets(code.to_words(values)), code.widths(len(VARIABLES)).sum()),
    ):
        print(f"| {label} | {bits} | {judged(values, back)} |", flush=True)


def main() -> None:
    """Print a table for each input."""
    sources = sys.argv[1:] or [str(sample_path())]
    learn = read_records([str(sample_path())], VARIABLES).values
    learn = learn[np.random.default_rng(1).permutation(len(learn))]
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(None, {"quantization": {"bits": 8}})
        model = Autoencoder.of(train(config, Path(folder), "run", step=silent))
        learned, others = np.split(learn, [len(learn) * 4 // 5])
        code = learn_modulo(learned, others, VARIABLES, USUAL_LINK_BITS)
        for source in sources:
            fixed_rate(source, model, code, learn)


if __name__ == "__main__":
    main()
