"""From records to an encoder with learned widths.

A float network and a uniform encoder of the same layers are trained first: the one to start from,
the other to know what its accuracy and cost are.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.config import USUAL_BIT_PRICE, RunConfig
from aefpga.errors import UsageError
from aefpga.files import write_json
from aefpga.firmware.rtl import estimated_luts
from aefpga.fixedpoint import Emulator, EncoderInput, EncoderSpec
from aefpga.schema import Schema
from aefpga.trainers.calibrate import network_inputs
from aefpga.trainers.learned.front import (
    CLOSER,
    POINTS,
    Built,
    Wanted,
    build_front,
    chosen,
    refuse_hopeless,
    wanted,
)
from aefpga.trainers.learned.loop import Both, Passed, learn_widths
from aefpga.trainers.learned.specification import living, specification
from aefpga.trainers.learned.start import networks
from aefpga.trainers.qkeras.autoencoder import (
    dense_weights,
    layer_names,
)
from aefpga.trainers.qkeras.fit import as_network
from aefpga.trainers.qkeras.fit import fit as fit_uniform
from aefpga.trainers.qkeras.training import Samples, train_stage
from aefpga.trainers.trainer import Epoch, Floats, Trained

UNIFORM, DECODER = "uniform", "decoder"
# Epochs of the widths for each of the uniform encoder: one price after another takes its time.
LONGER = 2
# Epochs of the uniform encoder for each of a decoder; and where its rate starts, of the whole.
SHARE_OF_EPOCHS, LEARNING_RATE = 10, 1 / 6
OnEpoch = Callable[[Epoch, int], None]


def fit(
    train: Floats,
    validation: Floats,
    schema: Schema,
    config: RunConfig,
    checkpoints: Path,
    on_epoch: OnEpoch,
    provenance: Mapping[str, str],
) -> Trained:
    """Train the autoencoder that `config` describes; parameters as of `Trainer.fit`."""

    def on_uniform(epoch: Epoch, planned: int) -> None:
        on_epoch(_renamed(epoch), planned)

    uniform = fit_uniform(train, validation, schema, config, checkpoints, on_uniform, provenance)
    assert uniform.spec is not None
    uniform_luts = estimated_luts(uniform.spec)
    with _nothing_left_if_refused(checkpoints):
        refuse_hopeless(config.quantization, uniform_luts)
    curve = [_renamed(e) for e in uniform.curve]
    uniform_loss = min(e.validation_loss for e in curve if e.stage == UNIFORM)
    records, source = (train, validation), uniform.input
    targets = tuple(uniform.normaliser.transform(x) for x in records)
    samples = tuple(
        Samples(network_inputs(source, x), y) for x, y in zip(records, targets, strict=True)
    )
    encoder, decoder = networks(uniform, samples[0], config)
    learned, front = learn_widths(
        encoder, decoder, (samples[0], samples[1]), uniform_loss, config.training,
        LONGER * _epochs(config), config.quantization.bit_price or USUAL_BIT_PRICE, checkpoints,
        on_epoch,
    )  # fmt: skip

    both = Both(encoder, decoder)
    builder = _Builder(both, source, config, records, targets, checkpoints, on_epoch, provenance)
    want = wanted(config.quantization, uniform_loss)
    points = build_front(front, builder, want)
    with _nothing_left_if_refused(checkpoints):
        best = chosen(points, want, config.quantization)
    both.set_weights(best.passed.load())
    decoder.set_weights(best.decoder)
    arrays = encoder.arrays()
    kept = {f"{name}/kept": living(arrays, name) for name in layer_names(config.model)}
    return Trained(
        input=best.spec.input,
        normaliser=uniform.normaliser,
        float_network=uniform.float_network,
        curve=[*curve, *learned, *best.curve],
        spec=best.spec,
        decoder=as_network(dense_weights(decoder), config.model),
        reference={**arrays, **kept},
        front=_front(points, best, want, uniform_luts, uniform_loss),
    )


@contextmanager
def _nothing_left_if_refused(checkpoints: Path) -> Iterator[None]:
    """Remove checkpoints where nothing meets a limit, which is part of the configuration."""
    try:
        yield
    except UsageError:
        shutil.rmtree(checkpoints, ignore_errors=True)
        raise


def _renamed(epoch: Epoch) -> Epoch:
    """Return an epoch of the uniform encoder under a name that says so."""
    return replace(epoch, stage=UNIFORM) if epoch.stage == "quantized" else epoch


def _epochs(config: RunConfig) -> int:
    return config.training.quantized_epochs or config.training.epochs


class _Builder:
    """Builds points of the front: specification, cost, and a decoder trained on just its words.

    What a point took is kept, so that a training that was killed need not build it again.
    """

    def __init__(
        self,
        both: Both,
        source: EncoderInput,
        config: RunConfig,
        records: Sequence[Floats],
        targets: Sequence[Floats],
        checkpoints: Path,
        on_epoch: OnEpoch,
        provenance: Mapping[str, str],
    ) -> None:
        self._both, self._source, self._config = both, source, config
        self._records, self._targets = records, targets
        self._folder, self._on_epoch = checkpoints / "points", on_epoch
        self._provenance, self._n_built = provenance, 0

    def __call__(self, passed: Passed) -> Built:
        """Build the point of an epoch."""
        self._both.set_weights(passed.load())
        arrays, config = self._both.encoder.arrays(), self._config
        spec = specification(arrays, self._source, config.model, self._provenance)
        luts = self._cost(passed, spec)
        emulate, kind = Emulator(spec), spec.latent_type
        train, validation = (
            Samples(kind.to_values(emulate.encode(x)).astype(np.float32), y)
            for x, y in zip(self._records, self._targets, strict=True)
        )
        epochs = max(_epochs(config) // SHARE_OF_EPOCHS, 1)
        done_before = self._n_built * epochs

        def on_epoch(epoch: Epoch, planned: int) -> None:
            counted = replace(epoch, epoch=done_before + epoch.epoch)
            self._on_epoch(counted, (POINTS + CLOSER) * planned)

        decoder = self._both.decoder
        rate = LEARNING_RATE * config.training.learning_rate
        checkpoint = self._folder / f"{passed.epoch}.npz"
        curve = train_stage(
            decoder, train, validation, config.training, DECODER, epochs, rate, checkpoint, on_epoch
        )
        self._n_built += 1
        loss = min(e.validation_loss for e in curve)
        return Built(passed, spec, luts, loss, decoder.get_weights(), curve)

    def _cost(self, passed: Passed, spec: EncoderSpec) -> float:
        path = self._folder / f"{passed.epoch}.json"
        if path.exists():
            return float(json.loads(path.read_text()))
        luts = estimated_luts(spec)
        write_json(path, luts)
        return luts


def _front(
    points: Sequence[Built], best: Built, want: Wanted, uniform_luts: float, uniform_loss: float
) -> dict[str, Any]:
    """Return the points that were built, and the uniform encoder, as JSON content."""
    return {
        "source": "LUTs are da4ml's cost, before pipelining and without the inputs' companders",
        "rule": want.rule,
        "is_met": want.is_met(best),
        "uniform": {"luts": uniform_luts, "validation_loss": uniform_loss},
        "points": [
            {
                "effective_bit_operations": p.passed.operations,
                "luts": p.luts,
                "validation_loss": p.validation_loss,
                "layout": p.spec.layout,
                "chosen": p is best,
            }
            for p in points
        ],
    }
