"""Tables in which much is absent: every table comes back, and what is absent takes no room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.entropy.gated import GatedHistograms, Histogram, Numbers
from aefpga.entropy.histograms import StepHistograms
from aefpga.entropy.rans import MAX_LANES, MAX_STEPS, signed, unsigned
from aefpga.errors import DataError
from aefpga.schema import EVENTS, JETS
from aefpga.schema.relations import alike, gates

SCHEMA = EVENTS.choose("met_*,e[1-2]_*,j[1-3]_*")
CODER = GatedHistograms(gates(SCHEMA), alike(SCHEMA))


def objects(rng, n, most=200):
    """Steps of events: of each kind some objects, in order of pt."""
    table = rng.integers(-most, most + 1, (n, len(SCHEMA)))
    for kind, number in (("met", 1), ("e", 2), ("j", 3)):
        names = [kind] if number == 1 else [f"{kind}{i + 1}" for i in range(number)]
        pt = -np.sort(-rng.integers(1, most + 1, (n, number)), axis=1)
        pt[np.arange(number) >= rng.integers(0, number + 1, n)[:, None]] = 0
        for name, column in zip(names, pt.T, strict=True):
            table[:, [SCHEMA.index(f"{name}_{q}") for q in ("eta", "phi")]] *= column[:, None] != 0
            table[:, SCHEMA.index(f"{name}_pt")] = column
    return table


def test_what_a_schema_says_of_gates():
    of = dict(zip(SCHEMA.names, gates(SCHEMA), strict=True))
    assert of["met_pt"] is of["e1_pt"] is None
    assert of["e2_pt"].column == SCHEMA.index("e1_pt")
    assert of["e2_pt"].is_descending
    assert of["e2_phi"].column == SCHEMA.index("e2_pt")
    assert not of["e2_phi"].is_descending
    groups = [{SCHEMA.names[j] for j in group} for group in alike(SCHEMA)]
    assert {"e1_pt"} in groups
    assert {"j2_pt", "j3_pt"} in groups
    assert {"j1_eta", "j2_eta", "j3_eta"} in groups
    assert sorted(j for group in alike(SCHEMA) for j in group) == list(range(len(SCHEMA)))
    jets = dict(zip(JETS.names, gates(JETS), strict=True))
    assert jets["muon_energy"].column == JETS.index("muon_multiplicity")
    assert jets["pt"] is None


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 99), st.integers(0, 40), st.sampled_from([1, 3, 200, 5000, MAX_STEPS]), st.data()
)
def test_every_table_comes_back(seed, n, most, data):
    rng = np.random.default_rng(seed)
    table = objects(rng, n, most)
    # Ghosts, holes, and what is in no order.
    for _ in range(data.draw(st.integers(0, 3)) if n else 0):
        j, row = rng.integers(len(SCHEMA)), rng.integers(n)
        table[row, j] = data.draw(st.integers(-MAX_STEPS, MAX_STEPS))
    counts = np.ones(n, np.int64)
    np.testing.assert_array_equal(CODER.decode(CODER.encode(table, counts), counts), table)


def test_absent_objects_take_no_room():
    rng, n = np.random.default_rng(5), 20_000
    table = objects(rng, n)
    table[:, [SCHEMA.index(f"e2_{q}") for q in ("pt", "eta", "phi")]] = 0
    wide = [j for j, name in enumerate(SCHEMA.names) if not name.startswith("e2")]
    narrow = SCHEMA.select(SCHEMA.names[j] for j in wide)
    without = GatedHistograms(gates(narrow), alike(narrow)).encode(table[:, wide], np.ones(n))
    assert len(CODER.encode(table, np.ones(n))) < len(without) + 20


def test_the_size_is_that_of_what_is_there():
    """Of objects evenly spread, a column at a time: the entropy of presence, and the numbers."""
    rng, n = np.random.default_rng(6), 50_000
    table, there = np.zeros((n, len(SCHEMA)), np.int64), rng.random(n) < 0.3
    for q in ("pt", "eta", "phi"):
        table[there, SCHEMA.index(f"e1_{q}")] = rng.integers(1, 129, there.sum())
    presence = -(0.3 * np.log2(0.3) + 0.7 * np.log2(0.7))
    counts = np.ones(n, np.int64)
    bits = 8 * len(CODER.encode(table, counts)) / n
    states_and_histograms = 8 * (4 * MAX_LANES + 600) / n
    assert 0 < bits - (presence + 0.3 * 3 * 7) < states_and_histograms
    thrice = 8 * len(StepHistograms(len(SCHEMA)).encode(table, counts)) / n
    assert thrice - bits > 1.9 * presence


def test_one_event_that_breaks_a_rule_costs_one_column_its_gate():
    rng, n = np.random.default_rng(7), 5000
    table, counts = objects(rng, n), np.ones(5000, np.int64)
    size = len(CODER.encode(table, counts))
    row = np.flatnonzero(table[:, SCHEMA.index("e2_pt")] == 0)[0]
    table[row, SCHEMA.index("e2_phi")] = 9
    assert size < len(CODER.encode(table, counts)) < 1.05 * size


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_damage_is_an_error_or_another_table_but_never_a_crash(position, bit):
    counts = np.ones(300, np.int64)
    data = bytearray(CODER.encode(objects(np.random.default_rng(8), 300), counts))
    data[position % len(data)] ^= 1 << bit
    try:
        assert CODER.decode(bytes(data), counts).shape == (300, len(SCHEMA))
    except DataError:
        return


def test_another_table_is_refused():
    data = CODER.encode(objects(np.random.default_rng(8), 300), np.ones(300, np.int64))
    with pytest.raises(DataError, match="300 rows, expected 299"):
        CODER.decode(data, np.ones(299, np.int64))


@given(st.lists(st.integers(-MAX_STEPS, MAX_STEPS)))
def test_signs(steps):
    steps = np.array(steps, np.int64)
    assert (unsigned(steps) >= 0).all()
    np.testing.assert_array_equal(signed(unsigned(steps)), steps)


def test_few_numbers_get_a_coarse_histogram():
    rng = np.random.default_rng(1)
    few, many = (np.bincount(rng.integers(1, 400, n), minlength=400) for n in (100, 100_000))
    assert Histogram.of(few).coarseness > 3
    assert Histogram.of(many).coarseness < Histogram.of(few).coarseness
    for counts in (few, many):
        histogram = Histogram.of(counts)
        again = Histogram.read(Numbers(histogram.stored()))
        np.testing.assert_array_equal(again.frequencies, histogram.frequencies)
