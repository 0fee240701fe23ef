"""Files whose checksums are right, and whose content is not what the writer writes."""

import json
import struct
import zipfile

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.container import MANIFEST, Reader, _digest
from aefpga.codec.verification import contradictions
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.errors import DataError
from aefpga.schema import JETS
from aefpga.workflow import compress as workflow
from aefpga.workflow.compress import Settings, compress, decompress

SCHEMA = JETS.choose("24")


def silent(what, done, total):
    pass


def members_of(path):
    """The content of every member of a file."""
    reader = Reader(path)
    return {name: reader.member(name) for name in reader.sizes()}


def write_members(path, members):
    """Write a file of these members, with right checksums."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    with path.open("r+b") as stream:
        digest = _digest(stream, path.stat().st_size - 22).encode()
        stream.seek(-2, 2)
        stream.write(struct.pack("<H", len(digest)) + digest)
    return path


@pytest.fixture(scope="module")
def small(jets, tmp_path_factory):
    """A file of four chunks, quantized without an encoder."""
    folder = tmp_path_factory.mktemp("small")
    counts = np.full(60, 4)
    events = {"run": np.ones(60, np.uint32), "event": np.arange(60)}
    parts = Records(SCHEMA, jets[:240], counts, events)
    write_records(folder / "j.root", [parts], {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow, "CHUNK_JETS", 60)
        settings = Settings(profile=Profile.relative(0.01))
        compress(None, [str(folder / "j.root")], folder / "j.aejets", settings, step=silent)
    assert len(Archive(folder / "j.aejets").chunks()) == 4
    return folder / "j.aejets"


def test_every_chunk_that_is_missing_is_named(small, tmp_path):
    members, path = members_of(small), tmp_path / "x.aejets"
    manifest = members.pop(MANIFEST)
    # Cut off before a chunk begins: that there was one is not known.
    data = small.read_bytes()
    path.write_bytes(data[: data.index(b"chunks/000003/events") - 30])
    archive = Archive(path, salvage=True)
    assert decompress(archive, tmp_path / "b.root", step=silent) == 180
    assert archive.is_cut
    assert not archive.skipped
    # One in between is missed, whether the manifest is there or not.
    left = {n: c for n, c in members.items() if not n.startswith("chunks/000001")}
    for lost, content in ((True, left), (False, {**left, MANIFEST: manifest})):
        archive = Archive(write_members(path, content), salvage=True)
        assert decompress(archive, tmp_path / "b.root", step=silent) == 180
        assert list(archive.skipped) == [1]
        assert archive.is_cut == lost
    # Only the manifest is damaged: everything is there, but nobody knows.
    for damaged in (b"", b"[]", b'{"chunks": []}', manifest[:-40]):
        archive = Archive(write_members(path, {**members, MANIFEST: damaged}), salvage=True)
        assert decompress(archive, tmp_path / "b.root", step=silent) == 240
        assert archive.is_cut
        with pytest.raises(DataError):
            list(Archive(path).iterate())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(jets=241), "the manifest says 241 jets, there are 240"),
        (lambda m: m.update(events=7), "the manifest says 7 events, there are 60"),
        (lambda m: m["bits_per_jet"].update(steps=1.0), "the manifest says 30 bytes of steps"),
        (lambda m: m["bits_per_jet"].update(words=1.0), "30 bytes of words, there are 0"),
        (lambda m: m["chunks"][2].update(jets=59), r"chunks/000002 holds 15 events with 60 jets"),
        (lambda m: m["chunks"][2].update(events=16), "the manifest says 16 with 60"),
        (lambda m: m["chunks"].pop(), "lists 3 chunks, there are 4"),
        (lambda m: m["chunks"].append({"events": 1, "jets": 1}), "000004/events"),
        (lambda m: m["chunks"].extend([{}] * 99), "lists 103 chunks, there are 4"),
        (lambda m: m.update(jets="240"), "manifest is damaged"),
        (lambda m: m.update(jets=-1), "manifest is damaged"),
        (lambda m: m.update(chunks=None), "manifest is damaged"),
        (lambda m: m.pop("exact_values"), "manifest is damaged"),
    ],
)
def test_a_manifest_that_contradicts_the_chunks_is_found(small, tmp_path, change, said):
    assert contradictions(Archive(small)) == []
    members = members_of(small)
    manifest = json.loads(members[MANIFEST])
    change(manifest)
    members[MANIFEST] = json.dumps(manifest).encode()
    archive = Archive(write_members(tmp_path / "x.aejets", members))
    assert archive.reader.damaged() == []
    try:
        found = contradictions(archive)
    except DataError as error:
        found = [str(error)]
    assert said in found[0]
