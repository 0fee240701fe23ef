import numpy as np
import pytest

from aefpga.data.records import Records
from aefpga.schema import JETS as SCHEMA

JETS = Records(
    SCHEMA.select(("pt", "eta")),
    np.array([[30, 1], [20, 2], [50, -1]], np.float32),
    np.array([2, 0, 1]),
    {"event": np.array([7, 8, 9], np.uint64)},
)


def test_awkward_has_a_list_of_jets_for_every_event():
    events = JETS.to_awkward()
    assert events.event.tolist() == [7, 8, 9]
    assert events.pt.tolist() == [[30, 20], [], [50]]
    assert events.fields == ["event", "pt", "eta"]


def test_pandas_has_a_row_a_jet():
    pytest.importorskip("pandas", reason="the table needs pandas")
    table = JETS.to_pandas()
    assert table.index.tolist() == [(0, 0), (0, 1), (2, 0)]
    assert table.loc[(2, 0), "pt"] == 50
    assert list(table.columns) == ["pt", "eta"]


def test_parts():
    assert JETS.between(1, 3).to_awkward().pt.tolist() == [[], [50]]
    assert JETS.keep(JETS.column("pt") > 25).counts.tolist() == [1, 0, 1]
    assert Records.concatenate([JETS, JETS]).counts.tolist() == [2, 0, 1, 2, 0, 1]
