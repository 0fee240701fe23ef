"""Which neurons of an encoder do anything, and the encoder without those that never do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.emulator import Emulator
from aefpga.fixedpoint.layers import DenseLayer, Tensor, exact_accumulator
from aefpga.fixedpoint.spec import EncoderSpec
from aefpga.fixedpoint.types import FixedType

Bools = NDArray[np.bool_]

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


def living(layers: Sequence[LayerActivity]) -> dict[str, Bools]:
    """Return which neurons of each hidden layer are ever not zero; of a silent layer, the first."""
    found = {x.name: np.array(x.nonzero) > 0 for x in layers if x.name != INPUTS}
    return {n: a if a.any() else np.arange(len(a)) == 0 for n, a in found.items()}


def pruned(spec: EncoderSpec, alive: Mapping[str, Bools]) -> EncoderSpec:
    """Return the encoder without the other neurons of the hidden layers named in `alive`.

    Its words are the same wherever those neurons are zero. All layers become dense.
    """
    arriving, source, kept = np.ones(len(spec.input.variables), bool), spec.input.network_type, []
    for layer in spec.layers:
        leaving = alive.get(layer.name, np.ones(layer.n_out, bool))
        words = layer.matrix.words[np.ix_(arriving, leaving)]
        weight = Tensor(words, _part(layer.matrix.type, arriving, leaving))
        bias = Tensor(layer.bias.words[leaving], _part(layer.bias.type, arriving, leaving))
        output = _part(layer.output, arriving, leaving)
        kept.append(
            DenseLayer(
                name=layer.name,
                weight=weight,
                bias=bias,
                accumulator=exact_accumulator(source, weight, bias),
                activation=layer.activation,
                output=output,
                negative_slope_shift=layer.negative_slope_shift,
            )
        )
        arriving, source = leaving, output
    return replace(spec, layers=tuple(kept))


def _part(kind: FixedType, rows: Bools, columns: Bools) -> FixedType:
    """Return the types of some rows and columns; what all share stays as it is."""

    def chosen(array: NDArray[Any]) -> NDArray[Any]:
        if array.ndim == 2 and len(array) > 1:
            array = array[rows]
        return array[..., columns] if array.ndim and array.shape[-1] > 1 else array

    signed, width, integer = map(chosen, (kind.signed, kind.width, kind.integer))
    return FixedType(signed, width, integer, kind.rounding, kind.overflow)
