"""Modulo words as a trainer: what is learned is what the decoder knows beside them."""

import time
from collections.abc import Callable, Mapping
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.config import RunConfig
from aefpga.errors import RunError
from aefpga.files import load_arrays
from aefpga.firmware.agreement import Computation
from aefpga.fixedpoint import EncoderSpec
from aefpga.links.beam import Sums
from aefpga.links.encoder import read_sums
from aefpga.links.steps import FRACTION
from aefpga.normalise import Normaliser
from aefpga.schema import Schema
from aefpga.trainers.trainer import Epoch, Floats, Trained

Words = NDArray[np.int64]

# Records whose error is the learning curve's one point.
JUDGED = 1000
# Of the archive of the reference.
MAX_BYTES = 16_000_000


class ModuloTrainer:
    """Learns how probable steps are, in NumPy, and how to share out the bits of a record."""

    name, title = "modulo", "modulo words"

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
        """As of `Trainer`; epochs are passes of each column's network over the records, at most."""
        from aefpga.links.learning import learn_modulo

        start = time.perf_counter()

        def step(what: str, done: int, total: int, note: str = "") -> None:
            seconds = time.perf_counter() - start
            on_epoch(Epoch(what, done, nan, nan, seconds), total)

        assert config.model.link_bits is not None
        code = learn_modulo(
            train,
            validation,
            schema,
            config.model.link_bits,
            provenance=provenance,
            epochs=config.training.epochs,
            seed=config.training.seed,
            step=step,
        )
        normaliser = Normaliser(config.data.normalisation, schema).fit(train)

        def loss(records: Floats) -> float:
            back = code.to_jets(code.to_words(records[:JUDGED]))
            apart = normaliser.transform(back) - normaliser.transform(records[:JUDGED])
            return float(np.square(apart).mean())

        seconds = time.perf_counter() - start
        epoch = Epoch("quantized", 1, loss(train), loss(validation), seconds)
        sums = read_sums(code.spec)
        return Trained(
            input=code.spec.input,
            normaliser=normaliser,
            float_network=None,
            curve=[epoch],
            spec=code.spec,
            decoder=code.decoder,
            reference={
                "column": np.array([schema.index(name) for name in code.decoder.sent.names]),
                "factor": np.array([scale.factor for scale in code.decoder.scales]),
                "weights": sums.weights,
                "shift": sums.shift,
            },
        )

    def reference(self, weights: Path, spec: EncoderSpec, config: RunConfig) -> Computation:
        """Return the words in Python's integers, of the factors that were chosen."""
        return ModuloReference(weights, spec)


class ModuloReference:
    """Modulo words as they are defined, in integers: steps rounded half up, sums, low bits.

    Parameters
    ----------
    weights : Path
        Archive of each step's input and factor, and of the sums.
    spec : EncoderSpec
        Gives the types of steps and words.
    """

    name = "integers"

    def __init__(self, weights: Path, spec: EncoderSpec) -> None:
        try:
            arrays = load_arrays(weights, MAX_BYTES)
            self._column, self._factor = arrays["column"], arrays["factor"]
            self._sums = Sums(arrays["weights"], arrays["shift"], spec.latent_type.width)
        except (ValueError, KeyError) as error:
            raise RunError(f"cannot read {weights} ({error}); train again") from error
        self._steps = spec.layers[0].output

    def __call__(self, words: Words) -> Words:
        """Return latent words, shape (n_jets, n_latent), of input words (n_jets, n_variables)."""
        return self.trace(words)[-1]

    def trace(self, words: Words) -> list[Words]:
        """Return steps and latent words."""
        rounded = (words[:, self._column] * self._factor + (1 << (FRACTION - 1))) >> FRACTION
        low = self._steps.min_word
        steps = ((rounded - low) & ((1 << self._steps.width) - 1)) + low
        return [steps, self._sums.of(steps)]
