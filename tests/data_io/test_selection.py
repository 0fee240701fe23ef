import numpy as np
import pytest

from aefpga.config import DataConfig
from aefpga.data.records import Records
from aefpga.data.sample import sample_path
from aefpga.data.selection import select, split
from aefpga.errors import DataError
from aefpga.progress import silent
from aefpga.schema import JETS, Cut
from aefpga.workflow.selection import selected_records


def jets(pt, mass, counts):
    return Records(
        JETS.select(("pt", "mass")), np.array([pt, mass], np.float32).T, np.array(counts)
    )


def cuts(pt, mass):
    return Cut(variable="pt", below=pt), Cut(variable="mass", below=mass)


def test_cuts_are_counted_and_events_kept():
    kept, facts = select(jets([10, 200, 20, 300], [5, 60, 60, 5], [1, 3]), cuts(100, 50))
    assert (facts.read, facts.cut, len(kept)) == (4, {"pt": 2, "mass": 1}, 1)
    assert kept.counts.tolist() == [1, 0]


def test_an_empty_selection_says_why():
    with pytest.raises(DataError, match=r"none of 2 jets .*2 fail pt, 0 fail mass"):
        select(jets([10, 20], [5, 5], [2]), cuts(5, 50))


def test_what_is_counted_is_what_was_read():
    data = DataConfig(max_jets=300, cuts={"pt": 60, "mass": 8})
    kept, facts = selected_records([str(sample_path())], JETS.choose("4"), data, silent)
    assert 290 < facts.read <= 300
    assert len(kept) == facts.read - sum(facts.cut.values())
    assert min(facts.cut.values()) > 0


def test_split_is_a_partition_fixed_by_the_seed():
    a, b = split(1000, 0.15, 0.15, seed=3), split(1000, 0.15, 0.15, seed=3)
    assert [len(a.train), len(a.validation), len(a.test)] == [700, 150, 150]
    assert np.array_equal(a.test, b.test)
    assert len(set(a.train) | set(a.validation) | set(a.test)) == 1000
    assert not np.array_equal(a.test, split(1000, 0.15, 0.15, seed=4).test)


def test_too_few_jets():
    with pytest.raises(DataError, match="too few"):
        split(4, 0.15, 0.15, 0)
