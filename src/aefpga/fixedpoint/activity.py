"""Which neurons of an encoder do anything, and the encoder without those that never do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.emulator import Emulator
from aefpga.fixedpoint.layers import DenseLayer, Tensor, exact_accumulator
from aefpga.fixedpoint.spec import EncoderSpec

INPUTS = "inputs"


@dataclass(frozen=True)
class LayerActivity:
    """How active the neurons of a layer, or the inputs, are over some jets.

    `mean` is the mean of the absolute activation, `firing` the share of jets in which it is
    positive, `nonzero` that in which it is not zero: a leaky ReLU that does not fire still leaks. A
    neuron that is always zero is silent.
    """

    name: str
    mean: tuple[float, ...]
    firing: tuple[float, ...]
    nonzero: tuple[float, ...]

    @classmethod
    def of(cls, name: str, values: NDArray[np.floating[Any]]) -> "LayerActivity":
        """Summarize activations of shape (n_jets, n_neurons)."""
        shares = (np.abs(values), values > 0, values != 0)
        mean, firing, nonzero = (x.mean(axis=0, dtype=np.float64).tolist() for x in shares)
        return cls(name, tuple(mean), tuple(firing), tuple(nonzero))

    @property
    def silent(self) -> int:
        """Number of neurons that are always zero."""
        return sum(share == 0 for share in self.nonzero)

    @property
    def mean_firing(self) -> float:
        """Share of jets in which a neuron is positive, in the mean over neurons."""
        return sum(self.firing) / len(self.firing)


def activity(spec: EncoderSpec, words: NDArray[np.int64]) -> list[LayerActivity]:
    """Return the activity of inputs and hidden layers for input words, (n_jets, n_variables)."""
    types = [spec.input.network_type, *(x.output for x in spec.layers[:-1])]
    names = [INPUTS, *(x.name for x in spec.layers[:-1])]
    outputs = [words, *Emulator(spec).trace(words)[:-1]]
    return [
        LayerActivity.of(name, kind.to_values(output))
        for name, kind, output in zip(names, types, outputs, strict=True)
    ]


def pruned(spec: EncoderSpec, layers: Sequence[LayerActivity]) -> EncoderSpec:
    """Return the encoder with the weights into and out of silent hidden neurons set to zero.

    Its words are the same wherever those neurons are silent; logic synthesis drops what is left of
    them. Sizes stay, so that whatever reads the encoder still fits; all layers become dense.
    """
    alive = {x.name: np.array(x.nonzero) > 0 for x in layers if x.name != INPUTS}
    arriving, source, kept = np.ones(len(spec.input.variables), bool), spec.input.network_type, []
    for layer in spec.layers:
        leaving = alive.get(layer.name, np.ones(layer.n_out, bool))
        weight = Tensor(layer.matrix.words * np.outer(arriving, leaving), layer.matrix.type)
        bias = Tensor(layer.bias.words * leaving, layer.bias.type)
        kept.append(
            DenseLayer(
                name=layer.name,
                weight=weight,
                bias=bias,
                accumulator=exact_accumulator(source, weight, bias),
                activation=layer.activation,
                output=layer.output,
                negative_slope_shift=layer.negative_slope_shift,
            )
        )
        arriving, source = leaving, layer.output
    return replace(spec, layers=tuple(kept))
