"""Learned widths as a trainer; TensorFlow is imported when something is asked of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from aefpga.config import RunConfig
from aefpga.firmware.agreement import Computation
from aefpga.fixedpoint import EncoderSpec
from aefpga.schema import Schema
from aefpga.trainers.trainer import Epoch, Floats, Trained


class LearnedWidthsTrainer:
    """Trains in floating point, then learns how many bits each weight and neuron is worth."""

    name, title = "learned-widths", "learned widths"

    def fit(
        self,
        train: Floats,
        validation: Floats,
        schema: Schema,
        config: RunConfig,
        checkpoints: Path,
        on_epoch: Callable[[Epoch, int], None],
        provenance: Mapping[str, str],
    ) -> Trained:
        """As of `Trainer`."""
        from aefpga.trainers.qkeras.backend import tensorflow

        # With the Keras that the other modules need.
        tensorflow()
        from aefpga.trainers.learned.fit import fit

        return fit(train, validation, schema, config, checkpoints, on_epoch, provenance)

    def reference(self, weights: Path, spec: EncoderSpec, config: RunConfig) -> Computation:
        """Return the trained network, evaluated in float64 by TensorFlow."""
        from aefpga.trainers.qkeras.backend import tensorflow

        tensorflow()
        from aefpga.trainers.learned.reference import LearnedReference

        return LearnedReference(spec, config.model, weights)
