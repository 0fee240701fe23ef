import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
import zlib

import numpy as np
import onnx
import pytest
import uproot

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.members import unpack_events
from aefpga.codec.verification import contradictions
from aefpga.data.reader import read_records
from aefpga.data.records import Records
from aefpga.data.sample import sample_path
from aefpga.data.writer import write_records
from aefpga.errors import DataError, RunError, UsageError
from aefpga.fixedpoint import Emulator
from aefpga.progress import silent
from aefpga.schema import JETS
from aefpga.workflow.compress import Settings, compress, decompress

VARIABLES = JETS.choose("24")
NAMES = VARIABLES.names
BEST = Settings(profile=Profile.relative(0.01), level="best")


def events_of(jets, n_events=200, seed=1):
    """Jets with event structure, ids and weights; some events are empty."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 6, n_events)
    events = {
        "event": rng.integers(1, 2**40, n_events).astype(np.uint64),
        "weight": rng.normal(1, 0.1, n_events).astype(np.float32),
    }
    return Records(VARIABLES, jets[: counts.sum()], counts, events)


@pytest.fixture
def root_file(jets, tmp_path):
    written = events_of(jets)
    write_records(tmp_path / "jets.root", [written], {})
    return tmp_path / "jets.root", written


@pytest.mark.parametrize("share", [None, 0.001, 0.01, 0.2])
def test_jets_come_back_within_their_bounds(tiny_run, root_file, share, tmp_path):
    path, original = root_file
    profile = Profile.relative(share) if share else None
    settings = Settings(profile=profile)
    facts = compress(tiny_run, [str(path)], tmp_path / "j.aejets", settings, step=silent)
    assert facts.records == len(original)
    assert decompress(Archive(tmp_path / "j.aejets"), tmp_path / "back.root", step=silent) == len(
        original
    )
    back = read_records([str(tmp_path / "back.root")], VARIABLES)
    np.testing.assert_array_equal(back.counts, original.counts)
    if profile:
        assert profile.within(VARIABLES, original.values, back.values).all()
        counts = [i for i, v in enumerate(VARIABLES.variables) if v.kind.is_count]
        np.testing.assert_array_equal(back.values[:, counts], original.values[:, counts])
    (jets,) = Archive(tmp_path / "j.aejets").iterate()
    for name, column in original.events.items():
        np.testing.assert_array_equal(jets.events[name], column)
        assert jets.events[name].dtype == column.dtype


def test_ugly_jets_keep_their_bounds_too(tiny_run, jets, tmp_path):
    """Saturated, zero, tiny, negative and one by one."""
    ugly = np.tile(jets[:1], (9, 1))
    ugly[0] = 0
    ugly[1, 0] = 1e30
    ugly[2] = 3.4e38
    ugly[3] = -7.5
    ugly[4, 2] = np.pi
    ugly[5, 2] = -np.pi
    ugly[6] *= 1e-30
    ugly[7, NAMES.index("photon_multiplicity")] = 2.5
    for i, values in enumerate([ugly, *ugly[:, None]]):
        write_records(
            tmp_path / "u.root", [Records(VARIABLES, values, np.array([len(values)]))], {}
        )
        profile = Profile.relative(0.01)
        small = tmp_path / "u.aejets"
        for run in (tiny_run, None):
            compress(run, [str(tmp_path / "u.root")], small, Settings(profile=profile), step=silent)
            (back,) = Archive(small).iterate()
            assert profile.within(VARIABLES, values, back.values).all(), i


def test_events_without_jets_are_events_all_the_same(tiny_run, jets, tmp_path):
    empty = Records(VARIABLES, jets[:0], np.zeros(7, np.int64))
    write_records(tmp_path / "e.root", [empty], {})
    for run, profile in ((tiny_run, None), (None, Profile.relative(0.01))):
        settings = Settings(profile=profile, level="best")
        compress(run, [str(tmp_path / "e.root")], tmp_path / "e.aejets", settings, step=silent)
        (back,) = Archive(tmp_path / "e.aejets").iterate()
        assert len(back) == 0
        assert back.counts.tolist() == [0] * 7
        decompress(Archive(tmp_path / "e.aejets"), tmp_path / "b.root", step=silent)
        assert len(read_records([str(tmp_path / "b.root")], VARIABLES).counts) == 7


def test_a_file_without_events_keeps_what_is_said_of_them(tmp_path):
    events = {"event": np.zeros(0, np.uint64), "weight": np.zeros(0, np.float32)}
    empty = Records(VARIABLES, np.zeros((0, 24), np.float32), np.zeros(0, np.int64), events)
    write_records(tmp_path / "e.root", [empty], {})
    facts = compress(None, [str(tmp_path / "e.root")], tmp_path / "e.aejets", BEST, step=silent)
    assert (facts.records, facts.events) == (0, 0)
    archive = Archive(tmp_path / "e.aejets")
    assert contradictions(archive) == []
    assert decompress(archive, tmp_path / "b.root", step=silent) == 0
    with uproot.open(tmp_path / "b.root") as file:
        types = {name: branch.interpretation.numpy_dtype for name, branch in file["jets"].items()}
    assert types["event"] == np.uint64
    assert types["weight"] == np.float32


def test_what_a_file_lacks_is_in_no_table_and_does_not_come_back(tiny_run, root_file, tmp_path):
    path, original = root_file
    absent = ("photon_multiplicity", "muon_multiplicity")
    held = [n for n in NAMES if n not in absent]
    write_records(path, [original.select(held)], {})
    small = tmp_path / "j.aejets"
    for run, profile in ((None, BEST.profile), (tiny_run, BEST.profile), (tiny_run, None)):
        facts = compress(run, [str(path)], small, Settings(profile=profile), step=silent)
        assert facts.lacking == absent
        assert list(facts.largest_error) == list(facts.root_mean_square_error) == held
        archive = Archive(small)
        assert archive.header.lacking == absent
        assert archive.header.record == VARIABLES
        assert contradictions(archive) == []
        (back,) = archive.iterate()
        assert list(back.schema.names) == held
        if profile:
            assert profile.within(back.schema, original.select(held).values, back.values).all()
        decompress(archive, tmp_path / "b.root", step=silent)
        with uproot.open(tmp_path / "b.root") as file:
            assert not set(absent) & set(file["jets"].keys())
        with pytest.raises(UsageError, match="no photon_multiplicity, which its sources lacked"):
            decompress(archive, tmp_path / "c.root", variables=["photon_multiplicity"])
    # An encoder that was fed zeros must not take their energies away.
    assert np.any(back.column("photon_energy") > 0)
    write_records(tmp_path / "whole.root", [original], {})
    with pytest.raises(DataError, match=r"only one of them has .*photon_multiplicity"):
        compress(None, [str(path), str(tmp_path / "whole.root")], small, BEST, step=silent)


def test_absent_particles_have_no_energy(tiny_run, root_file, tmp_path):
    path, _ = root_file
    compress(tiny_run, [str(path)], tmp_path / "j.aejets", Settings(), step=silent)
    (back,) = Archive(tmp_path / "j.aejets").iterate()
    kept = tiny_run.spec.input.outside(back.values).any(axis=1)
    for particles in VARIABLES.classes:
        absent = (back.column(particles.count) == 0) & ~kept
        assert not back.column(particles.energy)[absent].any()


def test_jets_out_of_range_are_kept_exactly_without_a_bound(tiny_run, jets, tmp_path):
    values = jets[:50].copy()
    values[7, 0], values[9, 3] = 1e7, 1e8
    write_records(tmp_path / "j.root", [Records(VARIABLES, values, np.array([50]))], {})
    facts = compress(
        tiny_run, [str(tmp_path / "j.root")], tmp_path / "j.aejets", Settings(), step=silent
    )
    assert facts.saturated == 2
    (back,) = Archive(tmp_path / "j.aejets").iterate()
    np.testing.assert_array_equal(back.values[[7, 9]], values[[7, 9]])
    assert not np.array_equal(back.values[0], values[0])


@pytest.mark.parametrize("variables", ["24", "4"])
def test_scalar_quantization_needs_no_run(root_file, tmp_path, variables):
    path, original = root_file
    profile, names = Profile.relative(0.01), JETS.choose(variables).names
    settings = Settings(variables=variables, profile=profile)
    facts = compress(None, [str(path)], tmp_path / "j.aejets", settings, step=silent)
    (back,) = Archive(tmp_path / "j.aejets").iterate()
    expected = original.select(names).values
    assert profile.within(JETS.choose(variables), expected, back.values).all()
    assert "words" not in facts.bits_per_record
    with pytest.raises(UsageError, match="no latent words"):
        next(Archive(tmp_path / "j.aejets").words())
    with pytest.raises(UsageError, match="needs --max-error"):
        compress(None, [str(path)], tmp_path / "x.aejets", Settings(), step=silent)


def test_chunks_entries_and_variables(tiny_run, root_file, tmp_path, monkeypatch):
    path, original = root_file
    monkeypatch.setattr("aefpga.codec.chunks.CHUNK_RECORDS", 60)
    write_records(path, [original.between(i, i + 10) for i in range(0, 200, 10)], {})
    # The reader's own chunks are larger than these files.
    monkeypatch.setattr("aefpga.data.reader.CHUNK_EVENTS", 10)
    settings = Settings(profile=Profile.relative(0.01))
    compress(tiny_run, [str(path)], tmp_path / "j.aejets", settings, step=silent)
    archive = Archive(tmp_path / "j.aejets")
    assert len(archive.chunks()) > 5
    whole = Records.concatenate(list(archive.iterate()))
    part = Records.concatenate(list(archive.iterate(37, 151)))
    np.testing.assert_array_equal(part.values, whole.between(37, 151).values)
    np.testing.assert_array_equal(part.counts, original.counts[37:151])
    decompress(archive, tmp_path / "b.root", variables=["eta"], first=0, last=10, step=silent)
    back = read_records([str(tmp_path / "b.root")], JETS.choose("eta"))
    np.testing.assert_array_equal(back.values, whole.select(["eta"]).between(0, 10).values)
    with pytest.raises(UsageError, match="no btag; it holds pt"):
        decompress(archive, tmp_path / "b.root", variables=["btag"], step=silent)


def test_other_chunks_of_a_damaged_file_are_read(tiny_run, root_file, tmp_path, monkeypatch):
    path, _ = root_file
    monkeypatch.setattr("aefpga.codec.chunks.CHUNK_RECORDS", 60)
    monkeypatch.setattr("aefpga.data.reader.CHUNK_EVENTS", 10)
    compress(tiny_run, [str(path)], tmp_path / "j.aejets", Settings(), step=silent)
    whole = list(Archive(tmp_path / "j.aejets").iterate())
    data = bytearray((tmp_path / "j.aejets").read_bytes())
    words = Archive(tmp_path / "j.aejets").reader.member("chunks/000001/words")
    data[data.index(words) + len(words) // 2] ^= 1
    (tmp_path / "j.aejets").write_bytes(data)
    with pytest.raises(DataError, match=r"^\S+: chunks/000001/words is damaged .* --skip-damaged"):
        list(Archive(tmp_path / "j.aejets").iterate())
    archive = Archive(tmp_path / "j.aejets", salvage=True)
    left = list(archive.iterate())
    assert list(archive.skipped) == [1]
    assert len(left) == len(whole) - 1
    np.testing.assert_array_equal(left[1].values, whole[2].values)


def test_a_file_without_its_model_needs_the_run(tiny_run, root_file, tmp_path):
    path, _ = root_file
    small = tmp_path / "j.aejets"
    compress(tiny_run, [str(path)], small, Settings(with_model=False), step=silent)
    with pytest.raises(RunError, match="name the run that made it"):
        list(Archive(small).iterate())
    assert sum(map(len, Archive(small, tiny_run.folder).iterate())) > 0
    other = tmp_path / "other"
    shutil.copytree(tiny_run.folder, other)
    # The same encoder with another decoder would correct the wrong values.
    model = onnx.load(other / "decoder.onnx")
    model.doc_string = "another"
    onnx.save(model, other / "decoder.onnx")
    with pytest.raises(RunError, match=r"another decoder\.onnx"):
        list(Archive(small, other).iterate())


@pytest.mark.parametrize("with_run", [True, False])
def test_the_best_level_is_exact_too_and_can_be_used_again(tiny_run, tmp_path, with_run):
    # Of fewer, the grids' steps are no smaller with what was learned.
    most = 9_000 if with_run else 24_000
    found = read_records([str(sample_path())], VARIABLES, max_records=most)
    write_records(tmp_path / "j.root", [found], {})
    run, inputs = tiny_run if with_run else None, [str(tmp_path / "j.root")]
    files = {}
    for name, settings in (
        ("fast", Settings(profile=Profile.relative(0.02))),
        ("best", Settings(profile=Profile.relative(0.02), level="best")),
        ("again", Settings(profile=Profile.relative(0.02), level="best",
                           learned_from=tmp_path / "best.aejets")),
    ):  # fmt: skip
        compress(run, inputs, tmp_path / f"{name}.aejets", settings, step=silent)
        files[name] = Archive(tmp_path / f"{name}.aejets")
    backs = {n: Records.concatenate(list(f.iterate())).values for n, f in files.items()}
    np.testing.assert_array_equal(backs["fast"], backs["best"])
    np.testing.assert_array_equal(backs["fast"], backs["again"])
    assert files["best"].reader.damaged() == []
    assert files["again"].models() == files["best"].models()
    if not with_run:
        assert files["best"].models()
        sizes = {n: (tmp_path / f"{n}.aejets").stat().st_size for n in files}
        assert sizes["best"] < sizes["fast"]
        other = Settings(profile=Profile.relative(0.01), level="best",
                         learned_from=tmp_path / "best.aejets")  # fmt: skip
        with pytest.raises(UsageError, match="another max error"):
            compress(None, inputs, tmp_path / "x.aejets", other, step=silent)
        other = Settings(profile=Profile.relative(0.01), level="best",
                         learned_from=tmp_path / "fast.aejets")  # fmt: skip
        with pytest.raises(UsageError, match="has learned nothing"):
            compress(None, inputs, tmp_path / "x.aejets", other, step=silent)


def test_the_words_are_those_of_the_firmware(tiny_run, root_file, tmp_path):
    """The emulator's, which `csim` compares with C simulation and RTL for this very run."""
    path, original = root_file
    compress(tiny_run, [str(path)], tmp_path / "j.aejets", Settings(), step=silent)
    (words,) = Archive(tmp_path / "j.aejets").words()
    spec = tiny_run.spec
    np.testing.assert_array_equal(Emulator(spec)(spec.input.to_words(original.values)), words)


def test_the_three_verbs_on_the_command_line(tiny_run, root_file, tmp_path):
    path, original = root_file

    def aefpga(*arguments, expect=0):
        done = subprocess.run(
            [sys.executable, "-m", "aefpga", *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done

    run = ("--run", tiny_run.folder)
    aefpga("compress", path, "-o", "j.aejets", *run, "--max-error", "2%")
    facts = json.loads(aefpga("info", "j.aejets", "--verify", "--json").stdout)
    assert facts["records"] == len(original)
    assert facts["damaged"] == []
    aefpga("decompress", "j.aejets", "-o", "b.root", "--entries", "5:20")
    counts = read_records([str(tmp_path / "b.root")], JETS.choose("pt")).counts
    np.testing.assert_array_equal(counts, original.counts[5:20])
    assert (
        "FIRST:LAST"
        in aefpga("decompress", "j.aejets", "-o", "c", "--entries", "5", expect=2).stderr
    )
    assert (
        "max-error"
        in aefpga("compress", path, "-o", "x", *run, "--max-error", "banana", expect=2).stderr
    )
    data = (tmp_path / "j.aejets").read_bytes()
    (tmp_path / "j.aejets").write_bytes(data[:-200])
    assert "truncated" in aefpga("info", "j.aejets", expect=1).stderr
    # The directory was lost, no chunk was.
    assert "jets in" in aefpga("decompress", "j.aejets", "-o", "d.root", "--skip-damaged").stdout


@pytest.mark.parametrize("after", [0.2, 1.0, 1.5, 2.0])
def test_a_killed_compression_leaves_no_file(tiny_run, root_file, tmp_path, after):
    path, _ = root_file
    process = subprocess.Popen(
        [sys.executable, "-m", "aefpga", "compress", str(path), "-o", "k.aejets",
         "--run", str(tiny_run.folder)],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    if (tmp_path / "k.aejets").exists():
        # It was faster than the signal: then it is whole.
        assert Archive(tmp_path / "k.aejets").reader.damaged() == []


def test_a_full_disk_is_said_and_leaves_nothing(root_file, tmp_path):
    path, _ = root_file
    # A limit on the size of files fails a write as a full disk does.
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
        "sys.argv[0] = 'aefpga'; runpy.run_module('aefpga', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "compress", str(path), "-o", "full.aejets", "--scalar",
         "--max-error", "0.01%"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "free space or choose another folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["jets.root"]


def test_little_to_learn_from(jets, tmp_path, monkeypatch):
    """No events, one jet, the same jet again and again, and what others have learned."""
    monkeypatch.setattr("aefpga.entropy.learning.BATCHES", 300)
    many = read_records([str(sample_path())], VARIABLES, max_records=25_000)
    write_records(tmp_path / "many.root", [many], {})
    compress(None, [str(tmp_path / "many.root")], tmp_path / "l.aejets", BEST, step=silent)
    assert Archive(tmp_path / "l.aejets").models()
    learned = Settings(profile=BEST.profile, level="best", learned_from=tmp_path / "l.aejets")
    for values, counts in (
        (jets[:0], np.zeros(0, np.int64)),
        (jets[:1], np.array([1])),
        (np.tile(jets[:1], (500, 1)), np.full(250, 2)),
    ):
        write_records(tmp_path / "x.root", [Records(VARIABLES, values, counts)], {})
        for settings in (BEST, learned):
            small = tmp_path / "x.aejets"
            facts = compress(None, [str(tmp_path / "x.root")], small, settings, step=silent)
            assert facts.learned == tuple(Archive(small).models())
            assert bool(facts.bits_per_record) == bool(len(counts))
            decompress(Archive(small), tmp_path / "b.root", step=silent)
            if len(counts):
                back = read_records([str(tmp_path / "b.root")], VARIABLES)
                assert BEST.profile.within(VARIABLES, values, back.values).all()


def test_an_output_is_no_input(root_file, tmp_path):
    path, _ = root_file
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is an input too"):
        compress(None, [str(path)], path, BEST, step=silent)
    assert path.read_bytes() == before


def test_inputs_that_say_different_things_of_events(jets, tmp_path):
    counts = np.array([50])
    with_number = Records(VARIABLES, jets[:50], counts, {"event": np.array([1])})
    write_records(tmp_path / "a.root", [with_number], {})
    write_records(tmp_path / "b.root", [Records(VARIABLES, jets[:50], counts)], {})
    with pytest.raises(DataError, match="differ in what they say of events"):
        compress(None, [str(tmp_path / "*.root")], tmp_path / "x.aejets", BEST, step=silent)


def test_entries_of_a_damaged_file(root_file, tmp_path, monkeypatch):
    path, _ = root_file
    monkeypatch.setattr("aefpga.codec.chunks.CHUNK_RECORDS", 60)
    monkeypatch.setattr("aefpga.data.reader.CHUNK_EVENTS", 10)
    small = tmp_path / "j.aejets"
    compress(None, [str(path)], small, Settings(profile=BEST.profile), step=silent)
    whole = Records.concatenate(list(Archive(small).iterate()))
    data = bytearray(small.read_bytes())
    steps = Archive(small).reader.member("chunks/000000/steps")
    data[data.index(steps) + 9] ^= 1
    small.write_bytes(data)
    archive = Archive(small, salvage=True)
    part = Records.concatenate(list(archive.iterate(100, 120)))
    np.testing.assert_array_equal(part.values, whole.between(100, 120).values)
    assert list(Archive(small, salvage=True).iterate(0, 3)) == []
    # A directory that names a chunk wrongly is found again from the members themselves.
    data[data.rindex(b"chunks/000001/steps") + 8] = ord("a")
    small.write_bytes(data)
    assert sum(map(len, Archive(small, salvage=True).iterate())) > 0


def test_an_archive_that_claims_too_much(tmp_path):
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        array, {"descr": "<i8", "fortran_order": False, "shape": (1 << 60,)}
    )
    events = io.BytesIO()
    with zipfile.ZipFile(events, "w") as archive:
        archive.writestr("counts.npy", array.getvalue())
    bomb = zlib.compress(bytes(100_000_000), 9)
    for content in (events.getvalue(), array.getvalue(), b"nonsense", bomb):
        with pytest.raises(DataError, match="events is damaged"):
            unpack_events(content, "here")
