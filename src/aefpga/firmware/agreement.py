"""One comparison for all computations of an encoder: do they give the same words, scores, bits?"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.int64]
LATENT, SCORES, BITS = "latent words", "scores", "trigger bits"


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

    `first_jet` is the index of the first jet of which a word differs, None if there is none; `part`
    says what is compared: latent words, scores or trigger bits.
    """

    first: str
    second: str
    words: int
    equal: int
    first_jet: int | None
    part: str = LATENT

    @property
    def is_exact(self) -> bool:
        """Whether every word is equal."""
        return self.equal == self.words

    @property
    def title(self) -> str:
        """Which computations, and what of them where that is not latent words."""
        pair = f"{self.first} = {self.second}"
        return pair if self.part == LATENT else f"{pair}, {self.part}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """The first word at which two computations part.

    `values` are the two words, `inputs` the input words of the jet. `layer` is one of the encoder,
    ``scores`` or ``trigger bits``, or ``latent words`` where it is in front of all layers.
    """

    first: str
    second: str
    layer: str
    jet: int
    neuron: int
    values: tuple[int, int]
    inputs: tuple[int, ...]

    def __str__(self) -> str:
        place = f"layer {self.layer}: neuron {self.neuron}"
        if self.layer in (SCORES, BITS):
            place = f"the {self.layer}: that"
        elif self.layer == LATENT:
            place = f"the front end, as all layers agree: latent word {self.neuron}"
        return (
            f"{self.first} and {self.second} part at {place} of jet {self.jet} is "
            f"{self.values[0]} in {self.first} and {self.values[1]} in {self.second}"
        )


def compare_all(results: Mapping[str, Words], parts: Mapping[str, slice]) -> list[Agreement]:
    """Compare every pair of computations, part by part.

    Parameters
    ----------
    results : Mapping of str to ndarray, shape (n_jets, n_outputs)
        What each computation gave; one that computes no score has no column of it.
    parts : Mapping of str to slice
        The columns of each part, as `EncoderSpec.outputs` says.
    """
    return [
        agreement
        for first, second in combinations(results, 2)
        for agreement in _compare((first, results[first]), (second, results[second]), parts)
    ]


def _compare(
    first: tuple[str, Words], second: tuple[str, Words], parts: Mapping[str, slice]
) -> Iterator[Agreement]:
    for part, columns in parts.items():
        a, b = first[1][:, columns], second[1][:, columns]
        if a.size and b.size:
            same = a == b
            wrong = np.flatnonzero(~same.all(axis=1))
            jet = int(wrong[0]) if len(wrong) else None
            yield Agreement(first[0], second[0], same.size, int(same.sum()), jet, part)


def first_difference(
    first: tuple[str, Mapping[str, Words]], second: tuple[str, Mapping[str, Words]], words: Words
) -> Difference | None:
    """Return the first layer, jet and neuron at which two traces part, if they do.

    Parameters
    ----------
    first, second : tuple of str and Mapping
        A computation's name, and the words of each of its layers, by name and in order.
    words : ndarray of int64, shape (n_jets, n_variables)
        The input words.
    """
    for (layer, a), b in zip(first[1].items(), second[1].values(), strict=True):
        wrong = np.argwhere(a != b)
        if len(wrong):
            jet, neuron = (int(i) for i in wrong[0])
            return Difference(
                first[0],
                second[0],
                layer,
                jet,
                neuron,
                (int(a[jet, neuron]), int(b[jet, neuron])),
                tuple(int(w) for w in words[jet]),
            )
    return None
