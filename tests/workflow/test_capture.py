"""From a file to a capture of the link and back, by the command line."""

import numpy as np
import pytest

from aefpga.cli import main
from aefpga.data.reader import read_records
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.errors import DataError, UsageError
from aefpga.runs.autoencoder import Autoencoder
from aefpga.workflow.capture import decode, encode


@pytest.fixture(scope="module")
def events(tiny_run, jets):
    """Jets of events of which some are empty, with numbers that are no counts."""
    counts = np.array([3, 0, 1, 4, 0, 2])
    numbers = np.array([12, 11, 2**40, 9, 3, 5], np.uint64)
    return Records(tiny_run.schema, jets[: counts.sum()], counts, {"event": numbers})


@pytest.fixture(scope="module")
def capture(tiny_run, events, tmp_path_factory):
    folder = tmp_path_factory.mktemp("capture")
    write_records(folder / "in.root", [events], {})
    made = encode(tiny_run, [str(folder / "in.root")], folder / "capture.bin")
    assert (made.records, made.events) == (10, 6)
    assert made.n_bytes == (folder / "capture.bin").stat().st_size
    return folder / "capture.bin"


def test_what_comes_back_is_what_the_decoder_makes_of_the_words(
    tiny_run, events, capture, tmp_path
):
    found = decode(tiny_run, capture, tmp_path / "back.root")
    assert (found.records, found.events, found.n_damaged) == (10, 6, 0)
    back = read_records([str(tmp_path / "back.root")], with_events=True)
    assert back.counts.tolist() == events.counts.tolist()
    assert back.events["event"].tolist() == events.events["event"].tolist()
    expected = Autoencoder.of(tiny_run).reconstruct(events.values)
    np.testing.assert_array_equal(back.values, expected)


def test_damaged_frames_are_named_left_out_and_an_exit_code(
    tiny_run, capture, tmp_path, monkeypatch, capsys
):
    content = bytearray(capture.read_bytes())
    content[40] ^= 1
    (tmp_path / "damaged.bin").write_bytes(b"noise" + content)
    arguments = [tmp_path / "damaged.bin", "--run", tiny_run.folder, "-o", tmp_path / "b.parquet"]
    monkeypatch.setattr("sys.argv", ["aefpga", "decode", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "7 jets of 5 events" in said.out
    assert "5 bytes at offset 0: no frame begins here" in " ".join(said.err.split())
    assert "event 12 does not match its checksum" in " ".join(said.err.split())


def test_a_capture_of_nothing_leaves_no_file(tiny_run, tmp_path):
    for content, reason in ((b"", "empty"), (b"not a capture", "no frame begins here")):
        (tmp_path / "x.bin").write_bytes(content)
        with pytest.raises(DataError, match=reason):
            decode(tiny_run, tmp_path / "x.bin", tmp_path / "back.root")
    assert [p.name for p in tmp_path.iterdir()] == ["x.bin"]
    with pytest.raises(DataError, match="no file"):
        decode(tiny_run, tmp_path / "none.bin", tmp_path / "back.root")


def test_an_event_of_more_records_than_a_frame_holds_is_named(
    tiny_run, events, tmp_path, monkeypatch
):
    monkeypatch.setattr("aefpga.links.framing.MAX_RECORDS", 3)
    write_records(tmp_path / "in.root", [events], {})
    with pytest.raises(DataError, match=r"event 9 of .*: 4 records, a frame holds 3 at most"):
        encode(tiny_run, [str(tmp_path / "in.root")], tmp_path / "capture.bin")
    assert not (tmp_path / "capture.bin").exists()


def test_an_input_is_not_overwritten(tiny_run, capture):
    before = capture.read_bytes()
    with pytest.raises(UsageError, match="is an input too"):
        decode(tiny_run, capture, capture)
    assert capture.read_bytes() == before
