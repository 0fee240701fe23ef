"""Files of detector cells."""

import numpy as np
import pytest

from aefpga.data.reader import read_records
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.errors import DataError
from aefpga.schema import CELLS


@pytest.fixture
def charges():
    return np.random.default_rng(3).integers(0, 300, (20, 48))


def _write(path, charges, **others):
    columns = {f"CALQ_{i}": charges[:, i] for i in range(48)} | others
    header = ",".join(columns)
    np.savetxt(path, np.column_stack(list(columns.values())), "%d", ",", header=header, comments="")
    return [str(path)]


def test_charges_of_a_text_are_cells_with_their_sum(tmp_path, charges):
    table = read_records(_write(tmp_path / "a.csv", charges), CELLS)
    assert table.filled == ()
    assert np.array_equal(table.values[:, :48], charges)
    assert np.array_equal(table.column("charge"), charges.sum(axis=1))


def test_a_sum_that_is_there_is_read_and_checked(tmp_path, charges):
    right = _write(tmp_path / "right.csv", charges, charge=charges.sum(axis=1))
    assert np.array_equal(read_records(right, CELLS).column("charge"), charges.sum(axis=1))
    wrong = _write(tmp_path / "wrong.csv", charges, charge=charges.max(axis=1))
    with pytest.raises(DataError, match="take it out of the schema's sums"):
        read_records(wrong, CELLS)


def test_cells_survive_the_toolkits_own_file(tmp_path, charges):
    values = np.column_stack([charges, charges.sum(axis=1)]).astype(np.float32)
    table = Records(CELLS, values, np.ones(len(values), np.int64))
    write_records(tmp_path / "a.root", [table], {})
    back = read_records([str(tmp_path / "a.root")])
    assert back.schema == CELLS
    assert np.array_equal(back.values, values)


def test_a_charge_that_is_no_count_is_refused(tmp_path, charges):
    charges[4, 7] = -1
    with pytest.raises(DataError, match="cell_7 is -1, expected a whole number from 0"):
        read_records(_write(tmp_path / "a.csv", charges), CELLS)
