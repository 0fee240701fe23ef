import numpy as np
import pytest

from aefpga.schema import CELLS, EVENTS, JETS, find_schema
from aefpga.trainers.varied import LARGEST_FACTOR, can_vary, varied

VARIABLES = JETS.choose("24")
SIZED = np.array([v.kind.is_companded for v in VARIABLES.variables])
PHI = VARIABLES.index("phi")


def test_momenta_and_energies_of_a_jet_have_one_factor(jets):
    found = varied(jets, VARIABLES, 1)
    pt = VARIABLES.index("pt")
    factor = found[:, pt] / jets[:, pt]
    np.testing.assert_allclose(found[:, SIZED], jets[:, SIZED] * factor[:, None], rtol=1e-5)
    assert factor.min() > 0.99 / LARGEST_FACTOR
    assert 0.9 * LARGEST_FACTOR < factor.max() < 1.01 * LARGEST_FACTOR
    # None leaves the range of all.
    assert (found.max(axis=0)[SIZED] <= jets.max(axis=0)[SIZED] * 1.00001).all()
    assert (found.min(axis=0)[SIZED] >= jets.min(axis=0)[SIZED] * 0.99999).all()


def test_jets_turn_and_keep_the_rest(jets):
    found = varied(jets, VARIABLES, 1)
    assert np.abs(found[:, PHI]).max() <= np.float32(np.pi)
    # From any angle to any other.
    both = np.corrcoef(found[:, PHI], jets[:, PHI])[0, 1]
    assert abs(both) < 4 / np.sqrt(len(jets))
    assert found[:, PHI].std() == pytest.approx(2 * np.pi / np.sqrt(12), rel=0.05)
    kept = ~SIZED & (np.arange(len(SIZED)) != PHI)
    np.testing.assert_array_equal(found[:, kept], jets[:, kept])


def test_a_seed_varies_the_same_way_again_and_another_does_not(jets):
    first = varied(jets, VARIABLES, (42, 0))
    np.testing.assert_array_equal(first, varied(jets, VARIABLES, (42, 0)))
    assert not np.allclose(first, varied(jets, VARIABLES, (42, 1)))


def test_neither_counts_nor_records_of_objects_vary():
    assert can_vary(VARIABLES)
    assert not can_vary(EVENTS)
    assert not can_vary(CELLS)
    assert not can_vary(find_schema("jets").choose("charged_multiplicity,area"))
