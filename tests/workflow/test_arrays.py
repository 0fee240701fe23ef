import doctest

import awkward as ak
import numpy as np
import pytest

from aefpga.cli.archives import ratio
from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Task
from aefpga.codec.scalar import Scalar
from aefpga.codec.writer import create_archive
from aefpga.data.records import Records
from aefpga.errors import DataError, UsageError
from aefpga.schema import JETS, KINDS, Schema, Variable
from aefpga.workflow import arrays
from aefpga.workflow.arrays import compress_arrays, records_of
from aefpga.workflow.compress import Settings

FOUR = JETS.choose("4")
HITS = Schema(
    name="hits",
    variables=(
        Variable(name="charge", unit="GeV", kind=KINDS["energy"]),
        Variable(name="depth", unit="cm", kind=KINDS["position"]),
        Variable(name="cells", kind=KINDS["multiplicity"]),
    ),
)
SETTINGS = Settings(profile=Profile.relative(0.01))


def test_the_example_of_the_documentation_is_true():
    tried = doctest.testmod(arrays)
    assert tried.attempted > 5
    assert not tried.failed


@pytest.mark.parametrize("level", ["fast", "best"])
def test_any_record_is_compressed_and_its_file_needs_nothing_else(tmp_path, level, monkeypatch):
    monkeypatch.setattr("aefpga.entropy.learning.BATCHES", 100)
    rng = np.random.default_rng(3)
    cells = rng.poisson(4, 20_000)
    values = np.stack([3.0 * cells, rng.normal(30, 8, len(cells)), cells], 1).astype(np.float32)
    settings = Settings(profile=SETTINGS.profile, level=level)
    made = compress_arrays(values, HITS, tmp_path / "h.aejets", settings, counts=[5_000] * 4)
    assert (made.record, made.records, made.events) == ("hits", 20_000, 4)
    archive = Archive(tmp_path / "h.aejets")
    # That it is better to know cells where charge is known can be learned of any record.
    assert bool(archive.models()) == (level == "best")
    (back,) = archive.iterate()
    assert back.schema == HITS
    assert back.counts.tolist() == [5_000] * 4
    assert SETTINGS.profile.within(HITS, values, back.values).all()


def test_awkward_arrays_come_back_as_they_went(jets, tmp_path):
    events = {"event": np.arange(40, dtype=np.uint64)}
    records = Records(FOUR, jets[:80, :4], np.tile([1, 3, 0, 4], 10), events)
    compress_arrays(records.to_awkward(), FOUR, tmp_path / "j.aejets", SETTINGS)
    (back,) = Archive(tmp_path / "j.aejets").iterate()
    assert SETTINGS.profile.within(FOUR, records.values, back.values).all()
    array = back.to_awkward()
    assert ak.num(array["pt"]).tolist() == records.counts.tolist()
    assert array["event"].tolist() == list(range(40))
    # A number an event is a record an event.
    flat = ak.Array({name: jets[:5, j] for j, name in enumerate(FOUR.names)})
    assert records_of(flat, FOUR).counts.tolist() == [1] * 5


@pytest.mark.parametrize(
    ("array", "counts", "said"),
    [
        (np.zeros((3, 5)), None, r"\(3, 5\), expected a column for each of pt, eta, phi, mass"),
        (np.zeros(4), None, "expected a column"),
        (np.zeros((3, 4)), [1, 1], "counts add up to 2, there are 3 jets"),
        (np.zeros((3, 4)), [4, -1], "counts add up to 3"),
        (np.full((3, 4), np.nan), None, "12 NaN or infinite values"),
        (np.full((3, 4), 1e300), None, "12 NaN or infinite values"),
        (ak.Array({"pt": [[1.0]]}), None, "no field eta, phi, mass; it has pt"),
        (ak.Array({n: [[1.0] * (1 + (n == "phi"))] for n in FOUR.names}), None, "field phi"),
    ],
)
def test_arrays_that_do_not_fit(array, counts, said, tmp_path):
    with pytest.raises(DataError, match=said):
        compress_arrays(array, FOUR, tmp_path / "x.aejets", SETTINGS, counts=counts)
    assert not list(tmp_path.iterdir())


def test_a_writer_takes_records_as_they_come(jets, tmp_path, monkeypatch):
    monkeypatch.setattr("aefpga.codec.chunks.CHUNK_RECORDS", 50)
    codec = Scalar(Task(FOUR, profile=SETTINGS.profile))
    parts = [Records(FOUR, jets[i : i + 30, :4], np.full(10, 3)) for i in range(0, 150, 30)]
    with create_archive(tmp_path / "j.aejets", codec) as archive:
        for part in parts:
            archive.write(part)
    read = Archive(tmp_path / "j.aejets")
    assert len(read.chunks()) == 3
    back = np.concatenate([records.values for records in read.iterate()])
    assert SETTINGS.profile.within(FOUR, jets[:150, :4], back).all()
    with create_archive(tmp_path / "empty.aejets", codec):
        pass
    assert list(Archive(tmp_path / "empty.aejets").iterate()) == []
    with (
        pytest.raises(UsageError, match="have no variable"),
        create_archive(tmp_path / "x.aejets", codec) as archive,
    ):
        archive.write(records_of(np.ones((3, 3)), HITS))
    assert not (tmp_path / "x.aejets").exists()


def test_a_file_that_grew_is_said_to_have_grown():
    assert ratio(50, 100) == "50 bytes: 2.0 times smaller"
    assert ratio(100, 50) == "100 bytes: 2.0 times larger"
    assert ratio(100, 0) == "100 bytes"
