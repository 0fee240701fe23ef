"""What is written as a TTree, an RNTuple or Parquet is read as it was, and says what it is."""

import json
from dataclasses import replace

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from test_own_files import TOY, toys
from typer.testing import CliRunner

from aefpga.cli import app
from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Task
from aefpga.codec.scalar import Scalar
from aefpga.codec.writer import create_archive
from aefpga.data.inspect import inspect
from aefpga.data.reader import iterate_records, read_records, source_bytes
from aefpga.data.records import Records
from aefpga.data.writer import target_of, write_records
from aefpga.errors import DataError, UsageError
from aefpga.schema import JETS

FORMATS = ("ttree", "rntuple", "parquet")
SAID = {
    "run": np.uint32([1, 2, 3]),
    "event": np.uint64([1 << 60, 0, 7]),
    "luminosityBlock": np.int16([-5, 0, 1]),
    "genWeight": np.float64([0.1, -2, 1e300]),
    "weight": np.float32([1, 0.5, -0.25]),
    "process": np.array(["qcd", "", "t\u00fc\u00fc"]),
}


def name_for(file_format):
    return "toy.parquet" if file_format == "parquet" else "toy.root"


def written(path, parts, file_format):
    write_records(path, iter(parts), {"origin": "a test"}, target_of(path, file_format))
    return str(path)


@pytest.mark.parametrize("file_format", FORMATS)
def test_records_and_what_is_said_of_events_come_back(tmp_path, file_format):
    values = toys(6).values
    first = Records(TOY, values, np.array([2, 0, 4]), SAID)
    empty = first.between(0, 0)
    path = written(
        tmp_path / name_for(file_format), [first, empty, first.between(1, 3)], file_format
    )
    back = list(iterate_records([path], with_events=True))
    assert [part.schema for part in back] == [TOY]
    assert np.array_equal(back[0].values, np.concatenate([values, values[2:]]))
    assert back[0].counts.tolist() == [2, 0, 4, 0, 4]
    for name, column in SAID.items():
        found = back[0].events[name]
        assert found.tolist() == [*column, *column[1:]]
        assert found.dtype == column.dtype
    found = inspect(tmp_path / name_for(file_format))
    assert (found.format, found.record, found.events, found.records) == ("aefpga", "toy", 5, 10)
    assert source_bytes([path], TOY) > 0


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_record_an_event_is_a_number_an_event(tmp_path, file_format):
    schema = TOY.model_copy(update={"one_per_event": True})
    records = replace(toys(10), schema=schema, counts=np.ones(10, np.int64), events={})
    path = written(tmp_path / name_for(file_format), [records], file_format)
    assert np.array_equal(read_records([path]).values, records.values)


def test_ROOT_and_parquet_say_units_to_who_knows_nothing_of_us(tmp_path):
    written(tmp_path / "t.root", [toys(), toys()], "rntuple")
    with uproot.open(tmp_path / "t.root") as file:
        assert file.classnames()["toy;1"] == "ROOT::RNTuple"
        ntuple = file["toy"]
        said = ntuple.header.ntuple_description
        assert said == "toy: charge [fC], layer, tilt [rad]"
        # Chunks are clusters.
        assert len(ntuple.page_link_list) == 2
        assert ak.fields(ntuple.arrays()) == ["event", *TOY.names]
    written(tmp_path / "t.parquet", [toys(), toys()], None)
    with pq.ParquetFile(tmp_path / "t.parquet") as file:
        assert file.num_row_groups == 2
        assert file.schema_arrow.names == ["event", *TOY.names]
        field = file.schema_arrow.field("charge")
        assert field.metadata[b"unit"] == b"fC"
        assert json.loads(file.schema_arrow.metadata[b"aefpga"])["origin"] == "a test"


@pytest.mark.parametrize(
    ("name", "file_format", "expected"),
    [
        ("toy.csv", None, r"neither \.root nor \.parquet.* --format"),
        ("toy", None, r"neither \.root nor \.parquet"),
        ("toy.parquet", "rntuple", "expected --format parquet"),
        ("toy.root", "parquet", "expected --format ttree or rntuple"),
    ],
)
def test_a_name_that_says_something_else_is_refused(tmp_path, name, file_format, expected):
    with pytest.raises(UsageError, match=expected):
        written(tmp_path / name, [toys()], file_format)
    assert not list(tmp_path.iterdir())


def test_any_name_will_do_where_the_format_is_named(tmp_path):
    assert len(read_records([written(tmp_path / "toy.tree", [toys()], "ttree")])) == len(toys())


@pytest.mark.parametrize("said", [b"", b"[", b"\xff", b'{"record": {"name": 1}}', None])
def test_a_parquet_file_that_says_nonsense_of_itself_is_another_programs(tmp_path, said):
    path = tmp_path / "t.parquet"
    table = pq.read_table(written(path, [toys()], None))
    pq.write_table(table.replace_schema_metadata({} if said is None else {"aefpga": said}), path)
    with pytest.raises(DataError, match=r"t\.parquet(, in its .* no schema| is a Parquet file)"):
        read_records([str(path)])


def test_the_same_jets_come_back_in_every_format(tmp_path, jets):
    schema = JETS.choose("24")
    small = str(tmp_path / "j.aejets")
    codec = Scalar(Task(schema, profile=Profile.relative(0.01)))
    with create_archive(tmp_path / "j.aejets", codec) as archive:
        archive.write(Records(schema, jets[:400], np.full(100, 4), {"event": np.arange(100)}))
    (expected,) = Archive(tmp_path / "j.aejets").iterate(10, 20)
    for options in (["-o", "a.root"], ["-o", "b.root", "--format", "rntuple"], ["-o", "c.parquet"]):
        options[1] = path = str(tmp_path / options[1])
        more = ["--entries", "10:20", "--variables", "pt,eta"]
        done = CliRunner().invoke(app, ["decompress", small, *options, *more])
        assert done.exit_code == 0, done.output
        (back,) = iterate_records([path], with_events=True)
        assert np.array_equal(back.values, expected.values[:, :2])
        assert back.events["event"].tolist() == [*range(10, 20)]
