import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aefpga.codec.container import HEADER, MANIFEST, SCHEMA_VERSION, Reader, writing
from aefpga.errors import AefpgaError, DataError

CHUNKS = {f"chunks/{i:06d}/words": bytes([i]) * (40 + i) for i in range(4)}


def write(path, header=None):
    with writing(path, header or {"variables": ["pt"]}, {"chunks": list(CHUNKS)}) as writer:
        for name, content in CHUNKS.items():
            writer.add(name, content)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(tmp_path_factory.mktemp("archive") / "x.aejets")


def test_members_come_back(whole):
    reader = Reader(whole)
    assert reader.header == {"schema": SCHEMA_VERSION, "variables": ["pt"]}
    assert reader.manifest["chunks"] == list(CHUNKS)
    assert {name: reader.member(name) for name in CHUNKS} == CHUNKS
    assert reader.damaged() == []


def test_the_same_content_makes_the_same_bytes(whole, tmp_path):
    assert write(tmp_path / "again.aejets").read_bytes() == whole.read_bytes()


def test_any_zip_tool_reads_it(whole):
    import zipfile

    with zipfile.ZipFile(whole) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["mimetype", HEADER, *CHUNKS, MANIFEST]


def test_every_single_bit_is_covered(whole, tmp_path):
    data, path = whole.read_bytes(), tmp_path / "x.aejets"
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << (position % 8)
        path.write_bytes(flipped)
        try:
            found = Reader(path).damaged()
        except DataError:
            continue
        assert found, f"byte {position} of {len(data)}"


def test_a_damaged_chunk_is_named_and_the_others_are_read(whole, tmp_path):
    data, path = bytearray(whole.read_bytes()), tmp_path / "x.aejets"
    data[data.index(CHUNKS["chunks/000002/words"]) + 3] ^= 4
    path.write_bytes(data)
    reader = Reader(path)
    assert reader.damaged() == ["chunks/000002/words"]
    with pytest.raises(DataError, match="chunks/000002/words is damaged"):
        reader.member("chunks/000002/words")
    assert reader.member("chunks/000003/words") == CHUNKS["chunks/000003/words"]


@pytest.mark.parametrize("kept", [0.95, 0.6, 0.3])
def test_what_is_left_of_a_truncated_file_is_found(whole, tmp_path, kept):
    path = tmp_path / "x.aejets"
    path.write_bytes(whole.read_bytes()[: int(kept * whole.stat().st_size)])
    with pytest.raises(DataError, match="truncated or its directory is damaged"):
        Reader(path)
    reader = Reader(path, salvage=True)
    found = {n: reader.member(n) for n in reader.sizes() if n in CHUNKS}
    assert found.items() <= CHUNKS.items()
    assert len(found) >= 1 or kept < 0.5


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"root" * 100, b"PK\5\6" + bytes(18)])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.aejets"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no file of compressed jets"):
        Reader(path)
    with pytest.raises(DataError):
        Reader(path, salvage=True)


def test_a_missing_file_and_a_newer_version_are_named(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        Reader(tmp_path / "nowhere.aejets")
    path = write(tmp_path / "new.aejets", {"variables": [], "schema": SCHEMA_VERSION + 1})
    with pytest.raises(DataError, match=f"format version {SCHEMA_VERSION + 1}.*newer aefpga"):
        Reader(path)


def test_nothing_appears_when_writing_fails(tmp_path):
    def interrupted():
        with writing(tmp_path / "x.aejets", {}, {}) as writer:
            writer.add("chunks/000000/words", b"1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bytes_make_the_reader_crash(whole, tmp_path, data):
    """Edits in several places, cuts and insertions; with the directory and without."""
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, max(len(content) - 1, 0)))
        kind = data.draw(st.sampled_from(["write", "cut", "insert"]))
        if kind == "cut":
            del content[place : place + data.draw(st.integers(1, 50))]
        elif kind == "insert":
            content[place:place] = data.draw(st.binary(max_size=20))
        else:
            content[place : place + 4] = data.draw(st.binary(min_size=4, max_size=4))
    path = tmp_path / "x.aejets"
    path.write_bytes(content)
    for salvage in (False, True):
        try:
            reader = Reader(path, salvage=salvage)
            for name in reader.sizes():
                reader.member(name)
            json.dumps(dict(reader.manifest))
            reader.damaged()
        except AefpgaError:
            pass


def test_a_pipe_is_refused(whole):
    reading, writing_end = os.pipe()
    with open(reading, "rb"), open(writing_end, "wb") as stream:
        stream.write(whole.read_bytes()[:100])
        stream.flush()
        with pytest.raises(DataError, match="is a pipe; expected a file"):
            Reader(Path(f"/dev/fd/{reading}"))
