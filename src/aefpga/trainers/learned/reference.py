"""The trained encoder with learned widths as one of the computations that must agree."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from aefpga.config import ModelConfig
from aefpga.errors import RunError
from aefpga.fixedpoint import EncoderSpec
from aefpga.trainers.learned.encoder import LearnedEncoder

Words = NDArray[np.int64]
BLOCK = 8192


class LearnedReference:
    """The TensorFlow network that was trained, evaluated in float64, words in and words out.

    It starts from the numbers that were trained, before any rounding, and rounds them with the
    quantizers that were trained with. Of the specification it takes the input's grid, and which
    neurons are left: that the others are zero is checked.

    Parameters
    ----------
    spec : EncoderSpec
        What it is compared with.
    model : ModelConfig
        The architecture.
    weights : Path
        Archive of what `LearnedEncoder.arrays` returned.
    """

    name = "TensorFlow"

    def __init__(self, spec: EncoderSpec, model: ModelConfig, weights: Path) -> None:
        arrays = _arrays(weights)
        try:
            self._encoder = LearnedEncoder(arrays, model, tf.float64)
            self._kept = [arrays[f"{layer.name}/kept"].astype(bool) for layer in spec.layers]
        except (ValueError, KeyError) as error:
            raise RunError(f"cannot read {weights} ({error}); train again") from error
        self._spec = spec

    def __call__(self, words: Words) -> Words:
        """Return latent words, shape (n_jets, n_latent), of input words (n_jets, n_variables)."""
        return self.trace(words)[-1]

    def trace(self, words: Words) -> list[Words]:
        """Return the output words of every layer."""
        blocks = [self._trace(words[i : i + BLOCK]) for i in range(0, len(words), BLOCK)]
        return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]

    def _trace(self, words: Words) -> list[Words]:
        values = self._spec.input.network_type.to_values(words)
        outputs = self._encoder(tf.constant(values)).outputs
        return [
            _exact_words(output.numpy(), kept, layer.output.fraction)
            for layer, output, kept in zip(self._spec.layers, outputs, self._kept, strict=True)
        ]


def pruned_weights(path: Path, alive: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[Any]]:
    """Return an archive's arrays in which the neurons that `alive` leaves out are zero.

    `alive` says of each layer which of the neurons in the specification stay.
    """
    arrays = _arrays(path)
    for name, stays in alive.items():
        kept = arrays[f"{name}/kept"].astype(bool)
        kept[np.flatnonzero(kept)[~stays]] = False
        arrays[f"{name}/kept"] = kept
        for part in ("kernel", "bias"):
            arrays[f"{name}/{part}"] = arrays[f"{name}/{part}"] * kept
    return arrays


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise RunError(f"cannot read {path} ({error}); train again") from error


def _exact_words(
    values: NDArray[np.float64], kept: NDArray[np.bool_], fraction: NDArray[Any]
) -> Words:
    """Return numbers as words; whatever is off its grid must not be rounded onto it unseen."""
    if values[:, ~kept].any():
        raise RunError("a neuron that is not in the specification is not zero")
    words = np.ldexp(values[:, kept], fraction)
    if not np.array_equal(words, np.rint(words)):
        raise RunError("the trained network's outputs are not on the grid of their types")
    return np.asarray(words, np.int64)
