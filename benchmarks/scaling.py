"""What scaling inputs by powers of two costs, against exact min-max scaling, in one run.

Trains the float autoencoder on both inputs with several seeds; the target is the same.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np

from aefpga.config import ModelConfig, TrainingConfig
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.data.selection import split
from aefpga.normalise import Normaliser
from aefpga.schema import JETS
from aefpga.trainers.calibrate import input_scaling
from aefpga.trainers.qkeras.autoencoder import float_decoder, float_encoder
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.training import Samples, train_stage

EPOCHS = 100
SEEDS = tuple(range(1, 10))
NETWORK = ModelConfig(kind="standard", hidden=(64, 32), latent=15)


def validation_loss(inputs: np.ndarray, targets: np.ndarray, seed: int) -> float:
    """Return the best validation loss, min-max units."""
    keras = tensorflow().keras
    keras.utils.set_random_seed(seed)
    encoder, decoder = float_encoder(24, NETWORK), float_decoder(24, NETWORK)
    network = keras.Model(encoder.input, decoder(encoder.output))
    rows = split(len(inputs), 0.15, 0.15, seed)
    train, validation = (Samples(inputs[r], targets[r]) for r in (rows.train, rows.validation))
    config = TrainingConfig(epochs=EPOCHS, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        curve = train_stage(
            network,
            train,
            validation,
            config,
            "float",
            EPOCHS,
            config.learning_rate,
            Path(folder) / "checkpoint.npz",
            lambda epoch, planned: None,
        )
    return min(e.validation_loss for e in curve)


def main() -> None:
    """Print a row for each scaling."""
    jets = read_records([str(sample_path())], JETS.choose("24")).values
    targets = Normaliser("min-max", JETS.choose("24")).fit(jets).transform(jets)
    power_of_two = np.ldexp(jets, -input_scaling(jets.min(axis=0), jets.max(axis=0))).astype(
        np.float32
    )
    exact = [validation_loss(targets, targets, seed) for seed in SEEDS]
    shifted = [validation_loss(power_of_two, targets, seed) for seed in SEEDS]
    print("| inputs scaled by | validation MSE, median (range) | ratio |")
    print("| --- | --- | --- |")
    for name, losses in (("exact min-max", exact), ("powers of two", shifted)):
        middle = statistics.median(losses)
        ratio = middle / statistics.median(exact)
        span = f"{min(losses):.2e} to {max(losses):.2e}"
        print(f"| {name} | {middle:.2e} ({span}) | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
