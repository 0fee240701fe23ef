"""An anomaly score of the latent words, and the trigger bit: whether it reaches a threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from aefpga.choices import ScoreKind
from aefpga.fixedpoint.types import EXACT_BITS, FixedType, integers, smallest_type

TITLES: Mapping[ScoreKind, str] = {
    "absolutes": "sum of {} absolutes",
    "squares": "sum of {} squares",
    "largest": "largest of {} absolutes",
}


@dataclass(frozen=True)
class Score:
    """A number of at least 0 that is the larger, the farther latent words are from zero.

    Each word that counts gives a term, exactly: its absolute or its square. All terms are on one
    scale, wherever the words' binary points are. Each is then rounded, and saturated or wrapped, to
    `type`, and so is their sum; of ``largest`` it is the largest term.

    Parameters
    ----------
    kind : {"absolutes", "squares", "largest"}
        Sum of absolutes, sum of squares, or the largest absolute.
    counted : tuple of int
        Which latent words count, in ascending order.
    type : FixedType
        One type without a sign, no finer than the terms; `exact` gives one that loses nothing.

    Examples
    --------
    >>> latent_type = FixedType(signed=True, width=[4, 6], integer=[4, 4])
    >>> score = Score.exact("absolutes", latent_type)
    >>> str(score.type)
    'ufixed<7,5,TRN,WRAP>'
    >>> score([[-8, 31], [1, 0]], latent_type)  # 8 + 7.75 and 1, in quarters
    array([63,  4])
    """

    kind: ScoreKind
    counted: tuple[int, ...]
    type: FixedType

    def __post_init__(self) -> None:
        if self.kind not in get_args(ScoreKind):
            raise ValueError(
                f"unknown score {self.kind!r:.40}; expected {', '.join(get_args(ScoreKind))}"
            )
        ascending = tuple(sorted(set(self.counted)))
        if not self.counted or self.counted != ascending or self.counted[0] < 0:
            raise ValueError(f"{self.counted!r:.80} are no latent words in ascending order")
        if self.type.shape or self.type.signed:
            raise ValueError(f"a score has one type without a sign, found {self.type!s:.80}")

    def __str__(self) -> str:
        """Such as ``sum of 8 squares``."""
        return TITLES[self.kind].format(len(self.counted))

    @classmethod
    def exact(
        cls, kind: ScoreKind, latent_type: FixedType, counted: Sequence[int] | None = None
    ) -> "Score":
        """Return the score whose type holds what any latent words give.

        Parameters
        ----------
        kind : {"absolutes", "squares", "largest"}
            As of the class.
        latent_type : FixedType
            One type for each latent word.
        counted : sequence of int or None
            Which latent words count; None for all.

        Raises
        ------
        ValueError
            If that needs more than 53 bits, or there is no such latent word.
        """
        chosen = tuple(range(*latent_type.shape) if counted is None else counted)
        return cls(kind, chosen, _exact_type(kind, chosen, latent_type))

    def check(self, latent_type: FixedType) -> None:
        """Raise ValueError unless the score of such latent words can be computed exactly."""
        exact = _exact_type(self.kind, self.counted, latent_type)
        if self.type.fraction > exact.fraction:
            raise ValueError(
                f"a score in {self.type} is finer than its terms, which have {exact.fraction} "
                "fractional bits"
            )

    def __call__(self, latent: Any, latent_type: FixedType) -> NDArray[np.int64]:
        """Return the score words, shape (n_jets,), of latent words (n_jets, n_latent).

        A score word stands for ``word * 2**-type.fraction``.
        """
        fraction = _part(latent_type, self.counted).fraction
        terms = np.abs(np.asarray(latent, np.int64)[:, self.counted]) << (fraction.max() - fraction)
        point = fraction.max()
        if self.kind == "squares":
            terms, point = terms**2, 2 * point
        words = self.type.to_words(np.ldexp(terms.astype(np.float64), -point))
        if self.kind == "largest":
            return np.asarray(words.max(axis=1), np.int64)
        total = words.sum(axis=1)
        if self.type.overflow == "SAT":
            return np.asarray(np.minimum(total, self.type.max_word), np.int64)
        return np.asarray(total & self.type.max_word, np.int64)

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "kind": self.kind,
            "counted": list(self.counted),
            "type": self.type.to_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Score":
        """Build a score from what `to_config` returns; raise ValueError, TypeError or KeyError."""
        counted = tuple(integers(config["counted"]).tolist())
        return cls(config["kind"], counted, FixedType.from_config(config["type"]))


@dataclass(frozen=True)
class Trigger:
    """The bit that is 1 where ``score >= threshold``.

    Parameters
    ----------
    score : Score
        Of the latent words.
    threshold : int
        A score word, from 1 to the largest: with 0 the bit would always be 1.
    """

    score: Score
    threshold: int

    def __post_init__(self) -> None:
        most = int(self.score.type.max_word)
        if type(self.threshold) is not int or not 1 <= self.threshold <= most:
            raise ValueError(
                f"a threshold of {self.threshold!r:.40}; expected an integer from 1 to {most:,}, "
                "the largest score word"
            )

    def __str__(self) -> str:
        """Such as ``sum of 8 squares >= 415``."""
        return f"{self.score} >= {self.threshold}"

    def __call__(self, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the trigger bits, 0 or 1, of score words."""
        return np.asarray(scores >= self.threshold, np.int64)

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {"score": self.score.to_config(), "threshold": self.threshold}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Trigger":
        """Build a trigger from what `to_config` returns; raise as `Score.from_config`."""
        return cls(Score.from_config(config["score"]), config["threshold"])


def _part(latent_type: FixedType, counted: tuple[int, ...]) -> FixedType:
    """Return the types of the latent words that count."""
    (n_latent,) = latent_type.shape
    if missing := set(counted) - set(range(n_latent)):
        raise ValueError(f"latent word {min(missing)} counts, there are 0 to {n_latent - 1}")
    signed, width, integer = (
        array[list(counted)]
        for array in np.broadcast_arrays(latent_type.signed, latent_type.width, latent_type.integer)
    )
    return FixedType(signed, width, integer)


def _exact_type(kind: ScoreKind, counted: tuple[int, ...], latent_type: FixedType) -> FixedType:
    """Return the type that holds every term and their sum."""
    part = _part(latent_type, counted)
    most = np.maximum(-part.min, part.max)
    fraction = int(part.fraction.max())
    if kind == "squares":
        most, fraction = most**2, 2 * fraction
    # Far binary points would round the sum, and need too many bits anyway.
    if np.log2(most.max()) + fraction > EXACT_BITS:
        raise ValueError(f"a score of {kind} needs more than {EXACT_BITS} bits")
    return smallest_type(0.0, float(most.max() if kind == "largest" else most.sum()), fraction)
