"""An epoch of our training against the same float network in plain Keras' `fit`, same run."""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from aefpga.config import ModelConfig, TrainingConfig
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.normalise import Normaliser
from aefpga.schema import JETS
from aefpga.trainers.qkeras.autoencoder import float_decoder, float_encoder
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.training import Samples, train_stage

EPOCHS = 8
NETWORKS = [
    ModelConfig(kind="standard", hidden=hidden, latent=15, activation="leaky_relu")
    for hidden in ((64, 32), (200, 100, 50))
]


def autoencoder(model: ModelConfig) -> object:
    """Return the float autoencoder."""
    encoder, decoder = float_encoder(24, model), float_decoder(24, model)
    return tensorflow().keras.Model(encoder.input, decoder(encoder.output))


def ours(model: ModelConfig, samples: Samples) -> float:
    """Return seconds an epoch, the first left out for it compiles."""
    config = TrainingConfig(epochs=EPOCHS)
    validation = Samples(samples.inputs[:1000], samples.targets[:1000])
    with tempfile.TemporaryDirectory() as folder:
        curve = train_stage(
            autoencoder(model),
            samples,
            validation,
            config,
            "float",
            EPOCHS,
            1e-3,
            Path(folder) / "checkpoint.npz",
            lambda epoch, planned: None,
        )
    return statistics.median(e.seconds for e in curve[1:])


def plain(model: ModelConfig, samples: Samples, *, xla: bool) -> float:
    """Return seconds an epoch of Keras' own loop."""
    keras = tensorflow().keras

    class Clock(keras.callbacks.Callback):
        seconds: list[float] = []  # noqa: RUF012

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            self.seconds.append(time.perf_counter() - self.start)

    clock = Clock()
    clock.seconds = []
    network = autoencoder(model)
    network.compile(keras.optimizers.Adam(1e-3), "mse", jit_compile=xla)
    options = {"batch_size": 512, "epochs": EPOCHS, "verbose": 0}
    network.fit(samples.inputs, samples.targets, callbacks=[clock], **options)
    return statistics.median(clock.seconds[1:])


def main() -> None:
    """Print a row for each network."""
    jets = read_records([str(sample_path())], JETS.choose("24")).values
    scaled = Normaliser("min-max", JETS.choose("24")).fit(jets).transform(jets)
    samples = Samples(scaled, np.ascontiguousarray(scaled))
    print("| float network | ours, s/epoch | Keras fit, XLA | Keras fit | Keras XLA / ours |")
    print("| --- | --- | --- | --- | --- |")
    for model in NETWORKS:
        a = ours(model, samples)
        b, c = plain(model, samples, xla=True), plain(model, samples, xla=False)
        layout = "-".join(str(n) for n in (24, *model.hidden, model.n_latent))
        print(f"| {layout} | {a:.3f} | {b:.3f} | {c:.3f} | {b / a:.1f} |", flush=True)


if __name__ == "__main__":
    main()
