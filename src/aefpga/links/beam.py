"""The search for the most probable steps behind modulo words.

A word is a sum of steps, modulo a power of two. The search walks through the columns as the scheme
orders them and keeps, of each record, the most probable hypotheses of what its steps are: a word
all of whose other columns are known leaves few steps of the next one, and rules out hypotheses if
none is left. Costs are binary logarithms in integers, so that every machine finds the same steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.column_model import SLOTS, ColumnModel
from aefpga.entropy.schemes import Hint, Scheme

Words = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Costs are bits with so many bits behind the point.
FRACTION = 8
# No step has this cost.
IMPOSSIBLE = 1 << 40
# Records that are searched together, continuations of their hypotheses, and steps weighed together:
# they bound the memory.
BLOCK, CONTINUATIONS, WEIGHED = 1024, 1 << 23, 1 << 20
# In a number that sorts hypotheses: of what they cost, and of their place.
COST_BITS, PLACE_BITS = 27, 25


@dataclass(frozen=True)
class Sums:
    """Words as integer sums of steps: ``(steps @ weights >> shift) mod 2**width``.

    Parameters
    ----------
    weights : ndarray of int64, shape (n_columns, n_words)
    shift, width : ndarray of int64, shape (n_words,)
    """

    weights: Words
    shift: Words
    width: Words

    def of(self, steps: Words) -> Words:
        """Return the words, shape (n, n_words), of steps (n, n_columns)."""
        words = [self.low_bits(k, steps @ self.weights[:, k]) for k in range(len(self.width))]
        return np.stack(words, axis=1)

    def low_bits(self, k: int, sums: Words) -> Words:
        """Return what is sent of sums of steps times the weights of one word."""
        return np.asarray((sums >> self.shift[k]) & ((1 << self.width[k]) - 1))

    def own(self, column: int) -> int | None:
        """Return the word whose low bits are those of a column's steps, but for other columns'."""
        found = np.flatnonzero((np.abs(self.weights[column]) == 1) & (self.shift == 0))
        return int(found[0]) if len(found) else None


@dataclass(frozen=True)
class Breadth:
    """How much a search keeps.

    Parameters
    ----------
    hypotheses : int
        Of a record, at most.
    reach : int
        How much dearer than the best one they may be.
    options : int
        With how many steps of a column a hypothesis may go on.
    """

    hypotheses: int
    reach: int
    options: int


# The first search; that of records of which it found none or an unusual one; and that of those that
# are still improbable, or have words that are the sum of several steps.
NARROW = Breadth(64, 12 << FRACTION, 128)
WIDE = Breadth(512, 18 << FRACTION, 128)
WIDEST = Breadth(4096, 26 << FRACTION, 512)


@dataclass(frozen=True)
class Found:
    """What a search found.

    Parameters
    ----------
    steps : ndarray of int64, shape (n_records, n_columns)
        The most probable ones.
    doubt : ndarray of float64, shape (n_records,)
        About the probability that it is others, as far as the search knows; infinite where it knows
        of no steps that have these words.
    information : ndarray of float64, shape (n_records,)
        Bits that the steps found are worth: how improbable they are.
    """

    steps: Words
    doubt: NDArray[np.float64]
    information: NDArray[np.float64]


class Search:
    """Finds steps behind words.

    Parameters
    ----------
    scheme : Scheme
        The order of the columns, and what is known at each.
    models : sequence of ColumnModel
        How probable each column's steps are.
    ranges : ndarray of int64, shape (n_columns, 2)
        Smallest and largest step of each column.
    sums : Sums
        What the words are.
    counts : Mapping of int to int
        Columns that are 0 where another, known before them, is 0.
    usual, probable : float
        Information of records, in bits, beyond which they are searched for twice, and thrice.
    """

    def __init__(
        self,
        scheme: Scheme,
        models: Sequence[ColumnModel],
        ranges: Words,
        sums: Sums,
        counts: Mapping[int, int],
        usual: float = np.inf,
        probable: float = np.inf,
    ) -> None:
        self._scheme, self._models, self._ranges = scheme, models, ranges
        self._sums, self._counts = sums, counts
        self._usual, self._probable = usual, probable
        walk = scheme.walk(np.zeros(0, np.int64), np.zeros((0, scheme.n_columns), np.int64))
        self._order = [column for column, _, _ in walk]

    def __call__(self, words: Words) -> Found:
        """Return what is found of words, shape (n_records, n_words)."""
        blocks = [self._found(words[i : i + BLOCK]) for i in range(0, max(len(words), 1), BLOCK)]
        return Found(*(np.concatenate([getattr(b, f.name) for b in blocks]) for f in fields(Found)))

    def hypotheses(self, steps: Words) -> Iterator[tuple[Words, Words, Words]]:
        """Yield what the first search takes for possible, of records, shape (n_records, n_columns).

        Of some records at a time: which record, shape (n,), steps (n, n_columns), and costs (n,).
        """
        for start in range(0, len(steps), BLOCK):
            beam = self._search(self._sums.of(steps[start : start + BLOCK]), NARROW)
            yield beam.record + start, beam.steps.T, beam.cost

    def _found(self, words: Words) -> Found:
        found = self._search(words, NARROW).found()
        # None of this is rounded: all machines search again for the same records.
        self._search_again(words, found, _none(found) | (found.information > self._usual), WIDE)
        # Where there is none still, there hardly is any: of records unlike all that was learned.
        improbable = ~_none(found) & (found.information > self._probable)
        self._search_again(words, found, improbable | self._meet(found.steps), WIDEST)
        return found

    def _search_again(self, words: Words, found: Found, which: Mask, breadth: Breadth) -> None:
        """Put what a broader search finds of some records in the place of what was found."""
        again = np.flatnonzero(which)
        at_once = max(CONTINUATIONS // (breadth.hypotheses * breadth.options), 1)
        for rows in (again[i : i + at_once] for i in range(0, len(again), at_once)):
            broader = self._search(words[rows], breadth).found()
            for field in fields(Found):
                getattr(found, field.name)[rows] = getattr(broader, field.name)

    def _meet(self, steps: Words) -> Mask:
        """Return where several steps are in one word that is none's check."""
        shared = (self._sums.weights != 0) & (self._sums.shift == 0)
        return np.asarray((((steps != 0).astype(np.int64) @ shared) > 1).any(axis=1))

    def _search(self, words: Words, breadth: Breadth) -> "_Beam":
        beam = _Beam.of(len(words), self._scheme.n_columns, breadth)
        for place, column in enumerate(self._order):
            walk = self._scheme.walk(np.ones(len(beam.record), np.int64), beam.steps.T)
            _, _, hint = next(islice(walk, place, None))
            beam = self._extended(beam, column, hint, words, set(self._order[place + 1 :]))
        return beam

    def _extended(
        self, beam: "_Beam", column: int, hint: Hint, words: Words, unknown: set[int]
    ) -> "_Beam":
        """Return the hypotheses with a step of one more column."""
        sums, steps = self._sums, beam.steps.T
        concerned = np.flatnonzero(sums.weights[column])
        known = {int(k): self._is_known(int(k), column, steps, unknown) for k in concerned}
        own, absent = sums.own(column), self._is_absent(column, steps, unknown)
        # Where the word of its own leaves but every 2**width-th step.
        narrow = ~absent & (known[own] if own is not None else False)
        gone = np.flatnonzero(absent)
        parts = [(gone, np.zeros(len(gone), np.int64), np.zeros(len(gone), np.int64))]
        given = words[beam.record]
        parts += self._weighed(column, hint, narrow, own, steps, given, beam.breadth)
        parts += self._weighed(column, hint, ~narrow & ~absent, None, steps, given, beam.breadth)
        row, found, cost = (np.concatenate(x) for x in zip(*parts, strict=True))
        agrees = np.ones(len(row), bool)
        for k, is_known in known.items():
            before = steps @ sums.weights[:, k]
            same = sums.low_bits(k, before[row] + sums.weights[column, k] * found)
            agrees &= (same == words[beam.record[row], k]) | ~is_known[row]
        to_come = [k for k in range(len(sums.width)) if self._is_check(k, unknown)]
        bits = int(sums.width[to_come].sum())
        return beam.extended(row, column, found, beam.cost[row] + cost, agrees, bits)

    def _weighed(
        self,
        column: int,
        hint: Hint,
        chosen: Mask,
        word: int | None,
        steps: Words,
        given: Words,
        breadth: Breadth,
    ) -> Iterator[tuple[Words, Words, Words]]:
        """Yield, of some rows, rows with the steps that they may have and what those cost."""
        model, (low, high) = self._models[column], self._ranges[column]
        turn = 1 if word is None else 1 << int(self._sums.width[word])
        n_options = -(-int(high - low + 1) // turn)
        rows, size = np.flatnonzero(chosen), max(WEIGHED // n_options, 1)
        for here in (rows[i : i + size] for i in range(0, len(rows), size)):
            first = np.full(len(here), low)
            if word is not None:
                weights = self._sums.weights[:, word]
                rest = (given[here, word] - steps[here] @ weights) * weights[column]
                first = low + np.mod(rest - low, turn)
            options = first + turn * np.arange(n_options)[:, None]
            there = hint.at(here)
            symbols = model.symbols(there.distances(options))
            frequencies = model.table(there).frequencies(symbols)
            cost = _bits()[SLOTS] - _bits()[frequencies] + _bits()[model.widths(symbols)]
            cost = np.where(options <= high, cost, IMPOSSIBLE)
            if n_options > breadth.options:
                best = np.argsort(cost, axis=0, kind="stable")[: breadth.options]
                options, cost = (np.take_along_axis(x, best, axis=0) for x in (options, cost))
            option, row = np.nonzero(cost <= cost.min(axis=0) + breadth.reach)
            yield here[row], options[option, row], cost[option, row]

    def _is_absent(self, column: int, steps: Words, unknown: set[int]) -> Mask:
        """Return which rows are known to have a step of 0, whatever the words are."""
        count = self._counts.get(column)
        if count is None or count in unknown:
            return np.zeros(len(steps), bool)
        return np.asarray(steps[:, count] == 0)

    def _is_known(self, word: int, column: int, steps: Words, unknown: set[int]) -> Mask:
        """Return in which rows a word is the sum of known steps and of a column's."""
        known = np.ones(len(steps), bool)
        for other in np.flatnonzero(self._sums.weights[:, word]):
            if other in unknown and other != column:
                known &= self._is_absent(int(other), steps, unknown)
        return known

    def _is_check(self, word: int, unknown: set[int]) -> bool:
        """Return whether a word can still rule out hypotheses, and is no column's own."""
        columns = np.flatnonzero(self._sums.weights[:, word])
        return not unknown.isdisjoint(columns.tolist()) and bool(self._sums.shift[word])


@dataclass(frozen=True)
class _Beam:
    """Hypotheses, one a row, in the order of their records; each record has one at least.

    Parameters
    ----------
    record : ndarray of int64, shape (n_rows,)
        Of which record.
    steps : ndarray of int64, shape (n_columns, n_rows)
        Those of columns that are known.
    cost : ndarray of int64, shape (n_rows,)
        How improbable they are.
    lost : ndarray of float64, shape (n_records,)
        How probable it is that the truth was let go; infinite where no hypothesis had the words.
    breadth : Breadth
        How many are kept.
    """

    record: Words
    steps: Words
    cost: Words
    lost: NDArray[np.float64]
    breadth: Breadth

    @classmethod
    def of(cls, n: int, n_columns: int, breadth: Breadth) -> "_Beam":
        """Return a hypothesis for each record, of which nothing is known."""
        steps = np.zeros((n_columns, n), np.int64)
        return cls(np.arange(n), steps, np.zeros(n, np.int64), np.zeros(n), breadth)

    def extended(
        self,
        row: Words,
        column: int,
        found: Words,
        cost: Words,
        agrees: Mask,
        bits_to_come: int,
    ) -> "_Beam":
        """Return the best continuations of each record, of those that agree with its words if any.

        Of what is let go, 2**-bits_to_come would have agreed with the words to come.

        Parameters
        ----------
        row : ndarray of int64, shape (n_continuations,)
            Which hypothesis goes on.
        column : int
            With a step of which column.
        found, cost : ndarray of int64, shape (n_continuations,)
            The step, and what the hypothesis costs with it.
        agrees : ndarray of bool, shape (n_continuations,)
            Whether it has the words that were sent.
        bits_to_come : int
            Of words that will still be compared.
        """
        n, record = len(self.lost), self.record[row]
        nowhere = np.bincount(record, agrees, n) == 0
        # Of what was let go before no more agrees than chance has it: it gains on what is left.
        lost = self.lost / np.where(nowhere, 1, _agreeing(record, cost, agrees, n))
        order = np.flatnonzero(agrees | nowhere[record])
        # By record, then by cost; sorting numbers is much faster than sorting their places.
        key = record[order] << COST_BITS | np.minimum(cost[order], (1 << COST_BITS) - 1)
        key = np.sort(key << PLACE_BITS | np.arange(len(order)))
        order = order[key & ((1 << PLACE_BITS) - 1)]
        record, cost = record[order], cost[order]
        first = np.flatnonzero(np.diff(record, prepend=-1))
        rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
        dearer = cost - cost[first][record]
        kept = (rank < self.breadth.hypotheses) & (dearer <= self.breadth.reach)
        shares = _share(dearer)
        let_go = np.bincount(record[~kept], shares[~kept], n)
        lost += let_go / np.bincount(record[kept], shares[kept], n) / 2**bits_to_come
        chosen = order[kept]
        steps = self.steps[:, row[chosen]]
        steps[column] = found[chosen]
        lost[nowhere] = np.inf
        return replace(self, record=record[kept], steps=steps, cost=cost[kept], lost=lost)

    def found(self) -> Found:
        """Return the best of each record."""
        first = np.flatnonzero(np.diff(self.record, prepend=-1))
        best = self.cost[first]
        share = 1 / np.bincount(self.record, _share(self.cost - best[self.record]), len(first))
        doubt = np.where(np.isinf(self.lost), np.inf, 1 - share / (1 + self.lost))
        return Found(self.steps[:, first].T, doubt, best / (1 << FRACTION))


def _none(found: Found) -> Mask:
    """Return where no steps were found that have the words."""
    return np.asarray(np.isinf(found.doubt))


def _agreeing(record: Words, cost: Words, agrees: Mask, n: int) -> NDArray[np.float64]:
    """Return how probable, of the hypotheses of each of n records, those are that agree."""
    best = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(best, record, cost)
    shares = _share(cost - best[record])
    return np.bincount(record, shares * agrees, n) / np.bincount(record, shares, n)


def _share(cost: Words) -> NDArray[np.float64]:
    return np.asarray(np.exp2(-cost / (1 << FRACTION)))


@cache
def _bits() -> Words:
    """Return binary logarithms of integers in units of a cost; those of 0 are never asked for.

    None is so close to a half that machines could round it otherwise.
    """
    logarithms = np.log2(np.maximum(np.arange(SLOTS + 1), 1))
    return np.asarray(np.rint(logarithms * (1 << FRACTION)), np.int64)
