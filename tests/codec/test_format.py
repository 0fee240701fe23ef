"""Headers and manifests: what is written is read, what is damaged is refused, of every version."""

from pathlib import Path

import numpy as np
import pytest
from crafted import make_file

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.container import writing
from aefpga.codec.format import Header, read_header
from aefpga.codec.protocol import Task
from aefpga.codec.scalar import Scalar
from aefpga.codec.verification import contradictions
from aefpga.errors import DataError
from aefpga.schema import JETS, KINDS, Schema, Variable

DATA = Path(__file__).parents[1] / "data"
FOUR = JETS.choose("4")
HITS = Schema(name="hits", variables=(Variable(name="charge", kind=KINDS["energy"]),))
FACTS = {"aefpga": "1", "run": None, "files": {}, "learned": ()}


@pytest.mark.parametrize("record", [FOUR, HITS, Schema(name="jets", variables=HITS.variables)])
def test_a_header_comes_back(record):
    task = Task(record, profile=Profile.relative(0.01))
    header = Header.of(Scalar(task), **FACTS)
    content = header.to_config()
    assert ("without" in content["record"]) == (record is FOUR)
    assert content["max_error"] == {"relative": 0.01}
    assert read_header({"schema": 4, **content}, "here") == header


def test_bounds_of_ones_own_come_back():
    bounds = Profile.relative(0.01).model_dump() | {"angle": {"absolute": 0.001}}
    header = Header.of(Scalar(Task(FOUR, profile=Profile.model_validate(bounds))), **FACTS)
    content = header.to_config()
    assert content["max_error"]["angle"] == {"absolute": 0.001}
    assert read_header({"schema": 4, **content}, "here") == header


def test_a_small_file_has_less_than_a_kilobyte_beside_its_data(jets, tmp_path):
    path = make_file(tmp_path / "s.aejets", jets[:60])
    sizes = Archive(path).reader.sizes()
    data = sum(size for name, size in sizes.items() if name.startswith("chunks/"))
    assert path.stat().st_size - data < 1000


@pytest.mark.parametrize(
    ("version", "change", "said"),
    [
        (4, {"record": {"name": "tracks", "variables": ["pt"]}}, "'tracks' are not known"),
        (4, {"record": {"name": "jets", "variables": ["pt", "b"]}}, "no variable b"),
        (4, {"record": {"name": "jets", "variables": ["pt", "pt"]}}, "each variable once"),
        (4, {"record": None}, "record"),
        (4, {"lacking": ["banana"]}, "banana.* is no variable of the file"),
        (4, {"lacking": list(FOUR.names)}, "at least one variable"),
        (4, {"codec": "banana"}, "unknown codec banana; known are autoencoder"),
        (4, {"codec": "autoencoder"}, "its files are"),
        (4, {"max_error": None}, "needs --max-error"),
        (4, {"max_error": {"momentum": 1}}, "max_error"),
        (4, {"files": {"../../x": "0" * 64}}, "its files are"),
        (4, {"learned": ["banana"]}, "it learned banana|has no entropy/banana"),
        (4, {"more": 1}, "more"),
        (2, {"max_error": None}, "record"),
        (2, {"variables": [["pt"]], "max_error": None}, "record"),
        (2, {"variables": ["pt"], "max_error": {"momentum": 1}}, "max_error"),
        (2, {"variables": ["pt"], "max_error": None, "entropy": 7}, "learned"),
    ],
)
def test_a_header_that_makes_no_sense(version, change, said, tmp_path):
    task = Task(FOUR, profile=Profile.relative(0.01))
    content = Header.of(Scalar(task), **FACTS).to_config() if version == 4 else {}
    path = tmp_path / "x.aejets"
    with writing(path, {**content, **change, "schema": version}, {"chunks": []}):
        pass
    with pytest.raises(DataError, match=said):
        list(Archive(path, salvage=True).iterate())


@pytest.mark.parametrize(
    "name",
    [
        "version1-scalar",
        "version1-words",
        "version2-fast",
        "version2-best",
        "version2-words",
        "version3-best",
    ],
)
def test_files_of_earlier_versions_are_read(name):
    archive = Archive(DATA / f"{name}.aejets")
    assert archive.reader.header["schema"] == int(name[7])
    assert archive.reader.damaged() == []
    assert contradictions(archive) == []
    assert set(archive.models()) == {
        "version2-best": {"steps"},
        "version3-best": {"steps"},
        "version2-words": {"words", "corrections"},
    }.get(name, set())
    (back,) = archive.iterate()
    expected = np.load(DATA / f"{name}.npy")
    # The decoder may round otherwise on another machine.
    np.testing.assert_allclose(back.values, expected, rtol=1e-5, atol=1e-5)
    assert back.schema == archive.schema == JETS.choose("24")
    assert back.events["event"].tolist() == list(range(10))
