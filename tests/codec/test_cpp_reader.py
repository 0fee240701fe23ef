"""The reader in C++ returns what Python's returns, bit for bit, and survives damaged files."""

import csv
import json
import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from crafted import SCHEMA, make_file, make_model, members_of, write_members
from damage import member_changed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Task
from aefpga.codec.scalar import Scalar
from aefpga.codec.writer import create_archive
from aefpga.data.records import Records
from aefpga.errors import AefpgaError
from aefpga.schema import JETS, KINDS, STANDARD, Schema, Variable
from aefpga.schema.schema import ParticleClass, PhysicsObject

READERS = Path(__file__).parents[2] / "readers"
DATA = Path(__file__).parents[1] / "data"
CHECKED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
STRICT = ("-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
# A record of one's own, with all relations that the format knows.
HITS = Schema(
    name="hits",
    variables=tuple(
        Variable(name=name, kind=KINDS[kind], unit=unit, period=period)
        for name, kind, unit, period in (
            ("total", "energy", "GeV", None),
            ("b_eta", "angle", "", None),
            ("b_pt", "momentum", "GeV", None),
            ("a_pt", "momentum", "GeV", None),
            ("a_eta", "angle", "", None),
            ("e", "energy", "GeV", None),
            ("n", "multiplicity", "", None),
            ("turn", "angle", "\u00b0", 360.0),
            ("where", "position", "cm", None),
        )
    ),
    sums={"total": ("e", "a_pt", "b_pt")},
    classes=(ParticleClass(energy="e", count="n"),),
    objects=(
        PhysicsObject(pt="a_pt", rest=("a_eta",), kind="o"),
        PhysicsObject(pt="b_pt", rest=("b_eta",), kind="o"),
    ),
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A function that reads a file with the example program, compiled with checks."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    program = tmp_path_factory.mktemp("cpp") / "aejets_to_csv"
    source = READERS / "aejets_to_csv.cpp"
    command = [compiler, *STRICT, source, "-o", program]
    done = subprocess.run([*command, *CHECKED], capture_output=True, text=True, check=False)
    if done.returncode and "san" in done.stderr:
        # Some compilers come without the libraries that check.
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    limited = {**os.environ, "ASAN_OPTIONS": "hard_rss_limit_mb=500:max_allocation_size_mb=300"}

    def read(path):
        done = subprocess.run(
            [program, path], capture_output=True, text=True, check=False, env=limited
        )
        assert done.returncode in (0, 1), done.stderr
        assert "runtime error" not in done.stderr
        return done

    return read


def assert_same(done, path):
    """What was printed is what Python reads."""
    parts = list(Archive(path).iterate())
    n_events = sum(len(part.counts) for part in parts)
    n_records = sum(map(len, parts))
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{n_records} {parts[0].schema.name} in {n_events} events\n"
    names, *rows = csv.reader(done.stdout.splitlines())
    said = sorted(parts[0].events)
    assert names == ["entry", *said, *parts[0].names]
    columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    event = np.concatenate([np.repeat(np.arange(len(p.counts)), p.counts) for p in parts])
    starts = np.cumsum([0, *(len(part.counts) for part in parts)])
    event += np.repeat(starts[:-1], [len(part) for part in parts])
    assert columns["entry"] == tuple(map(str, event))
    for name in said:
        expected = np.concatenate([part.of_event(name, None) for part in parts])
        found = np.array(columns[name], np.float64 if expected.dtype == bool else expected.dtype)
        assert np.array_equal(found, expected), name
    for name in parts[0].names:
        expected = np.concatenate([part.column(name) for part in parts])
        found = np.array(columns[name], np.float32)
        assert np.array_equal(found.view(np.uint32), expected.view(np.uint32)), name


def written(path, records):
    codec = Scalar(Task(records.schema, profile=Profile.relative(0.01)))
    with create_archive(path, codec) as archive:
        archive.write(records)
    return path


def drawn(schema, n, seed):
    """Records in which much is 0, and some is out of every grid."""
    rng = np.random.default_rng(seed)
    values = rng.lognormal(1, 2, (n, len(schema))) * rng.choice([0, 1, 1, -1], (n, len(schema)))
    counted = [v.kind.is_count for v in schema.variables]
    values[:, counted] = np.rint(np.abs(values[:, counted]))
    for one in schema.objects:
        pt = schema.index(one.pt)
        values[:, pt] = np.abs(values[:, pt])
        values[np.ix_(values[:, pt] == 0, [schema.index(name) for name in one.rest])] = 0
    for particles in schema.classes:
        absent = values[:, schema.index(particles.count)] == 0
        values[absent, schema.index(particles.energy)] = 0
    for j, parts in schema.totals:
        if parts and seed % 2:
            values[:, j] = values[:, list(parts)].sum(axis=1)
    values[rng.random(values.shape) < 0.001] = 1e30
    return values.astype(np.float32)


def test_jets_with_what_is_said_of_events(reader, jets, tmp_path):
    counts = np.array([2, 0, 3, 1, 0] * 20)
    n = len(counts)
    events = {
        "run": np.arange(n).astype(np.uint32),
        "event": np.arange(n).astype(np.uint64) << 57,
        "luminosityBlock": np.arange(-50, 50).astype(np.int16),
        "genWeight": np.random.default_rng(1).normal(size=n),
        "weight": np.random.default_rng(2).normal(size=n).astype(np.float32),
        "good": np.arange(n) % 2 == 0,
        "process": np.array(["qcd", "", 't"t, t\u00fc\U0001f600', "w"] * 25),
    }
    records = Records(SCHEMA, jets[: counts.sum()], counts, events)
    path = written(tmp_path / "j.aejets", records)
    assert_same(reader(path), path)


@pytest.mark.parametrize("name", [*STANDARD, "hits"])
def test_every_record_comes_back_bit_for_bit(reader, tmp_path, name):
    schema = STANDARD.get(name, HITS)
    for seed, n in ((2, 100), (3, 300)):
        counts = np.ones(n, np.int64) if schema.one_per_event else np.full(n // 5, 5)
        records = Records(schema, drawn(schema, n, seed), counts)
        assert_same(reader(written(tmp_path / "r.aejets", records)), tmp_path / "r.aejets")


def test_other_bounds_chunks_and_tables_without_rows(reader, jets, tmp_path):
    path = make_file(tmp_path / "chunks.aejets", jets[:200])
    assert len(Archive(path).chunks()) > 1
    assert_same(reader(path), path)
    empty = Records(SCHEMA, jets[:0], np.zeros(3, np.int64))
    assert_same(reader(written(tmp_path / "e.aejets", empty)), tmp_path / "e.aejets")
    lacking = ("photon_energy", "muon_multiplicity")
    schema = SCHEMA.select(n for n in SCHEMA.names if n not in lacking)
    columns = [SCHEMA.index(n) for n in schema.names]
    part = Records(schema, jets[:300][:, columns], np.full(100, 3))
    codec = Scalar(Task(SCHEMA, lacking, Profile.relative(0.0003)))
    with create_archive(tmp_path / "l.aejets", codec) as archive:
        archive.write(part)
    assert_same(reader(tmp_path / "l.aejets"), tmp_path / "l.aejets")


def test_what_is_not_read_is_refused_with_the_reason(reader, jets, tmp_path):
    four = JETS.choose("4")
    path = written(tmp_path / "s.aejets", Records(four, jets[:40, :4], np.full(10, 4)))
    members = members_of(path)
    header = json.loads(members["header.json"])
    model = make_model(tmp_path / "model", jets[:500])
    for changed, said in (
        (make_file(tmp_path / "a.aejets", jets[:40], model), r"its codec, autoencoder, needs"),
        (DATA / "version2-fast.aejets", "it has version 2 of the format"),
        ({"schema": 99}, "it has version 99 of the format, this reads versions 3 to"),
        ({"learned": ["steps"]}, "it is of level best"),
        ({"options": {"is_gated": False}}, "its option is_gated is unknown"),
        ({"record": {"name": "banana", "variables": ["pt"]}}, "its record, banana, is none"),
        ({"record": {"name": "jets", "variables": ["pt", "b"]}}, "the jets have no variable b"),
        ({"max_error": None}, "momentum is missing"),
        (tmp_path / "none.aejets", "cannot read"),
    ):
        if isinstance(changed, dict):
            content = json.dumps({**header, **changed}).encode()
            changed = write_members(tmp_path / "c.aejets", {**members, "header.json": content})
        done = reader(changed)
        assert done.returncode == 1
        assert said in done.stderr
    content = path.read_bytes()
    for place in range(0, len(content), len(content) // 20):
        flipped = bytearray(content)
        flipped[place] ^= 4
        (tmp_path / "f.aejets").write_bytes(flipped)
        assert reader(tmp_path / "f.aejets").returncode == 1, place


@pytest.fixture(scope="module")
def files(jets, tmp_path_factory):
    """The members of two small files."""
    folder = tmp_path_factory.mktemp("files")
    path = written(folder / "h.aejets", Records(HITS, drawn(HITS, 60, 1), np.full(12, 5)))
    return [members_of(make_file(folder / "s.aejets", jets[:120])), members_of(path)]


@settings(
    max_examples=60,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_no_content_makes_it_crash(reader, files, tmp_path, data):
    members = dict(data.draw(st.sampled_from(files)))
    name = data.draw(st.sampled_from(sorted(members.keys() - {"mimetype"})))
    members[name] = member_changed(data.draw, name, members[name])
    path = write_members(tmp_path / "x.aejets", members)
    done = reader(path)
    if done.returncode == 0:
        try:
            list(Archive(path).iterate())
        except AefpgaError:
            return
        assert_same(done, path)
