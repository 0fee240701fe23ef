"""Learning the widths: one training that becomes stricter, and the best of all that it passes.

The loss is the mean squared error over that of the uniform encoder, plus a price for each effective
bit operation that rises from epoch to epoch. Every epoch that no other beats in both error and
operations is kept: the front (arXiv:2405.00645, section V, does so with one price after another).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from aefpga.config import TrainingConfig
from aefpga.errors import RunError
from aefpga.files import atomic_path, load_arrays
from aefpga.trainers.learned.encoder import CALIBRATION_RECORDS, LearnedEncoder
from aefpga.trainers.learned.start import neuron_points
from aefpga.trainers.qkeras.training import Checkpoint, Samples, batch_size, signals_held_back
from aefpga.trainers.trainer import Epoch

STAGE = "learned widths"
# Price of an effective bit operation at the start, of that at the end.
FIRST_PRICE = 1 / 300
# Numbers of bits are of the order of ten, weights of one.
RATE_OF_BITS = 10.0
# The network starts from a trained one; and how much of the rate is left at the end.
LEARNING_RATE, LAST_RATE = 0.5, 0.1
# The most bits that weights can get, beyond the range of the neuron's largest at the start.
MOST_BITS = 14
MOST_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Passed:
    """An epoch on the front: effective bit operations, validation MSE, and where its state is."""

    epoch: int
    operations: float
    validation_loss: float
    path: Path

    def is_beaten_by(self, other: "Passed") -> bool:
        """Whether another one is nowhere worse, and not the same."""
        return (
            other is not self
            and other.operations <= self.operations
            and other.validation_loss <= self.validation_loss
        )

    def load(self) -> list[Any]:
        """Return the weights of encoder and decoder, in one list."""
        arrays = load_arrays(self.path, MOST_BYTES)
        return [arrays[f"weight_{i}"] for i in range(len(arrays) - 2)]


class Both:
    """Encoder and decoder, with one list of weights, as `Checkpoint` keeps them."""

    def __init__(self, encoder: LearnedEncoder, decoder: Any) -> None:
        self.encoder, self.decoder = encoder, decoder
        self._n = len(encoder.get_weights())

    def get_weights(self) -> list[Any]:
        """Return all weights."""
        return [*self.encoder.get_weights(), *self.decoder.get_weights()]

    def set_weights(self, weights: list[Any]) -> None:
        """Set all weights."""
        self.encoder.set_weights(weights[: self._n])
        self.decoder.set_weights(weights[self._n :])


class TwoRates:
    """Adam for weights, and Adam with larger steps for numbers of bits."""

    def __init__(self, weights: list[Any], widths: list[Any], rate: float, n_steps: int) -> None:
        self._groups = (weights, widths)
        self._optimizers = [
            tf.keras.optimizers.Adam(
                tf.keras.optimizers.schedules.CosineDecay(factor * rate, n_steps, LAST_RATE)
            )
            for factor in (1.0, RATE_OF_BITS)
        ]
        for optimizer, group in zip(self._optimizers, self._groups, strict=True):
            optimizer.build(group)

    @property
    def variables(self) -> list[Any]:
        """What a resumed training needs."""
        return [v for optimizer in self._optimizers for v in optimizer.variables]

    def step(self, tape: Any, loss: Any) -> None:
        """Take a step of both."""
        gradients = tape.gradient(loss, self._groups, unconnected_gradients="zero")
        for optimizer, of, group in zip(self._optimizers, gradients, self._groups, strict=True):
            optimizer.apply_gradients(zip(of, group, strict=True))


def learn_widths(
    encoder: LearnedEncoder,
    decoder: Any,
    samples: tuple[Samples, Samples],
    uniform_loss: float,
    config: TrainingConfig,
    epochs: int,
    last_price: float,
    checkpoints: Path,
    on_epoch: Callable[[Epoch, int], None],
) -> tuple[list[Epoch], list[Passed]]:
    """Train encoder and decoder under a rising price for bits; return the curve and the front.

    As resumable as `train_stage`.

    Parameters
    ----------
    encoder, decoder : LearnedEncoder, keras.Model
        Where to start from.
    samples : tuple of Samples
        To train on, and to validate with.
    uniform_loss : float
        Validation MSE of the uniform encoder: the unit of the loss.
    config, epochs : TrainingConfig, int
        Batch size, rate and seed; length of the training.
    last_price : float
        Of an effective bit operation, in units of the loss, in the last epoch.
    checkpoints : Path
        Folder for the state, and for the state of each epoch on the front.
    on_epoch : callable
        Called with each finished epoch and the number planned.
    """
    train, validation = samples
    batch = batch_size(config, len(train))
    n_batches = len(train) // batch
    weights = [*encoder.weights, *decoder.trainable_variables]
    rate = LEARNING_RATE * config.learning_rate
    optimizer = TwoRates(weights, encoder.widths, rate, epochs * n_batches)
    finest = _finest(encoder)
    run_epoch, validate = _compiled(encoder, decoder, optimizer, uniform_loss, finest)
    both = Both(encoder, decoder)
    state = Checkpoint(checkpoints / "widths.npz", both, optimizer)
    curve = state.restore()
    front = _front_until(len(curve), checkpoints)
    for epoch in range(len(curve), epochs):
        began = time.perf_counter()
        order = np.random.default_rng((config.seed, epoch)).permutation(len(train))
        order = order[: n_batches * batch].reshape(n_batches, batch)
        with signals_held_back():
            encoder.calibrate(train.inputs[:CALIBRATION_RECORDS])
            price = tf.constant(last_price * _share_of_price(epoch, epochs), tf.float32)
            loss = float(run_epoch(train.inputs[order], train.targets[order], price))
            value, operations = map(float, validate(validation.inputs, validation.targets))
        if not np.isfinite(loss) or not np.isfinite(value):
            raise RunError(
                f"learning the widths diverged in epoch {epoch + 1} (loss {loss}); "
                "lower training.learning_rate"
            )
        path = checkpoints / "front" / f"{epoch + 1}.npz"
        passed = Passed(epoch + 1, operations, value, path)
        if not any(passed.is_beaten_by(p) for p in front):
            front = [*(p for p in front if not p.is_beaten_by(passed)), passed]
            _save(passed, both.get_weights())
        done = Epoch(STAGE, epoch + 1, loss, value, time.perf_counter() - began)
        state.record(done)
        on_epoch(done, epochs)
    return curve, sorted(front, key=lambda p: p.operations)


def _share_of_price(epoch: int, epochs: int) -> float:
    """Return the price in an epoch, of that in the last."""
    return float(FIRST_PRICE ** (1 - epoch / max(epochs - 1, 1)))


def _finest(encoder: LearnedEncoder) -> dict[str, float]:
    """Return the most fractional bits of each layer's weights."""
    kernels = {name: encoder[f"{name}/kernel"].numpy() for name in encoder.names}
    return {n: float(neuron_points(k, MOST_BITS).max()) for n, k in kernels.items()}


def _compiled(
    encoder: LearnedEncoder,
    decoder: Any,
    optimizer: TwoRates,
    uniform_loss: float,
    finest: dict[str, float],
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return one epoch of training, and the validation, each as one XLA program."""

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def run_epoch(inputs: Any, targets: Any, price: Any) -> Any:
        total = tf.constant(0.0)
        for i in tf.range(tf.shape(inputs)[0]):
            with tf.GradientTape() as tape:
                passed = encoder(inputs[i])
                predicted = decoder(passed.outputs[-1], training=True)
                error = tf.reduce_mean(tf.square(predicted - targets[i]))
                loss = error / uniform_loss + price * passed.operations
            optimizer.step(tape, loss)
            encoder.within_limits(finest)
            total += error
        return total / tf.cast(tf.shape(inputs)[0], total.dtype)

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def validate(inputs: Any, targets: Any) -> Any:
        passed = encoder(inputs)
        predicted = decoder(passed.outputs[-1], training=False)
        return tf.reduce_mean(tf.square(predicted - targets)), passed.operations

    return run_epoch, validate


def _save(passed: Passed, weights: list[Any]) -> None:
    figures = np.array([passed.operations, passed.validation_loss])
    named = {f"weight_{i}": w for i, w in enumerate(weights)}
    with atomic_path(passed.path) as temporary:
        np.savez(
            temporary, allow_pickle=False, epoch=np.array(passed.epoch), figures=figures, **named
        )


def _front_until(epoch: int, checkpoints: Path) -> list[Passed]:
    """Return the front as it was after an epoch, from what was saved up to there."""
    saved = []
    for path in (checkpoints / "front").glob("*.npz"):
        with np.load(path, allow_pickle=False) as content:
            operations, loss = map(float, content["figures"])
            saved.append(Passed(int(content["epoch"]), operations, loss, path))
    reached = sorted((p for p in saved if p.epoch <= epoch), key=lambda p: p.epoch)
    return [p for p in reached if not any(p.is_beaten_by(q) for q in reached)]
