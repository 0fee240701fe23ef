import numpy as np
import pytest

from aefpga.data.jets import Jets
from aefpga.data.selection import Selection, split
from aefpga.errors import DataError


def jets(pt, mass, counts):
    return Jets(("pt", "mass"), np.array([pt, mass], np.float32).T, np.array(counts))


def test_cuts_are_counted_and_events_kept():
    kept, counts = Selection(100, 50).apply(jets([10, 200, 20, 300], [5, 60, 60, 5], [1, 3]))
    assert (counts.read, counts.pt, counts.mass, counts.kept) == (4, 2, 1, 1)
    assert kept.counts.tolist() == [1, 0]


def test_an_empty_selection_says_why():
    with pytest.raises(DataError, match="of 2 read, 2 fail pt and 0 fail mass"):
        Selection(5, 50).apply(jets([10, 20], [5, 5], [2]))


def test_split_is_a_partition_fixed_by_the_seed():
    a, b = split(1000, 0.15, 0.15, seed=3), split(1000, 0.15, 0.15, seed=3)
    assert [len(a.train), len(a.validation), len(a.test)] == [700, 150, 150]
    assert np.array_equal(a.test, b.test)
    assert len(set(a.train) | set(a.validation) | set(a.test)) == 1000
    assert not np.array_equal(a.test, split(1000, 0.15, 0.15, seed=4).test)


def test_too_few_jets():
    with pytest.raises(DataError, match="too few"):
        split(4, 0.15, 0.15, 0)
