import io
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from aefpga.errors import AefpgaError, UsageError
from aefpga.files import atomic_path, load_arrays, remove_leftovers


def archive(**members):
    """A NumPy archive with these members, whatever they are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return io.BytesIO(stream.getvalue())


def header(descr, shape):
    """The start of an array that claims this type and shape."""
    stream = io.BytesIO()
    content = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, content)
    return stream.getvalue()


def test_arrays_come_back():
    stream = io.BytesIO()
    saved = {"a": np.arange(6).reshape(2, 3), "names": np.array(["pt", "eta"]), "n": np.array(2)}
    np.savez_compressed(stream, **saved)
    found = load_arrays(io.BytesIO(stream.getvalue()), 1000)
    assert found.keys() == saved.keys()
    for name, array in saved.items():
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(ValueError, match="claim more than 50 bytes"):
        load_arrays(io.BytesIO(stream.getvalue()), 50)


@pytest.mark.parametrize(
    "member",
    [
        header("<i8", (1 << 60,)),
        header("<i8", (1 << 40, 1 << 40)),
        header("<i8", (-5,)),
        header("|O", (1,)),
        header("|V2147483647", (1,)),
        header("<i8", (10,)),
        header("<i8", (1,)).replace(b"descr", b"dscr1"),
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
        b"\x93NUMPY\x03\x00\xff\xff\x00\x00",
        b"",
        b"nonsense",
    ],
)
def test_what_claims_too_much_is_not_unpacked(member):
    with pytest.raises(ValueError, match="no readable NumPy archive"):
        load_arrays(archive(counts=member), 1 << 20)


def test_many_arrays_and_other_packings_are_refused():
    with pytest.raises(ValueError, match="at most 1000"):
        load_arrays(archive(**{f"a{i}": b"" for i in range(1001)}), 1 << 20)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as made:
        made.writestr("a.npy", header("<i8", (0,)))
    with pytest.raises(ValueError, match="packed in a way"):
        load_arrays(stream, 1 << 20)


WRITER = """
import sys, pathlib, time
from aefpga.files import atomic_path
with atomic_path(pathlib.Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_the_dead_left_goes_and_what_the_living_write_stays(tmp_path):
    target = tmp_path / "a [b].bin"
    command = [sys.executable, "-c", WRITER, str(target)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as dead,
        subprocess.Popen(command, stdout=subprocess.PIPE) as living,
    ):
        for process in (dead, living):
            assert process.stdout.readline() == b"writing\n"
        dead.kill()
        dead.wait()
        assert len(list(tmp_path.iterdir())) == 2
        with atomic_path(target) as temporary:
            temporary.write_text("whole")
        (left,) = tmp_path.glob(".*")
        assert (left / target.name).read_text() == "half"
        living.kill()
    remove_leftovers(target)
    assert [p.name for p in tmp_path.iterdir()] == [target.name]
    assert target.read_text() == "whole"


def test_a_name_that_is_too_long_is_one_clear_error(tmp_path):
    with (
        pytest.raises(AefpgaError, match="File name too long; choose a shorter name"),
        atomic_path(tmp_path / ("n" * 300)),
    ):
        pass


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path):
    link, target = tmp_path / "latest.txt", tmp_path / "elsewhere" / "data.txt"
    link.symlink_to(target)
    with atomic_path(link) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("whole")
    assert link.is_symlink()
    assert target.read_text() == "whole"


def test_a_pipe_or_a_folder_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe; expected the name"), atomic_path(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()
    expected = "Is a directory; choose the name of a file"
    with pytest.raises(AefpgaError, match=expected), atomic_path(tmp_path) as temporary:
        temporary.write_text("")
