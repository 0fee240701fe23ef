"""Files and branches that are not what they should be: one clear error, which names them."""

import os

import awkward as ak
import numpy as np
import pytest
import uproot

from aefpga.data.opening import find_files
from aefpga.data.reader import read_records
from aefpga.errors import DataError
from aefpga.schema import JETS

PT = JETS.select(("pt",))


def write(path, pt):
    with uproot.recreate(path) as file:
        file["jets"] = {"pt": pt}
    return path


@pytest.mark.parametrize(
    "name",
    ["a[1].root", "[].root", "a b.root", " .root", "a*.root", "a?.root", "a:b.root", "a::b:.root"],
)
def test_a_name_that_exists_is_that_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a1.root", ak.Array([[1.0]]))
    write(tmp_path / "other.root", ak.Array([[2.0], [3.0]])).rename(tmp_path / name)
    assert [p.name for p in find_files([name])] == [name]
    assert read_records([name], PT).column("pt").tolist() == [2, 3]


def test_globs_find_each_file_once(tmp_path):
    for name in ("a[1].root", "a1.root"):
        write(tmp_path / name, ak.Array([[1.0]]))
    found = find_files([f"{tmp_path}/a[1].root", f"{tmp_path}/a*.root", f"{tmp_path}/a[1-9].root"])
    assert [p.name for p in found] == ["a[1].root", "a1.root"]


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\0b", "", ".", "?" * 300])
def test_names_that_are_no_file_are_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"there is no file|no file matches|is a folder"):
        find_files([name])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    write(tmp_path / "mine.root", ak.Array([[1.0]])).chmod(0)
    with pytest.raises(DataError, match=r"mine\.root"):
        read_records([str(tmp_path / "mine.root")], PT)


@pytest.mark.parametrize(
    ("pt", "found"),
    [
        (np.ones(3, np.float32), "float32"),
        (ak.Array(["one", "two"]), "string"),
        (ak.Array([["one"], ["two"]]), "string"),
        (ak.Array([[[1.0]], []]), "var"),
    ],
)
def test_branches_that_hold_no_numbers_for_each_jet_are_named(tmp_path, pt, found):
    path = write(tmp_path / "odd.root", pt)
    with pytest.raises(DataError, match=rf"odd\.root: branch pt holds .*{found}.* for each event"):
        read_records([str(path)], PT)


def test_integers_and_wide_floats_are_numbers(tmp_path):
    path = write(tmp_path / "wide.root", ak.Array([[1, 2], [3]]))
    assert read_records([str(path)], PT).column("pt").tolist() == [1, 2, 3]
    path = write(tmp_path / "huge.root", ak.Array([[1.0, 1e300]]))
    with pytest.raises(DataError, match=r"huge\.root: 1 NaN or infinite values"):
        read_records([str(path)], PT)
