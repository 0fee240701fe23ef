"""One comparison for all computations of an encoder: do they give the same words?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint import EncoderSpec

Words = NDArray[np.int64]


class Computation(Protocol):
    """Something that computes an encoder: input words in, latent words out."""

    name: str

    def __call__(self, words: Words) -> Words:
        """Return latent words, shape (n_jets, n_latent), of input words (n_jets, n_variables)."""
        ...

    def trace(self, words: Words) -> list[Words]:
        """Return the output words of every layer."""
        ...


@dataclass(frozen=True)
class Agreement:
    """How two computations of the same jets compare.

    `first_jet` is the index of the first jet of which a word differs, None if there is none.
    """

    first: str
    second: str
    words: int
    equal: int
    first_jet: int | None

    @property
    def is_exact(self) -> bool:
        """Whether every word is equal."""
        return self.equal == self.words

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """The first word at which two computations part.

    `values` are the two words, `inputs` the input words of the jet.
    """

    first: str
    second: str
    layer: str
    jet: int
    neuron: int
    values: tuple[int, int]
    inputs: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"{self.first} and {self.second} part at layer {self.layer}: neuron {self.neuron} of "
            f"jet {self.jet} is {self.values[0]} in {self.first} and {self.values[1]} in "
            f"{self.second}"
        )


def compare(first: str, a: Words, second: str, b: Words) -> Agreement:
    """Compare the words that two computations gave for the same jets."""
    same = a == b
    wrong = np.flatnonzero(~same.all(axis=1))
    return Agreement(
        first, second, same.size, int(same.sum()), int(wrong[0]) if len(wrong) else None
    )


def compare_all(results: Mapping[str, Words]) -> list[Agreement]:
    """Compare every pair of computations."""
    return [compare(a, results[a], b, results[b]) for a, b in combinations(results, 2)]


def first_difference(
    spec: EncoderSpec,
    first: tuple[str, Sequence[Words]],
    second: tuple[str, Sequence[Words]],
    words: Words,
) -> Difference | None:
    """Return the first layer, jet and neuron at which two traces part, if they do.

    Parameters
    ----------
    spec : EncoderSpec
        Names the layers.
    first, second : tuple of str and sequence of ndarray
        A computation's name, and the output words of each of its layers.
    words : ndarray of int64, shape (n_jets, n_variables)
        The input words.
    """
    for layer, a, b in zip(spec.layers, first[1], second[1], strict=True):
        wrong = np.argwhere(a != b)
        if len(wrong):
            jet, neuron = (int(i) for i in wrong[0])
            return Difference(
                first[0],
                second[0],
                layer.name,
                jet,
                neuron,
                (int(a[jet, neuron]), int(b[jet, neuron])),
                tuple(int(w) for w in words[jet]),
            )
    return None
