"""The training loop: whole epochs compiled by XLA, best weights kept, resumable after a kill."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from zipfile import BadZipFile

import numpy as np

from aefpga.config import TrainingConfig
from aefpga.errors import RunError
from aefpga.files import atomic_path
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.trainer import Epoch, Floats

# Of what is returned below zero where nothing is, what is left in training.
BELOW_ZERO = 0.1
# Epochs with the same variations of the samples: making them takes as long as an epoch.
VARIED_EPOCHS = 3


@dataclass(frozen=True)
class Samples:
    """Network inputs and targets, and what errors count.

    Parameters
    ----------
    inputs, targets : ndarray of float32, shape (n_jets, n_inputs), (n_jets, n_targets)
        What the network reads, and what it is to return.
    importance : ndarray of float32, shape (n_targets,), or float
        What a squared error of each target counts in training.
    sums : ndarray of float32, shape (n_targets, n_sums), or None
        Whose squared errors, of targets times this, are added in training.
    is_positive : bool
        What is returned below zero is zero; in training a tenth of it is left, lest a target that
        is never reached be given up.
    """

    inputs: Floats
    targets: Floats
    importance: Floats | float = 1.0
    sums: Floats | None = None
    is_positive: bool = False

    def __len__(self) -> int:
        return len(self.inputs)


def train_stage(
    network: Any,
    train: Samples,
    validation: Samples,
    config: TrainingConfig,
    stage: str,
    epochs: int,
    learning_rate: float,
    checkpoint: Path,
    on_epoch: Callable[[Epoch, int], None],
    vary: Callable[[int], Samples] | None = None,
) -> list[Epoch]:
    """Train a Keras model and leave it with the weights of the best validation loss, or the last.

    Each epoch is shuffled by a seed of its own and followed by a checkpoint, so that a training
    that was killed continues where it stopped and ends as if it had not been.

    Parameters
    ----------
    network : keras.Model
        Autoencoder from inputs to normalised variables.
    train, validation : Samples
        Jets to train on, and to choose the best weights by.
    config : TrainingConfig
        Schedule, weight decay, batch size, early stopping, seed, and which weights are kept.
    stage : str
        ``float`` or ``quantized``; labels the learning curve.
    epochs, learning_rate : int, float
        Length of the schedule, and its largest rate.
    checkpoint : Path
        File to resume from, rewritten after every epoch.
    on_epoch : callable
        Called with each finished epoch and the number of epochs planned.
    vary : callable or None
        Returns as many samples as `train` has, to train on instead; called with 0, 1 and so on, and
        always returning the same for each. They are taken for `VARIED_EPOCHS` epochs.

    Returns
    -------
    list of Epoch
        The learning curve, including epochs from before a resumption.
    """
    tf = tensorflow()
    batch = batch_size(config, len(train))
    n_batches = len(train) // batch
    schedule = _schedule(config, learning_rate, epochs * n_batches)
    optimizer = tf.keras.optimizers.Adam(schedule, weight_decay=config.weight_decay or None)
    optimizer.build(network.trainable_variables)
    run_epoch, validate = _compiled(network, optimizer, train)
    state = Checkpoint(checkpoint, network, optimizer)
    curve = state.restore()
    first = len(curve)
    for epoch in range(first, epochs):
        if curve and _exhausted(curve, config.early_stopping):
            break
        start = time.perf_counter()
        if vary is not None and (epoch == first or epoch % VARIED_EPOCHS == 0):
            train = vary(epoch // VARIED_EPOCHS)
        order = np.random.default_rng((config.seed, epoch)).permutation(len(train))
        order = order[: n_batches * batch].reshape(n_batches, batch)
        with signals_held_back():
            loss = float(run_epoch(train.inputs[order], train.targets[order]))
            value = float(validate(validation.inputs, validation.targets))
        if not np.isfinite(loss) or not np.isfinite(value):
            raise RunError(
                f"the {stage} training diverged in epoch {epoch + 1} (loss {loss}); "
                "lower training.learning_rate"
            )
        done = Epoch(stage, epoch + 1, loss, value, time.perf_counter() - start)
        state.record(done)
        on_epoch(done, epochs)
    if config.keep == "best":
        state.use_best()
    return curve


def _schedule(config: TrainingConfig, rate: float, n_steps: int) -> Any:
    """Return the learning rate as Keras takes it.

    One-cycle (Smith and Topin, arXiv:1708.07120): up from a 25th in a quarter of the steps, then
    down to next to nothing, with the shares that fastai takes; momentum stays.
    """
    cosine = tensorflow().keras.optimizers.schedules.CosineDecay
    match config.schedule:
        case "cosine":
            return cosine(rate, n_steps)
        case "constant":
            return rate
        case "one-cycle":
            up = n_steps // 4
            return cosine(rate / 25, n_steps - up, 1e-5, warmup_target=rate, warmup_steps=up)


def batch_size(config: TrainingConfig, n_jets: int) -> int:
    """Return the jets in a batch; of few jets, an epoch in one step would teach next to nothing."""
    return min(config.batch_size, max(n_jets // 10, 1))


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Let Ctrl-C wait for the body's end; raised within TensorFlow's C++ it can abort the process.

    A second one does not wait. Signals reach the main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    came: list[int] = []

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def hold_back(number: int, frame: FrameType | None) -> None:
        came.append(number)
        restore()

    for number in handlers:
        signal.signal(number, hold_back)
    try:
        yield
    finally:
        restore()
    for caught in came:
        signal.raise_signal(caught)


def _compiled(
    network: Any, optimizer: Any, samples: Samples
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return one epoch of training, and the validation, each as one XLA program.

    Of `samples` is read what an error counts.
    """
    tf = tensorflow()

    def error(inputs: Any, targets: Any, *, training: bool) -> Any:
        predicted = network(inputs, training=training)
        if samples.is_positive:
            predicted = tf.maximum(predicted, BELOW_ZERO * predicted if training else 0.0)
        return predicted - targets

    def loss_of(errors: Any) -> Any:
        loss = tf.reduce_mean(samples.importance * tf.square(errors))
        if samples.sums is None:
            return loss
        of_sums = tf.reduce_sum(tf.square(errors @ samples.sums), axis=1)
        return loss + tf.reduce_mean(of_sums) / errors.shape[1]

    @tf.function(jit_compile=True)
    def run_epoch(inputs: Any, targets: Any) -> Any:
        total = tf.constant(0.0)
        for i in tf.range(tf.shape(inputs)[0]):
            with tf.GradientTape() as tape:
                loss = loss_of(error(inputs[i], targets[i], training=True))
                loss += tf.add_n(network.losses) if network.losses else 0.0
            variables = network.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            total += loss
        return total / tf.cast(tf.shape(inputs)[0], total.dtype)

    @tf.function(jit_compile=True)
    def validate(inputs: Any, targets: Any) -> Any:
        return tf.reduce_mean(tf.square(error(inputs, targets, training=False)))

    return run_epoch, validate


def _exhausted(curve: list[Epoch], patience: int | None) -> bool:
    best = int(np.argmin([e.validation_loss for e in curve]))
    return patience is not None and len(curve) - 1 - best >= patience


class Checkpoint:
    """Everything that a resumed training needs: weights, optimizer, best weights, curve.

    Parameters
    ----------
    path : Path
        File to resume from, and to write.
    network : keras.Model or the like
        With `get_weights` and `set_weights`.
    optimizer : keras.optimizers.Optimizer or the like
        With `variables`, a list.
    """

    def __init__(self, path: Path, network: Any, optimizer: Any) -> None:
        self.path, self.network, self.optimizer = path, network, optimizer
        self.curve: list[Epoch] = []
        self.best = network.get_weights()

    def restore(self) -> list[Epoch]:
        """Take up where the file was left, if there is one; return the curve until there."""
        if not self.path.exists():
            return self.curve
        try:
            with np.load(self.path, allow_pickle=False) as saved:
                self.curve += [Epoch(**row) for row in json.loads(str(saved["curve"]))]
                n_weights, n_slots = len(self.best), len(self.optimizer.variables)
                self.network.set_weights([saved[f"weight_{i}"] for i in range(n_weights)])
                self.best = [saved[f"best_{i}"] for i in range(n_weights)]
                for i in range(n_slots):
                    self.optimizer.variables[i].assign(saved[f"optimizer_{i}"])
        except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile) as error:
            raise RunError(
                f"cannot resume from {self.path} ({error}); delete its folder and train again"
            ) from error
        return self.curve

    def record(self, epoch: Epoch) -> None:
        """Add an epoch to the curve, and write the file."""
        if all(epoch.validation_loss < e.validation_loss for e in self.curve):
            self.best = self.network.get_weights()
        self.curve.append(epoch)
        arrays = {
            **{f"weight_{i}": w for i, w in enumerate(self.network.get_weights())},
            **{f"best_{i}": w for i, w in enumerate(self.best)},
            **{f"optimizer_{i}": v.numpy() for i, v in enumerate(self.optimizer.variables)},
        }
        curve = json.dumps([asdict(e) for e in self.curve])
        with atomic_path(self.path) as temporary:
            np.savez(temporary, allow_pickle=False, curve=np.array(curve), **arrays)

    def use_best(self) -> None:
        """Give the network the weights of the best validation loss."""
        self.network.set_weights(self.best)
