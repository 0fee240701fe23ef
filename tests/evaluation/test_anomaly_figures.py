"""Rates, thresholds, areas and summaries of scores, beside closed forms and plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aefpga.errors import DataError, UsageError
from aefpga.evaluation.anomaly.baselines import simple_scores, supervised
from aefpga.evaluation.anomaly.improvement import best_improvement, summarise
from aefpga.evaluation.anomaly.judge import Found, Scored
from aefpga.evaluation.anomaly.threshold import find_threshold
from aefpga.evaluation.anomaly.weighted import Sample, Share, area, composition, efficiency
from aefpga.schema import EVENTS, JETS

INTEGERS = arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 12))


def sample(scores, weights=None):
    scores = np.asarray(scores)
    return Sample(scores, np.ones(len(scores)) if weights is None else np.asarray(weights, float))


@given(INTEGERS, st.data(), st.floats(0.01, 0.99))
@settings(deadline=None)
def test_the_threshold_is_the_least_integer_with_that_rate(scores, data, target):
    weights = data.draw(arrays(float, len(scores), elements=st.sampled_from([0.5, 1.0, 3.0])))
    background = sample(scores, weights)

    def rate(t):
        return weights[scores >= t].sum() / weights.sum()

    least = next(t for t in range(15) if rate(t) <= target)
    if background.effective * target < 1:
        with pytest.raises(DataError, match="less than one would pass"):
            find_threshold(background, target, largest=100)
        return
    found = find_threshold(background, target, largest=100)
    assert found.chosen.threshold == least
    assert found.chosen.rate.value == pytest.approx(rate(least), abs=1e-12)
    assert found.neighbour.rate.value == pytest.approx(rate(least - 1))
    assert found.neighbour.rate.value > target
    assert found.chosen.accepted == (scores >= least).sum()


def test_a_threshold_where_words_saturate_is_refused_with_the_nearest():
    scores = [*range(900), *[999] * 100]
    with pytest.raises(UsageError, match=r"threshold is 998, with a rate of 0\.1;"):
        find_threshold(sample(scores), 0.05, largest=999)
    assert find_threshold(sample(scores), 0.2, largest=999).chosen.threshold == 800


def test_a_small_sample_says_so():
    scores = np.arange(1000)
    assert "too small for 0.005" in find_threshold(sample(scores), 5e-3, 10**6).sentence
    assert "too small" not in find_threshold(sample(scores), 2e-2, 10**6).sentence
    # Of a thousand unequal weights a few decide.
    heavy = np.where(scores % 100, 1e-3, 1.0)
    assert find_threshold(sample(scores, heavy), 0.2, 10**6).is_rough


@given(INTEGERS, INTEGERS)
@settings(deadline=None)
def test_the_area_is_the_share_of_pairs(background, signal):
    pairs = signal[:, None] - background[None]
    expected = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert area(sample(background), sample(signal)).value == pytest.approx(expected)


def test_a_weight_is_as_many_events():
    rng = np.random.default_rng(0)
    background, signal = rng.normal(0, 1, 300), rng.normal(1, 1, 200)
    weights = rng.integers(1, 4, 300)
    weighted, repeated = sample(background, weights), sample(np.repeat(background, weights))
    assert area(weighted, sample(signal)).value == pytest.approx(
        area(repeated, sample(signal)).value
    )
    assert weighted.above(1.0).value == pytest.approx(repeated.above(1.0).value)
    assert weighted.effective < repeated.effective


def test_errors_are_as_wide_as_repetitions_spread():
    rng = np.random.default_rng(1)
    areas, found = [], []
    for _ in range(150):
        background, signal = sample(rng.normal(0, 1, 500)), sample(rng.normal(1.5, 1, 300))
        areas.append(area(background, signal))
        found.append(efficiency(background, signal, 0.05))
    for shares in (areas, found):
        spread = np.std([s.value for s in shares])
        assert np.mean([s.error for s in shares]) == pytest.approx(spread, rel=0.25)


def test_a_share_of_nothing_has_an_error():
    assert Share.of(0.0, 99).error == pytest.approx(0.5 / 100)
    assert Share.of(0.5, 10_000).error == pytest.approx(0.005, rel=1e-3)
    assert efficiency(sample(np.arange(99)), sample([1]), 1e-2) is None


def test_curves_begin_and_end_where_they_must():
    background, signal = sample(np.arange(1000)), sample(np.arange(500, 1500))
    found = Found.of(background, signal)
    assert found.efficiencies[1e-5] is None
    assert found.efficiencies[1e-2].value == pytest.approx(0.51)
    assert (found.curve.rates[-1], found.curve.efficiencies[-1]) == (1, 1)
    assert (np.diff(found.curve.efficiencies) >= 0).all()
    thresholds, rates = Scored(background, np.full(1000, "w"), {}).rates()
    assert rates[0] == 1e-3
    assert rates[-1] == 1
    np.testing.assert_allclose(rates, 1 - thresholds / 1000)


def test_the_composition_is_of_what_is_chosen():
    labels, weights = np.array(["w", "z", "w", "z"]), np.array([1.0, 3.0, 1.0, 1.0])
    shares = composition(labels, weights, np.array([True, True, False, False]))
    assert {name: s.value for name, s in shares.items()} == {"w": 0.25, "z": 0.75}
    assert composition(labels, weights, np.zeros(4, bool)) == {}


def test_the_summary_takes_the_best_rate_and_the_best_channel():
    assert best_improvement({1e-2: Share(0.5, 0), 1e-3: Share(0.2, 0), 1e-4: None}) == (
        pytest.approx(0.2 / np.sqrt(1e-3))
    )
    assert best_improvement({1e-2: None}) is None
    found = summarise([{"a": 1.0, "b": 5.0}, {"a": 3.0}, {"c": 0.5}])
    assert (found.signals, found.least, found.median, found.largest) == (3, 0.5, 3.0, 5.0)
    assert summarise([{}]) is None


def test_simple_scores_count_what_is_there():
    schema = EVENTS.choose()
    events = np.zeros((3, len(schema)), np.float32)
    for row, pts in enumerate(({"e1": 60}, {"e1": 10, "mu1": 5}, {"mu1": 30, "j1": 20})):
        for name, pt in pts.items():
            events[row, schema.index(f"{name}_pt")] = pt
    scores = simple_scores(schema, events, events)
    assert np.argsort(scores["leptons counted, then their pt"]).tolist() == [2, 0, 1]
    assert scores["objects counted"].tolist() == [1, 2, 2]
    standard = (events - events.mean(axis=0)) / np.where(events.std(axis=0) > 0, events.std(0), 1)
    np.testing.assert_allclose(
        scores["sum of squared standardised inputs"], np.square(standard).sum(axis=1), rtol=1e-5
    )
    jets = np.ones((2, 4), np.float32)
    assert list(simple_scores(JETS.choose("4"), jets, jets)) == [
        "mass", "sum of squared standardised inputs"]  # fmt: skip


def test_trees_tell_what_they_were_shown():
    pytest.importorskip("sklearn", reason="the ceiling needs the extra `baselines`")
    rng = np.random.default_rng(2)
    background, signal = (rng.normal(m, 1, (400, 3)).astype(np.float32) for m in (0, 2))
    trees = supervised(background[:200], np.ones(200), signal[:200], seed=0)
    found = area(sample(trees(background[200:])), sample(trees(signal[200:])))
    assert found.value > 0.9
