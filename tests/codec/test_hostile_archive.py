"""Files whose checksums are right, and whose content is not what the writer writes."""

import json

import pytest
from crafted import make_file, members_of, silent, write_members

from aefpga.codec.archive import Archive
from aefpga.codec.container import MANIFEST
from aefpga.codec.verification import contradictions
from aefpga.errors import DataError
from aefpga.workflow.compress import decompress


@pytest.fixture(scope="module")
def small(jets, tmp_path_factory):
    """A file of four chunks, quantized without an encoder."""
    path = make_file(tmp_path_factory.mktemp("small") / "j.aejets", jets[:240])
    assert len(Archive(path).chunks()) == 4
    return path


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
        (lambda m: m.update(records=241), "the manifest says 241 jets, there are 240"),
        (lambda m: m.update(events=7), "the manifest says 7 events, there are 60"),
        (
            lambda m: m["chunks"][2].update(records=59),
            r"chunks/000002 holds 15 events with 60 jets",
        ),
        (lambda m: m["chunks"][2].update(events=16), "the manifest says 16 with 60"),
        (lambda m: m["chunks"].pop(), "lists 3 chunks, there are 4"),
        (lambda m: m["chunks"].append({"events": 1, "records": 1}), "000004/events"),
        (lambda m: m["chunks"].extend([{}] * 99), "lists 103 chunks, there are 4"),
        (lambda m: m.update(records="240"), "manifest.json is damaged"),
        (lambda m: m.update(records=-1), "manifest.json is damaged"),
        (lambda m: m.update(chunks=None), "manifest.json is damaged"),
        (lambda m: m.pop("records"), "manifest.json is damaged"),
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
