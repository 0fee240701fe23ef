import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256

import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.data.reader import read_records
from aefpga.data.records import Records
from aefpga.data.sample import sample_path
from aefpga.data.writer import write_records
from aefpga.errors import DataError, RunError, UsageError
from aefpga.progress import silent
from aefpga.schema import JETS
from aefpga.workflow.compress import Settings, compress
from aefpga.workflow.store import MANIFEST, compress_store
from aefpga.workflow.workers import dask_client

NAMES = JETS.choose("24")
SCALAR = Settings(profile=Profile.relative(0.01))


def digests(folder):
    return {
        str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*.aejets"))
    }


def lines(folder):
    return [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]


@pytest.fixture
def inputs(tmp_path, jets):
    """Five small files, one of them in a folder of its own."""
    for i in range(5):
        path = tmp_path / "in" / ("deep" if i == 4 else "") / f"{i}.root"
        values = jets[i * 100 : (i + 1) * 100]
        write_records(path, [Records(NAMES, values, np.full(50, 2))], {})
    return [str(tmp_path / "in" / "*.root"), str(tmp_path / "in" / "deep" / "*.root")]


def test_each_file_becomes_one_and_a_second_call_has_nothing_to_do(inputs, tmp_path, jets):
    folder = tmp_path / "out"
    stored = compress_store(None, inputs, folder, SCALAR, workers=2, step=silent)
    assert (stored.files, stored.found_done, stored.failed) == (5, 0, {})
    assert list(digests(folder)) == [f"{i}.aejets" for i in range(4)] + ["deep/4.aejets"]
    (back,) = Archive(folder / "deep" / "4.aejets").iterate()
    assert SCALAR.profile.within(JETS.choose("24"), jets[400:500], back.values).all()
    before = digests(folder)
    again = compress_store(None, inputs, folder, SCALAR, workers=2, step=silent)
    assert (again.files, again.found_done, again.records) == (5, 5, 500)
    assert digests(folder) == before
    assert [x["sha256"] for x in lines(folder)[1:]] == [
        before[x["output"]] for x in lines(folder)[1:]
    ]


def test_what_changed_or_is_missing_is_done_again(inputs, tmp_path, jets):
    folder = tmp_path / "out"
    compress_store(None, inputs, folder, SCALAR, workers=2, step=silent)
    before = digests(folder)
    (folder / "0.aejets").unlink()
    write_records(tmp_path / "in" / "1.root", [Records(NAMES, jets[:30], np.array([30]))], {})
    with (folder / MANIFEST).open("a") as stream:
        stream.write('{"source": "cut short by a cra')
    stored = compress_store(None, inputs, folder, SCALAR, workers=2, step=silent)
    assert stored.found_done == 3
    assert stored.records == 430
    changed = {name for name, digest in digests(folder).items() if digest != before[name]}
    assert changed == {"1.aejets"}
    assert len(lines(folder)) == 8


def test_a_folder_keeps_to_its_settings(inputs, tmp_path):
    folder = tmp_path / "out"
    compress_store(None, inputs[1:], folder, SCALAR, workers=1, step=silent)
    other = Settings(profile=Profile.relative(0.02))
    with pytest.raises(UsageError, match=r"another max error.*choose another folder"):
        compress_store(None, inputs, folder, other, step=silent)
    (folder / MANIFEST).write_text('{"schema": 99}\n')
    with pytest.raises(RunError, match="schema 99"):
        compress_store(None, inputs, folder, SCALAR, step=silent)
    (folder / MANIFEST).write_text("banana\n")
    with pytest.raises(DataError, match="line 1 is damaged"):
        compress_store(None, inputs, folder, SCALAR, step=silent)


def test_a_damaged_file_does_not_stop_the_others(inputs, tmp_path):
    (tmp_path / "in" / "2.root").write_bytes(b"root" + bytes(100))
    stored = compress_store(None, inputs, tmp_path / "out", SCALAR, workers=2, step=silent)
    assert stored.files == 4
    ((name, reason),) = stored.failed.items()
    assert name.endswith("2.root")
    assert "damaged" in reason
    assert not (tmp_path / "out" / "2.aejets").exists()


def test_two_inputs_of_one_name_and_no_scheduler(inputs, tmp_path):
    shutil.copy(tmp_path / "in" / "0.root", tmp_path / "in" / "0.other")
    both = [str(tmp_path / "in" / "0.root"), str(tmp_path / "in" / "0.other")]
    with pytest.raises(UsageError, match="2 inputs would become"):
        compress_store(None, both, tmp_path / "out", SCALAR, step=silent)
    for address in ("tcp://127.0.0.1:1", "banana://x"):
        with pytest.raises(UsageError, match="no Dask scheduler answers"):
            compress_store(None, inputs, tmp_path / "out", SCALAR, scheduler=address, step=silent)


def test_an_output_is_never_overwritten_by_that_of_another_input(inputs, tmp_path):
    folder = tmp_path / "out"
    compress_store(None, [str(tmp_path / "in" / "0.root")], folder, SCALAR, workers=1, step=silent)
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "in" / "1.root", tmp_path / "other" / "0.root")
    with pytest.raises(UsageError, match=r"would become 0\.aejets, which was made of"):
        compress_store(None, [str(tmp_path / "other" / "0.root")], folder, SCALAR, step=silent)


def test_one_call_at_a_time(inputs, tmp_path):
    folder = tmp_path / "out"
    compress_store(None, inputs[1:], folder, SCALAR, workers=1, step=silent)
    with (folder / MANIFEST).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another call works"):
            compress_store(None, inputs, folder, SCALAR, step=silent)


@pytest.mark.parametrize("line", [b"[1]\n", b"\xff\xfe\n", b'{"source": "x"}\n'])
def test_a_damaged_line_is_named(inputs, tmp_path, line):
    folder = tmp_path / "out"
    compress_store(None, inputs[1:], folder, SCALAR, workers=1, step=silent)
    with (folder / MANIFEST).open("ab") as stream:
        stream.write(line)
    with pytest.raises(DataError, match="line 3 is damaged"):
        compress_store(None, inputs, folder, SCALAR, step=silent)


def test_an_empty_manifest_is_a_new_folder(inputs, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST).touch()
    stored = compress_store(None, inputs[1:], tmp_path / "out", SCALAR, workers=1, step=silent)
    assert stored.files == 1


def test_a_file_in_the_place_of_the_folder(inputs, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(UsageError, match="cannot be a folder of outputs"):
        compress_store(None, inputs, tmp_path / "out", SCALAR, step=silent)
    assert (tmp_path / "out").read_text() == "precious"


@pytest.mark.slow
def test_all_files_use_what_the_largest_one_taught(tmp_path):
    found = read_records([str(sample_path())], NAMES, max_records=80_000)
    middle = len(found.counts) // 2
    write_records(tmp_path / "in" / "large.root", [found.between(0, middle)], {})
    write_records(tmp_path / "in" / "small.root", [found.between(middle, len(found.counts))], {})
    settings = Settings(profile=Profile.relative(0.01), level="best")
    inputs = [str(tmp_path / "in" / "*.root")]
    stored = compress_store(None, inputs, tmp_path / "out", settings, workers=2, step=silent)
    assert not stored.failed
    large, small = (Archive(tmp_path / "out" / f"{n}.aejets") for n in ("large", "small"))
    assert large.models() == small.models() != {}
    (back,) = small.iterate()
    np.testing.assert_array_equal(back.counts, found.counts[middle:])


@pytest.mark.slow
def test_a_killed_worker_loses_and_doubles_nothing(tiny_run, tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(6):
        os.link(_local_sample(tmp_path), tmp_path / "in" / f"{i}.root")
    inputs, folder = [str(tmp_path / "in" / "*.root")], tmp_path / "out"
    settings = Settings(profile=Profile.relative(0.01))
    expected = tmp_path / "expected.aejets"
    compress(tiny_run, [str(tmp_path / "in" / "0.root")], expected, settings, step=silent)
    result = {}
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:

        def work():
            result["stored"] = compress_store(
                tiny_run, inputs, folder, settings,
                scheduler=cluster.scheduler_address, step=silent,
            )  # fmt: skip

        thread = threading.Thread(target=work)
        thread.start()
        # In the middle: a file is being written, none is complete, or at least not all.
        while thread.is_alive() and not list(folder.glob(".*.aejets-*/*.aejets")):
            time.sleep(0.01)
        with Client(cluster.scheduler_address) as client:
            pids = client.run(os.getpid)
            os.kill(next(iter(pids.values())), signal.SIGKILL)
            thread.join(timeout=120)
    assert not thread.is_alive()
    stored = result["stored"]
    assert (stored.files, stored.failed) == (6, {})
    sources = [line["source"] for line in lines(folder)[1:]]
    assert len(sources) == len(set(sources)) == 6
    # Every file holds the same jets, and names its own source.
    for path in folder.glob("*.aejets"):
        assert Archive(path).reader.damaged() == []
        for chunk in range(len(Archive(path).chunks())):
            for part in ("words", "corrections", "events", "exact"):
                name = f"chunks/{chunk:06d}/{part}"
                assert Archive(path).reader.member(name) == Archive(expected).reader.member(name)
    assert not list(folder.glob(".*"))


def test_an_interrupted_call_is_gone_on_with(tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(8):
        os.link(_local_sample(tmp_path), tmp_path / "in" / f"{i}.root")
    command = [sys.executable, "-m", "aefpga", "compress", str(tmp_path / "in" / "*.root"),
               "-o", "out", "--scalar", "--max-error", "1%", "--workers", "2"]  # fmt: skip
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    manifest = tmp_path / "out" / MANIFEST
    while not manifest.exists() or len(manifest.read_text().splitlines()) < 3:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    done = len(lines(tmp_path / "out")) - 1
    assert done >= 2
    if process.returncode:
        assert process.returncode == 130, said
    rest = subprocess.run(
        [*command, "--json"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    facts = json.loads(rest.stdout)
    assert facts["files"] == 8
    assert facts["found_done"] == done


def test_nothing_listens_beyond_this_machine():
    with dask_client(None, 1):
        us = psutil.Process()
        found = [c for p in (us, *us.children(recursive=True)) for c in p.net_connections("inet")]
    listening = {c.laddr.ip for c in found if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def interrupted():
    """Interrupt this process and one that it waits for, as a terminal does; return its code."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.2)"])
    for process in (os.getpid(), child.pid):
        os.kill(process, signal.SIGINT)
    return child.wait()


def test_workers_and_their_tools_leave_interruptions_to_the_caller():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with dask_client(None, 1) as client:
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
        assert client.submit(interrupted).result(timeout=30) == 0


def _local_sample(folder):
    """The embedded sample, on the file system of the test."""
    if not (folder / "sample.root").exists():
        shutil.copy(sample_path(), folder / "sample.root")
    return folder / "sample.root"
