"""The search behind modulo words, against all that there is to search."""

import numpy as np
import pytest

from aefpga.entropy.learning import learn
from aefpga.entropy.schemes import PlainScheme
from aefpga.links import beam
from aefpga.links.beam import Search, Sums

RANGES = np.array([[0, 11], [-2, 9], [0, 7]])


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(3)
    first = rng.integers(0, 12, 4000)
    second = np.clip(first - 2 + rng.integers(0, 3, 4000), -2, 9)
    third = np.clip(rng.poisson(1 + first / 4), 0, 7)
    # Where the first is 0, the last is.
    return np.stack([first, second, np.where(first == 0, 0, third)], axis=1)


@pytest.fixture(scope="module")
def models(sample):
    table = sample[:3000]
    return learn(PlainScheme(3), [(table, np.ones(len(table), np.int64))], batches=200)


def exhaustively(models, sums, words):
    """The cheapest steps for each record, and how probable others with its words are."""
    grids = np.meshgrid(*(np.arange(low, high + 1) for low, high in RANGES), indexing="ij")
    every = np.stack([g.ravel() for g in grids], axis=1)
    every = every[(every[:, 0] > 0) | (every[:, 2] == 0)]
    bits = np.zeros(len(every))
    for column, _, hint in PlainScheme(3).walk(np.ones(len(every), np.int64), every):
        symbols = models[column].symbols(hint.distances(every[:, column]))
        _, frequency = models[column].table(hint).intervals(symbols)
        cost = -np.log2(frequency / models[column].widths(symbols) / 2**14)
        bits += np.where((column == 2) & (every[:, 0] == 0), 0, cost)
    share, sent = np.exp2(-bits), sums.of(every)
    for word in words:
        mine = share * (sent == word).all(axis=1)
        yield every[mine.argmax()], 1 - mine.max() / mine.sum()


def test_it_finds_what_a_search_of_everything_finds(sample, models, monkeypatch):
    monkeypatch.setattr(beam, "NARROW", beam.Breadth(64, 60 << beam.FRACTION, 128))
    # Low bits of two columns, and one word to which all contribute.
    sums = Sums(
        weights=np.array([[1, 0, 1], [0, 1, 12], [0, 0, 5]]),
        shift=np.array([0, 0, 2]),
        width=np.array([3, 1, 3]),
    )
    judged = sample[3000:3300]
    words = sums.of(judged)
    found = Search(PlainScheme(3), models, RANGES, sums, {2: 0})(words)
    expected = list(exhaustively(models, sums, words))
    # Costs are rounded: what is equally probable may come out either way.
    clear = np.array([doubt < 0.45 for _, doubt in expected])
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(found.steps[clear], np.array([s for s, _ in expected])[clear])
    np.testing.assert_allclose(found.doubt, [doubt for _, doubt in expected], atol=0.03)
    assert (found.steps == judged).all(axis=1).mean() > 0.7
    np.testing.assert_array_equal(sums.of(found.steps), words)


def test_words_that_no_steps_have_are_in_doubt(models):
    # The second word is twice a step, and never odd.
    sums = Sums(np.array([[1, 0], [0, 2], [0, 0]]), np.zeros(2, int), np.array([4, 5]))
    found = Search(PlainScheme(3), models, RANGES, sums, {})(np.array([[3, 4], [3, 5]]))
    assert found.doubt[0] < 1
    assert np.isinf(found.doubt[1])
    np.testing.assert_array_equal(found.steps[:, 0], 3)


def test_what_few_hypotheses_agree_with_is_in_doubt(sample, models, monkeypatch):
    """A check that only what is improbable passes says that the truth was let go."""
    sums = Sums(
        weights=np.array([[1, 0, 1], [0, 1, 12], [0, 0, 5]]),
        shift=np.array([0, 0, 2]),
        width=np.array([2, 1, 4]),
    )
    judged = sample[3000:3600]
    monkeypatch.setattr(beam, "NARROW", beam.Breadth(2, 60 << beam.FRACTION, 128))
    found = Search(PlainScheme(3), models, RANGES, sums, {2: 0})(sums.of(judged))
    wrong = (found.steps != judged).any(axis=1)
    assert 0.02 < wrong.mean() < 0.5
    assert np.minimum(found.doubt, 1).mean() == pytest.approx(wrong.mean(), abs=0.06)
