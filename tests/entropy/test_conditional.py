from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.codec.bounds import Profile
from aefpga.codec.grid import Grids
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.entropy.column_model import (
    MAX_INPUT,
    NARROW,
    SLOTS,
    WIDE,
    ColumnModel,
    IntegerLayer,
)
from aefpga.entropy.conditional import Conditional, Uniform
from aefpga.entropy.histograms import StepHistograms
from aefpga.entropy.jets import EventJetScheme
from aefpga.entropy.learned import _check_model, load_models, save_models
from aefpga.entropy.learning import bin_edges, learn
from aefpga.entropy.rans import Stream, encode_intervals
from aefpga.entropy.schemes import Hint, PlainScheme
from aefpga.errors import DataError
from aefpga.schema import JETS

VARIABLES = JETS.choose("24")


@pytest.fixture(scope="module")
def learned():
    """Steps of jets, their events, and a coder that learned from the first half of them."""
    found = read_records([str(sample_path())], VARIABLES, max_records=24_000)
    grids = Grids(Profile.relative(0.0107), VARIABLES)
    half = len(found.counts) // 2
    first, second = found.between(0, half), found.between(half, len(found.counts))
    scheme = EventJetScheme(VARIABLES, grids.of_columns)
    models = learn(scheme, [(grids.steps(first.values), first.counts)])
    return grids.steps(second.values), second.counts, scheme, models


def test_other_jets_take_a_quarter_less_than_with_histograms(learned):
    steps, counts, scheme, models = learned
    data = Conditional(scheme, models).encode(steps, counts)
    np.testing.assert_array_equal(Conditional(scheme, models).decode(data, counts), steps)
    assert len(data) < 0.8 * len(StepHistograms(24).encode(steps, counts))


def test_models_come_back(learned):
    steps, counts, scheme, models = learned
    again = Conditional(scheme, load_models(save_models(models)))
    assert again.encode(steps, counts) == Conditional(scheme, models).encode(steps, counts)
    with pytest.raises(DataError, match="model of the entropy coding is damaged"):
        load_models(save_models(models)[:-100])


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_numbers_never_seen_come_back_too(learned, data):
    _, _, scheme, models = learned
    counts = np.array(data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=6)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    reach = data.draw(st.sampled_from([2, 300, 2**22]))
    table = rng.integers(-reach, reach, (counts.sum(), 24))
    # The grids keep phi within a turn.
    half = scheme._half_turn
    table[:, 2] = np.mod(table[:, 2] + half, 2 * half + 1) - half
    coder = Conditional(scheme, models)
    np.testing.assert_array_equal(coder.decode(coder.encode(table, counts), counts), table)


def test_phi_beyond_all_reason_does_not_confuse_the_others(learned, jets):
    _, _, scheme, models = learned
    values = jets[:200].copy()
    values[0, 2], values[9, 2], values[11, 1], values[13, 0] = 1e30, -7e20, 3e38, -1e38
    grids = Grids(Profile.relative(0.0107), VARIABLES)
    steps, counts = grids.steps(values), np.full(50, 4)
    coder = Conditional(scheme, models)
    np.testing.assert_array_equal(coder.decode(coder.encode(steps, counts), counts), steps)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_damage_is_an_error_or_another_table_but_never_a_crash(learned, position, bit):
    steps, counts, scheme, models = learned
    counts = counts[:10]
    coder = Conditional(scheme, models)
    data = bytearray(coder.encode(steps[: counts.sum()], counts))
    data[position % len(data)] ^= 1 << bit
    try:
        assert coder.decode(bytes(data), counts).shape == (counts.sum(), 24)
    except DataError:
        return


def test_other_events_are_refused(learned):
    steps, counts, scheme, models = learned
    coder = Conditional(scheme, models)
    data = coder.encode(steps, counts)
    with pytest.raises(DataError, match="records per event are others"):
        coder.decode(data, counts[::-1])


def in_integers(model, features):
    """Sums of shares, shape (n_symbols + 1, n), in Python's integers and in another order."""
    x = [[max(min(((int(f) - int(c)) * int(g)) >> 16, 2047), -2047) for f in row]
         for row, c, g in zip(features, model.centre, model.gain, strict=True)]  # fmt: skip
    x = np.array(x, object)
    for layer in model.layers:
        terms = [w[:, None].astype(int) * row for w, row in zip(layer.weight, x, strict=True)]
        sums = sum(reversed(terms)) + layer.bias.astype(object)[:, None]
        last = sums >> layer.shift.astype(int).astype(object)[:, None]
        x = np.clip(last, 0, model.arithmetic.max_activation)
    shares = [[int(model.arithmetic.powers[min(i, len(model.arithmetic.powers) - 1)]) for i in row]
              for row in last.max(axis=0) - last]  # fmt: skip
    return np.concatenate([np.zeros((1, len(shares[0])), int), np.cumsum(shares, axis=0)])


def test_the_frequencies_are_the_same_on_every_machine(learned):
    """Of a network in integers: the same with sums in another order, and in Python's integers."""
    steps, counts, scheme, models = learned
    for column, _, hint in scheme.walk(counts[:50], steps[: counts[:50].sum()]):
        model = models[column]
        if not model.layers:
            continue
        table = model.table(hint)
        shares = in_integers(model, hint.features)
        np.testing.assert_array_equal(table.shares(slice(None)), shares.T)
        n_symbols = len(shares) - 1
        total = 0
        for symbol in range(n_symbols):
            first, frequency = table.intervals(np.full(shares.shape[1], symbol))
            exact = [int(s) * (SLOTS - n_symbols) // int(t) + symbol
                     for s, t in zip(shares[symbol], shares[-1], strict=True)]  # fmt: skip
            np.testing.assert_array_equal(first, exact)
            assert (frequency >= 1).all()
            total += frequency
        assert (total == SLOTS).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 99), st.sampled_from([NARROW, WIDE]), st.integers(1, 60))
def test_the_largest_sums_are_exact(seed, arithmetic, n_features):
    """Weights and inputs as large as they may be, with sums one below what floats hold."""
    rng = np.random.default_rng(seed)
    sizes, largest, layers = (n_features, 12, 12, 20), MAX_INPUT, []
    for n_in, n_out in pairwise(sizes):
        weight = rng.choice([-127, -126, 125, 127], (n_in, n_out)).astype(np.int8)
        bare = IntegerLayer(weight, np.zeros(n_out, np.int64), np.zeros(n_out, np.int8))
        room = np.minimum(arithmetic.max_sum - 1 - bare.reach(largest), 2**31 - 1)
        layers.append(IntegerLayer(weight, rng.choice([-1, 1], n_out) * room,
                                   rng.integers(0, 9, n_out).astype(np.int8)))  # fmt: skip
        largest = arithmetic.max_activation
    model = ColumnModel(np.arange(19), np.zeros(0, np.int64), np.zeros(n_features, np.int64),
                        np.full(n_features, 1 << 16), layers, arithmetic)  # fmt: skip
    _check_model(model)
    features = list(rng.choice([-4000, -2047, 3, 2047, 9999], (n_features, 40)))
    hint = Hint(features, np.zeros(40, np.int64))
    shares = model.table(hint).shares(slice(None))
    np.testing.assert_array_equal(shares, in_integers(model, features).T)
    layers[1].bias[0] += np.sign(layers[1].bias[0]) * arithmetic.max_sum
    with pytest.raises(ValueError, match="larger than floats hold exactly"):
        _check_model(model)


@given(st.lists(st.integers(1, 4096), min_size=1, max_size=50), st.integers(0, 99))
def test_uniform_places(widths, seed):
    widths = np.array(widths)
    places = np.random.default_rng(seed).integers(0, widths)
    table = Uniform(widths)
    stream = Stream(encode_intervals([table.intervals(places)], 4), 4)
    np.testing.assert_array_equal(stream.take(len(places), table), places)
    stream.close()


@given(st.lists(st.integers(-1000, 1000), max_size=300))
def test_bins_hold_what_was_seen(values):
    values = np.array(values, np.int64)
    edges = bin_edges(values)
    assert (np.diff(edges) > 0).all()
    if len(values):
        assert edges[0] == values.min()
        assert edges[-1] == values.max() + 1


def test_bins_are_finer_where_that_saves_bits():
    rng = np.random.default_rng(1)
    assert len(bin_edges(rng.integers(0, 1000, 130_000))) <= 66
    assert len(bin_edges(rng.geometric(0.02, 130_000))) > 90


def test_numbers_without_a_meaning_are_learned_from_each_other():
    rng = np.random.default_rng(3)
    first = rng.integers(-20, 20, 20_000)
    table = np.stack([first, first + rng.integers(-1, 2, 20_000), np.zeros_like(first)], axis=1)
    counts = np.array([20_000])
    scheme = PlainScheme(3)
    models = learn(scheme, [(table, counts)])
    coder = Conditional(scheme, models)
    # Only with networks, and without any.
    for some in (models[1:2], models[2:]):
        (back,) = load_models(save_models(some))
        assert len(back.layers) == len(some[0].layers)
    data = coder.encode(table, counts)
    np.testing.assert_array_equal(coder.decode(data, counts), table)
    assert len(data) < 0.8 * len(StepHistograms(3).encode(table, counts))
