"""What is counted for others to draw."""

import numpy as np
import pytest

from aefpga.evaluation.histograms import VariableCounts, WordCounts, count_variables, count_words
from aefpga.fixedpoint import FixedType
from aefpga.schema import JETS

SCHEMA = JETS.select(["pt", "phi", "muon_energy", "photon_multiplicity"])
MODEL, OTHER = "quantized model", "truncation"


@pytest.fixture(scope="module")
def counted():
    rng = np.random.default_rng(3)
    x = rng.exponential(30, (500, 4)).astype(np.float32) + 3
    x[:, 1], x[:, 2], x[:, 3] = rng.uniform(-3, 3, 500), 0, rng.poisson(4, 500)
    y = x.copy()
    y[:, 0] *= rng.normal(1, 0.02, 500).astype(np.float32)
    return x, y, count_variables(x, {MODEL: y, OTHER: x}, MODEL, SCHEMA)


def test_every_record_is_in_a_bin_before_and_after(counted):
    x, _, found = counted
    assert list(found) == list(SCHEMA.names)
    values = found["pt"].values
    assert sum(values.original) == sum(values.reconstructed) == 500
    assert 0 < sum(values.stayed) < 500
    assert found["phi"].values.stayed == found["phi"].values.original
    assert found["phi"].values.high == pytest.approx(np.pi)
    assert found["photon_multiplicity"].values.low == x[:, 3].min() - 0.5


def test_residuals_are_of_the_records_that_enter(counted):
    x, _, found = counted
    residuals = found["pt"].residuals
    assert set(residuals.schemes) == {MODEL, OTHER}
    assert sum(residuals.schemes[MODEL]) == (x[:, 0] >= 5).sum() < 500
    assert 0.04 < residuals.high < 0.15


def test_what_is_constant_or_exact_has_nothing_to_draw(counted):
    found = counted[2]
    assert found["muon_energy"] == VariableCounts(None, None)
    assert found["photon_multiplicity"].residuals is None


def test_words_are_counted_over_their_own_range():
    words = np.array([[-2, 3], [1, 0], [1, 1]])
    kind = FixedType(signed=[True, False], width=2, integer=2)
    first, second = count_words(words, kind)
    assert first == WordCounts(-2.5, 1.5, (1, 0, 0, 2), 1.0)
    assert second.counts == (1, 1, 0, 1)
    assert second.saturated == pytest.approx(2 / 3)
