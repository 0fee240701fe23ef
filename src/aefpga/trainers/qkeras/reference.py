"""The trained QKeras encoder as one of the four computations that must agree."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from aefpga.config import ModelConfig, PlacedKernel
from aefpga.errors import RunError
from aefpga.fixedpoint import ConvolutionLayer, EncoderSpec
from aefpga.trainers.qkeras.autoencoder import quantized_encoder, set_dense_weights
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.specification import types_of

Words = NDArray[np.int64]
PARTS = ("kernel", "bias")


class KerasEncoder:
    """The quantized Keras model, evaluated in float64, words in and words out.

    Training runs in float32, whose 24 bits of mantissa round the sums of wide words; float64 holds
    every sum exactly, so what is compared is the model and not the arithmetic of its training.

    Parameters
    ----------
    spec : EncoderSpec
        Gives the fixed-point types; the numbers come from `weights`.
    model : ModelConfig
        The architecture.
    weights : Path
        The trained encoder's weights, an archive of what `to_arrays` returns.
    """

    name = "Keras"

    def __init__(self, spec: EncoderSpec, model: ModelConfig, weights: Path) -> None:
        kernels = [
            PlacedKernel(x.name, x.convolution, x.weight.words.shape)
            for x in spec.layers
            if isinstance(x, ConvolutionLayer)
        ]
        # Hidden layers may have neurons more, which hand on the inputs.
        hidden = tuple(x.n_out for x in spec.layers[len(kernels) : -1])
        model = model.model_copy(update={"hidden": hidden})
        with _float64():
            self._encoder = quantized_encoder(
                len(spec.input.variables), model, [types_of(x) for x in spec.layers], kernels
            )
            set_dense_weights(self._encoder, _load_weights(weights))
            outputs = [
                self._encoder.get_layer(f"{layer.name}_activation").output for layer in spec.layers
            ]
            self._probe = tensorflow().keras.Model(self._encoder.input, outputs)
        self._spec = spec

    def __call__(self, words: Words) -> Words:
        """Return latent words, shape (n_jets, n_latent), of input words (n_jets, n_variables)."""
        return self.trace(words)[-1]

    def trace(self, words: Words) -> list[Words]:
        """Return the output words of every layer."""
        with _float64():
            values = self._spec.input.network_type.to_values(words)
            found = self._probe.predict(values, batch_size=8192, verbose=0)
        # One output comes as an array, several as a list of them.
        outputs = tensorflow().nest.flatten(found)
        # An output that is off its grid must not be rounded onto it unseen: to_words would hide it.
        return [
            _exact_words(np.ldexp(values, layer.output.fraction))
            for layer, values in zip(self._spec.layers, outputs, strict=True)
        ]


def to_arrays(weights: Mapping[str, Sequence[NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Return kernel and bias of each layer of a Keras encoder, as they are kept in an archive."""
    return {f"{n}/{p}": v for n, w in weights.items() for p, v in zip(PARTS, w, strict=True)}


def pruned_weights(path: Path, alive: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[Any]]:
    """Return an archive's arrays without the neurons that `alive` leaves out, layer by layer."""
    kept: dict[str, list[NDArray[Any]]] = {}
    arriving: NDArray[np.bool_] | slice = slice(None)
    for name, (kernel, bias) in _load_weights(path).items():
        leaving = alive.get(name, np.ones(len(bias), bool))
        kept[name] = [kernel[arriving][:, leaving], bias[leaving]]
        arriving = leaving
    return to_arrays(kept)


def _load_weights(path: Path) -> dict[str, list[NDArray[Any]]]:
    try:
        with np.load(path, allow_pickle=False) as saved:
            names = dict.fromkeys(key.partition("/")[0] for key in saved.files)
            return {name: [saved[f"{name}/{part}"] for part in PARTS] for name in names}
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise RunError(f"cannot read {path} ({error}); train again") from error


def _exact_words(words: NDArray[np.float64]) -> Words:
    if not np.array_equal(words, np.rint(words)):
        raise RunError("the Keras model's outputs are not on the grid of their fixed-point type")
    return words.astype(np.int64)


@contextmanager
def _float64() -> Iterator[Any]:
    """Let Keras build and run models in float64."""
    backend = tensorflow().keras.backend
    before = backend.floatx()
    backend.set_floatx("float64")
    try:
        yield
    finally:
        backend.set_floatx(before)
