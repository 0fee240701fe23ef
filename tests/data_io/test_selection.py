import numpy as np
import pytest

from aefpga.config import DataConfig
from aefpga.data.records import Records
from aefpga.data.sample import sample_path
from aefpga.data.selection import select, split
from aefpga.errors import DataError, UsageError
from aefpga.progress import silent
from aefpga.schema import EVENTS, JETS, Cut
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


def test_events_are_cut_on_quantities_and_from_below():
    """The first channel of the DarkMachines challenge, as configured."""
    limits = {"ht": 600, "met_pt": 200, "met_over_ht": 0.2, "j4_pt": 50, "j1_pt": 200}
    data = DataConfig(record="events", cuts={name: {"least": x} for name, x in limits.items()})
    schema = EVENTS.choose("met_pt, j[1-4]_pt")
    rows = [
        [220, 300, 200, 100, 60],
        [220, 300, 150, 100, 49],
        [220, 300, 100, 100, 60],
        [220, 1000, 100, 100, 60],
        [199, 300, 200, 100, 60],
        [220, 199, 190, 180, 170],
    ]
    events = Records(schema, np.array(rows, np.float32), np.ones(len(rows), np.int64))
    kept, facts = select(events, data.selection())
    assert kept.values.tolist() == rows[:1]
    assert facts.cut == {"ht": 2, "met_pt": 1, "met_over_ht": 1, "j4_pt": 0, "j1_pt": 1}
    with pytest.raises(DataError, match=r"passes lepton_pt >= 23 and lepton_pt < 90"):
        select(
            Records(EVENTS.select(("e1_pt",)), np.zeros((1, 1), np.float32), np.ones(1, np.int64)),
            [Cut(variable="lepton_pt", least=23, below=90)],
        )
    with pytest.raises(UsageError, match="no variable hat"):
        DataConfig(record="events", cuts={"hat": 1})


def test_split_is_a_partition_fixed_by_the_seed():
    a, b = split(1000, 0.15, 0.15, seed=3), split(1000, 0.15, 0.15, seed=3)
    assert [len(a.train), len(a.validation), len(a.test)] == [700, 150, 150]
    assert np.array_equal(a.test, b.test)
    assert len(set(a.train) | set(a.validation) | set(a.test)) == 1000
    assert not np.array_equal(a.test, split(1000, 0.15, 0.15, seed=4).test)


@pytest.mark.parametrize(("share", "needed"), [(0.15, 7), (0.49, 3), (0.1, 10), (0.01, 100)])
def test_too_few_jets(share, needed):
    with pytest.raises(DataError, match=f"too few .* takes {needed}"):
        split(needed - 1, share, share, 0)
    assert min(len(x) for x in vars(split(needed, share, share, 0)).values()) == 1
