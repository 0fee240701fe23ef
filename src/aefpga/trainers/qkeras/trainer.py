"""QKeras as a trainer; TensorFlow is imported when something is asked of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from aefpga.config import RunConfig
from aefpga.firmware.agreement import Computation
from aefpga.fixedpoint import EncoderSpec
from aefpga.schema import Schema
from aefpga.trainers.trainer import Epoch, Floats, Trained


class QKerasTrainer:
    """Trains in floating point, then quantization-aware with QKeras."""

    name, title = "qkeras", "QKeras"

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
        from aefpga.trainers.qkeras.fit import fit

        return fit(train, validation, schema, config, checkpoints, on_epoch, provenance)

    def reference(self, weights: Path, spec: EncoderSpec, config: RunConfig) -> Computation:
        """Return the quantized Keras model, evaluated in float64."""
        from aefpga.trainers.qkeras.reference import KerasEncoder

        return KerasEncoder(spec, config.model, weights)
