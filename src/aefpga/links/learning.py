"""Learning modulo words: what is probable, how many bits each word gets, and what is improbable."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.column_model import SLOTS, ColumnModel
from aefpga.entropy.learning import BATCH, learn
from aefpga.entropy.schemes import Scheme, dense_scheme_for
from aefpga.errors import UsageError
from aefpga.fixedpoint import EncoderSpec
from aefpga.links.check import CHECK_BITS, Mistakes, check_word, odd_numbers
from aefpga.links.decoder import Limits, ModuloDecoder
from aefpga.links.encoder import LinkWord, read_sums, specification
from aefpga.links.modulo import ModuloCode
from aefpga.links.steps import Scale, sent_columns, steps_of
from aefpga.progress import Step, silent
from aefpga.schema import Schema

Floats = NDArray[np.float32]
Words = NDArray[np.int64]
Shares = NDArray[np.float32]

LEAST_RECORDS = 100
# Share of the records found rightly that may be called improbable: for doubt, for information. The
# rest of 1 % is what it may be more on other records.
CALLED_DOUBTFUL, CALLED_UNLIKE = 0.007, 0.001
# And share that is searched for twice.
SEARCHED_TWICE = 0.05
# Records that widths, check and limits are decided on, at most: one in three hundred is wrong. And
# those by which it is decided what is searched for again while the limits are learned.
JUDGED, JUDGED_FIRST = 15_000, 2_000
# Words that lose a larger share of records are of no use, and the decoder searches long for each of
# these.
MOST_LOST = 0.1
# Share of the records that may have a value beyond a variable's steps.
MOST_BEYOND = 0.01


@dataclass(frozen=True)
class _Column:
    """What the low bits of one column leave open, of some records.

    Parameters
    ----------
    name : str
        Of the variable.
    left : ndarray of float32, shape (n_widths, n_records)
        For each number of low bits, how many bits the true step is worth among those that have
        these; 0 with all bits.
    absent : ndarray of bool, shape (n_records,)
        Where the step is 0 and known to be.
    """

    name: str
    left: Shares
    absent: NDArray[np.bool_]


def learn_modulo(
    train: Floats,
    validation: Floats,
    schema: Schema,
    bits: int,
    *,
    provenance: Mapping[str, str] = MappingProxyType({}),
    epochs: int | None = None,
    seed: int = 1,
    step: Step = silent,
) -> ModuloCode:
    """Return encoder and decoder of words that have so many bits together.

    Parameters
    ----------
    train : ndarray of float32, shape (n_records, n_variables)
        In physical units: what is probable is learned from these.
    validation : ndarray of float32, shape (n_records, n_variables)
        Others, that decide how the bits are shared out and what is improbable.
    schema : Schema
        The columns.
    bits : int
        Of all words of a record.
    provenance : Mapping
        Goes into the specification.
    epochs : int or None
        Passes of each column's network over the records, at most; None: as many as usual.
    seed : int
        Of that training.
    step : Step
        Told how many columns are learned, and how many times records were searched for.

    Raises
    ------
    UsageError
        If there are next to no records, many values that have no steps, or so few bits that many
        records would be decoded to others.
    """
    if min(len(train), len(validation)) < LEAST_RECORDS:
        raise UsageError(
            f"{len(train)} records to learn from and {len(validation)} to judge by are too few for "
            f"modulo words; give {LEAST_RECORDS} of each"
        )
    _refuse_impossible(train, schema)
    _refuse_beyond(train, schema)
    sent = sent_columns(schema)
    scales = [Scale.of(v) for v in sent.variables]
    learned, judged = (steps_of(rows, schema, scales) for rows in (train, validation[:JUDGED]))
    scheme = dense_scheme_for(sent, scales)
    alone = np.ones(len(learned), np.int64)
    batches = epochs and epochs * max(len(learned) // BATCH, 1)
    models = learn(scheme, [(learned, alone)], step, seed=seed, batches=batches)
    both = np.concatenate([learned, judged])
    ranges = np.stack([both.min(axis=0), both.max(axis=0)], axis=1)
    columns = list(_columns(sent, scheme, models, ranges, judged))
    shared_out = _shared_out(_groups(sent, columns), bits - CHECK_BITS)
    words = [LinkWord(dict.fromkeys(g.names, 1), width) for g, width in shared_out if width]
    limits = Limits(inf, inf, inf)
    unchecked = ModuloDecoder(specification(schema, words, {}), schema, models, ranges, limits)
    widths = _given_away(sent, shared_out)
    # A search before there is a check. Then, with it, one to learn how improbable records usually
    # are, and one as the decoder will search.
    searches = "searches for records"
    step(searches, 0, 3)
    mistakes = Mistakes.of(unchecked.search, judged, widths)
    step(searches, 1, 3)
    checked = [j for j, scale in enumerate(scales) if 1 << widths[j] != scale.turn]
    words.append(check_word(sent.names, widths, odd_numbers(mistakes, checked)))
    spec = specification(schema, words, provenance)
    for done, steps in enumerate((judged[:JUDGED_FIRST], judged), 2):
        decoder = ModuloDecoder(spec, schema, models, ranges, limits)
        limits = _limits(decoder, spec, steps)
        step(searches, done, 3)
    return ModuloCode(spec, ModuloDecoder(spec, schema, models, ranges, limits))


def _refuse_impossible(records: Floats, schema: Schema) -> None:
    """Raise UsageError if there are energies of particles that are not counted.

    What is known of an energy whose particles are absent is that it is 0.
    """
    uncounted = {}
    for c in schema.classes:
        if schema.holds(c.energy, c.count):
            energy, count = (records[:, schema.index(name)] for name in (c.energy, c.count))
            if n := np.count_nonzero((energy > 0) & (count == 0)):
                uncounted[c.count] = f"{c.energy} ({n:,})"
    if uncounted:
        others = [name for name in schema.names if name not in uncounted]
        raise UsageError(
            f"of {len(records):,} {schema.name} some have energies above 0 of particles that are "
            f"not counted: {', '.join(uncounted.values())}; modulo words need both: give "
            f"--variables {','.join(others)}, or use another --model"
        )


def _refuse_beyond(records: Floats, schema: Schema) -> None:
    """Raise UsageError if many values have no step, and would be clipped."""
    for v in sent_columns(schema).variables:
        held, values = Scale.of(v).type, records[:, schema.index(v.name)]
        # Masses that are rounded may be below zero by next to nothing.
        half = held.lsb / 2
        beyond = np.count_nonzero((values < held.min - half) | (values > held.max + half))
        if beyond > MOST_BEYOND * len(records):
            raise UsageError(
                f"{beyond:,} of {len(records):,} {schema.name} have {v.name} beyond {held.min:g} "
                f"to {held.max:g}, where modulo words end for the kind {v.kind.name}, in GeV, cm "
                "or rad; give it another kind in the schema, or another unit by its source, leave "
                "it out with --variables, or use another --model"
            )


def _columns(
    sent: Schema,
    scheme: Scheme,
    models: Sequence[ColumnModel],
    ranges: Words,
    steps: Words,
) -> Iterator[_Column]:
    """Yield what low bits leave open of each column, where those before it are known."""
    n = len(steps)
    count_of = {c.energy: c.count for c in sent.classes}
    for j, _, hint in scheme.walk(np.ones(n, np.int64), steps):
        low, high = (int(x) for x in ranges[j])
        options = np.broadcast_to(np.arange(low, high + 1)[:, None], (high - low + 1, n))
        symbols = models[j].symbols(hint.distances(options))
        frequencies = models[j].table(hint).frequencies(symbols)
        shares = (frequencies / models[j].widths(symbols) / SLOTS).astype(np.float32)
        true, row = steps[:, j] - low, np.arange(n)
        count = count_of.get(sent.names[j])
        absent = np.zeros(n, bool)
        if count is not None and sent.holds(count):
            absent = steps[:, sent.index(count)] == 0
        left = []
        for width in range((high - low).bit_length() + 1):
            turn = 1 << width
            first = range(min(turn, len(shares)))
            same = np.stack([shares[i::turn].sum(axis=0) for i in first])
            left.append(np.where(absent, 0, np.log2(same[true % turn, row] / shares[true, row])))
        yield _Column(sent.names[j], np.stack(left).astype(np.float32), absent)


@dataclass(frozen=True)
class _Group:
    """Columns that share a word, and what its low bits leave open: see `_Column`."""

    names: tuple[str, ...]
    left: Shares

    @property
    def widest(self) -> int:
        """With so many bits nothing is left open, but where columns meet."""
        return len(self.left) - 1


def _groups(sent: Schema, columns: Sequence[_Column]) -> list[_Group]:
    """Return which columns share a word: energies of particles that rarely come together."""
    rare = {c.energy for c in sent.classes if c.is_rare and sent.holds(c.count)}
    sharing = [c for c in columns if c.name in rare]
    alone = {c.name: _Group((c.name,), c.left) for c in columns if c.name not in rare}
    if sharing:
        alone[sharing[0].name] = _shared(sharing)
    return [alone[name] for name in sent.names if name in alone]


def _shared(columns: Sequence[_Column]) -> _Group:
    """Return a group whose sum leaves all but the last of several energies open."""
    n_widths = max(len(c.left) for c in columns)
    left = np.zeros((n_widths, columns[0].left.shape[1]), np.float32)
    is_last = np.ones(left.shape[1], bool)
    for column in reversed(columns):
        padded = np.pad(column.left, ((0, n_widths - len(column.left)), (0, 0)))
        left += np.where(is_last, padded, column.left[0])
        is_last &= column.absent
    return _Group(tuple(c.name for c in columns), left)


def _shared_out(groups: Sequence[_Group], budget: int) -> list[tuple[_Group, int]]:
    """Return how many low bits are sent of each group, so that the fewest records are lost.

    A bit is taken away where that loses least, as long as they are too many; UsageError if that
    loses too many records.
    """
    widths = [group.widest for group in groups]
    left = np.sum([g.left[w] for g, w in zip(groups, widths, strict=True)], axis=0)
    while sum(widths) > budget:
        share, best = min(
            (lost(left + g.left[w - 1] - g.left[w]), i)
            for i, (g, w) in enumerate(zip(groups, widths, strict=True))
            if w
        )
        if share > MOST_LOST:
            raise UsageError(
                f"model.link_bits: {budget + CHECK_BITS} bits are too few for modulo words, of "
                f"which {CHECK_BITS} are a check: {share:.0%} of records or more would be decoded "
                f"to others; give at least {sum(widths) + CHECK_BITS}, or more records to learn "
                "from, with more --epochs"
            )
        left += groups[best].left[widths[best] - 1] - groups[best].left[widths[best]]
        widths[best] -= 1
    return list(zip(groups, widths, strict=True))


def lost(left: NDArray[np.floating]) -> float:
    """Return the share of records that a check does not tell from all that are as probable."""
    return float(np.exp2(np.minimum(left - CHECK_BITS, 0)).mean())


def _given_away(sent: Schema, shared_out: Sequence[tuple[_Group, int]]) -> Words:
    """Return how many low bits of each column its word gives away; of steps that share one, none.

    Of these one may be more and another less by as much: all their bits are checked.
    """
    alone = {group.names[0]: width for group, width in shared_out if len(group.names) == 1}
    return np.array([alone.get(name, 0) for name in sent.names])


def _limits(decoder: ModuloDecoder, spec: EncoderSpec, steps: Words) -> Limits:
    """Return beyond which few of the records lie that are found rightly."""
    found = decoder.search(read_sums(spec).of(steps))
    right = (found.steps == steps).all(axis=1)
    if not right.any():
        return Limits(inf, inf, inf)

    def beyond(values: NDArray[np.float64], share: float) -> float:
        return float(np.quantile(values[right], 1 - share, method="higher"))

    return Limits(
        doubt=beyond(found.doubt, CALLED_DOUBTFUL),
        information=beyond(found.information, CALLED_UNLIKE),
        usual=beyond(found.information, SEARCHED_TWICE),
    )
