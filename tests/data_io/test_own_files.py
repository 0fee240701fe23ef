"""The toolkit's own ROOT files: they say what record they hold."""

import json

import awkward as ak
import numpy as np
import pytest
import uproot

from aefpga.config import DataConfig
from aefpga.data.inspect import inspect
from aefpga.data.reader import iterate_records, lacking, read_records
from aefpga.data.records import Records
from aefpga.data.writer import read_provenance, write_records
from aefpga.errors import DataError
from aefpga.schema import JETS, KINDS, Schema, Variable, register
from aefpga.schema.registry import _KNOWN

TOY = Schema(
    name="toy",
    variables=(
        Variable(name="charge", kind=KINDS["energy"], unit="fC"),
        Variable(name="layer", kind=KINDS["multiplicity"], is_optional=True),
        Variable(name="tilt", kind=KINDS["angle"], unit="rad", period=2 * np.pi),
    ),
    sets={"flat": ("charge", "layer")},
)


def toys(n=40, seed=0, schema=TOY) -> Records:
    rng = np.random.default_rng(seed)
    values = rng.exponential(3, (n, len(schema))).astype(np.float32)
    return Records(schema, values, np.full(n // 2, 2), {"event": np.arange(n // 2)})


@pytest.fixture
def path(tmp_path):
    write_records(tmp_path / "toy.root", [toys(), toys(seed=1)], {"origin": "a test"})
    return tmp_path / "toy.root"


def test_any_record_is_read_though_nobody_knows_it(path):
    assert "toy" not in _KNOWN
    back = read_records([str(path)])
    assert back.schema == TOY
    assert np.array_equal(back.values[:40], toys().values)
    (part,) = iterate_records([str(path)], with_events=True)
    assert part.events["event"].tolist() == [*range(20), *range(20)]
    assert read_provenance(path)["origin"] == "a test"


def test_a_record_is_read_as_configured_once_it_is_registered(path, monkeypatch):
    monkeypatch.setitem(_KNOWN, "toy", TOY)
    register(TOY)
    data = DataConfig(record="toy", variables="flat")
    assert read_records([str(path)], data.columns(), max_records=7).values.shape == (6, 2)


def test_what_a_file_of_any_record_holds_is_shown(path):
    found = inspect(path)
    assert (found.record, found.tree, found.collection) == ("toy", "toy", "toy")
    assert (found.collections, found.records, found.events) == (("toy",), 80, 40)
    assert [(r.name, r.kind, r.unit) for r in found.ranges] == [
        ("charge", "energy", "fC"),
        ("layer", "multiplicity", ""),
        ("tilt", "angle", "rad"),
    ]
    assert found.sets["flat"].can_be_read


def test_variables_may_be_missing_where_the_schema_says_so(tmp_path):
    path = tmp_path / "toy.root"
    write_records(path, [toys(schema=TOY.select(("charge", "tilt")))], {})
    assert lacking([str(path)], TOY) == ("layer",)
    assert read_records([str(path)]).names == ("charge", "tilt")


def test_another_record_than_asked_for_is_refused(path):
    with pytest.raises(DataError, match=r"toy\.root .* holds toy, but jets are asked for"):
        read_records([str(path)], JETS)
    in_kev = TOY.variables[0].model_copy(update={"unit": "keV"})
    other = TOY.model_copy(update={"variables": (in_kev,)})
    with pytest.raises(DataError, match=r"holds charge as energy in fC, .* as energy in keV"):
        read_records([str(path)], Schema(name="toy", variables=other.variables))


@pytest.mark.parametrize(
    "provenance", ["{}", "no JSON", "[" * 100_000, '{"schema": 1}', "[1]", None]
)
def test_files_that_say_nothing_of_their_record_hold_jets(tmp_path, provenance):
    with uproot.recreate(tmp_path / "old.root") as file:
        file.mktree("jets", {"pt": "var * float32"})
        file["jets"].extend({"pt": ak.Array([[1.0], [2.0]])})
        if provenance is not None:
            file["provenance"] = provenance
    assert read_records([str(tmp_path / "old.root")]).schema == JETS.select(("pt",))


@pytest.mark.parametrize("record", [[], {"name": "jets"}, {"name": "x", "variables": [{"a": 1}]}])
def test_a_record_that_is_none_is_named(tmp_path, record):
    with uproot.recreate(tmp_path / "odd.root") as file:
        file["provenance"] = json.dumps({"record": record})
    with pytest.raises(DataError, match=r"odd\.root, in its provenance, holds no schema"):
        read_records([str(tmp_path / "odd.root")])


@pytest.mark.parametrize("names", [("a/b",), ("hits", "nhits")])
def test_names_that_a_tree_cannot_keep_apart_are_refused(tmp_path, names):
    schema = Schema(
        name="odd", variables=tuple(Variable(name=n, kind=KINDS["energy"]) for n in names)
    )
    with pytest.raises(DataError, match=f"under the names {names[-1]}"):
        write_records(tmp_path / "odd.root", [toys(schema=schema)], {})
    assert list(tmp_path.iterdir()) == []
