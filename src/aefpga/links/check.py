"""The check: a word of every step's higher bits, which few of the probable records have.

Each step, over the 2**width of its word, counts an odd number of times: one that is wrong by one
turn of its word changes the check. What is mistaken for a record differs from it by a few turns of
several steps, more of one energy and less of another. The numbers are those, next to powers of two
and so cheap multipliers, that tell apart what is mistaken most easily.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray

from aefpga.links.beam import FRACTION, Search
from aefpga.links.encoder import LinkWord

Words = NDArray[np.int64]

CHECK_BITS = 12
# Next to powers of two; no two are opposite.
ODD = tuple(
    dict.fromkeys((1 << power) + sign for power in range(1, CHECK_BITS) for sign in (-1, 1))
)
# Times that all numbers are chosen again.
SWEEPS = 2
# What is less probable than this share of the truth is hardly taken for it.
LEAST_SHARE = 1 / 64


@dataclass(frozen=True)
class Mistakes:
    """What could be taken for some records, if there were no check.

    Parameters
    ----------
    turns : ndarray of int64, shape (n_mistakes, n_columns)
        By how many turns of its word each step is off.
    chance : ndarray of float64, shape (n_mistakes,)
        How probable it is that the mistake is made, where it has the words of the truth.
    """

    turns: Words
    chance: NDArray[np.float64]

    @classmethod
    def of(cls, search: Search, steps: Words, widths: Words) -> "Mistakes":
        """Return those of records, shape (n_records, n_columns), that a search without check makes.

        `widths`, shape (n_columns,), are the low bits of each column that its word gives away.
        """
        turns, chances = [], []
        for record, found, cost in search.hypotheses(steps):
            apart = found - steps[record]
            is_true = ~apart.any(axis=1)
            # A record whose truth is not among them is given up.
            truth = np.full(len(steps), -np.inf)
            truth[record[is_true]] = cost[is_true]
            share = np.exp2((truth[record] - cost) / (1 << FRACTION))
            counts = ~is_true & (share > LEAST_SHARE)
            turns.append(apart[counts] >> widths)
            chances.append(share[counts] / (1 + share[counts]))
        return cls(np.concatenate(turns), np.concatenate(chances))

    def passing(self, sums: Words) -> float:
        """Return how many mistakes are made with a check, for the changes of its sum."""
        return float(self.chance[sums & ((1 << CHECK_BITS) - 1) == 0].sum())


def odd_numbers(mistakes: Mistakes, checked: Sequence[int]) -> dict[int, int]:
    """Return the odd number of each column that is checked, so that few mistakes pass."""
    numbers = dict(zip(checked, islice(cycle(ODD), len(checked)), strict=True))
    # A number that is another column's changes places with it.
    pool = dict.fromkeys([*numbers.values(), *ODD])
    turns = mistakes.turns
    sums = turns[:, list(numbers)] @ np.array(list(numbers.values()), np.int64)
    for column in [*checked] * SWEEPS:
        options = []
        for number in pool:
            change = number - numbers[column]
            other = next((c for c, n in numbers.items() if n == number and c != column), None)
            moved = sums + turns[:, column] * change
            if other is not None:
                moved -= turns[:, other] * change
            options.append((mistakes.passing(moved), abs(change), number, other, moved))
        _, _, number, other, sums = min(options, key=lambda option: option[:2])
        if other is not None:
            numbers[other] = numbers[column]
        numbers[column] = number
    return numbers


def check_word(names: Sequence[str], widths: Words, numbers: dict[int, int]) -> LinkWord:
    """Return the word of these columns, the low `widths` bits of which others give away."""
    shift = int(widths.max())
    weights = {names[j]: odd << (shift - int(widths[j])) for j, odd in numbers.items()}
    return LinkWord(weights, CHECK_BITS, shift)
