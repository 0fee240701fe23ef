"""Compressed files and runs whose checksums are right and whose content is drawn by chance."""

import hashlib
import json
import resource
from datetime import timedelta

import pytest
from crafted import (
    make_file,
    make_model,
    members_of,
    rehashed,
    silent,
    table_of,
    with_learned_models,
    write_members,
)
from damage import bytes_changed, json_changed, member_changed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aefpga.codec.archive import Archive
from aefpga.codec.facts import compressed_facts
from aefpga.codec.verification import contradictions
from aefpga.errors import AefpgaError
from aefpga.runs import open_run
from aefpga.workflow.compress import decompress


@pytest.fixture(scope="module")
def files(jets, tmp_path_factory):
    """The members of three small files: scalar, with learned models, with an autoencoder."""
    folder = tmp_path_factory.mktemp("files")
    scalar = make_file(folder / "s.aejets", jets[:120])
    run = make_model(folder / "model", jets[:500])
    members = members_of(scalar)
    learned, coder = with_learned_models(members, *table_of(scalar, 0))
    for number in range(2):
        learned[f"chunks/{number:06d}/steps"] = coder.encode(*table_of(scalar, number))
    return [members, learned, members_of(make_file(folder / "a.aejets", jets[:120], run))]


@settings(
    max_examples=20,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_no_content_makes_reading_crash(files, tmp_path, data):
    members = dict(data.draw(st.sampled_from(files)))
    some = st.sampled_from(sorted(members.keys() - {"mimetype"}))
    changed = data.draw(st.lists(some, min_size=1, max_size=2, unique=True))
    for name in changed:
        members[name] = member_changed(data.draw, name, members[name])
    if "header.json" not in changed:
        members = rehashed(members)
    path = write_members(tmp_path / "x.aejets", members)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for salvage in (False, True):
        for read in (
            compressed_facts,
            contradictions,
            lambda archive: decompress(archive, tmp_path / "b.root", step=silent),
            lambda archive: list(archive.words()),
        ):
            try:
                read(Archive(path, salvage=salvage))
            except AefpgaError:
                continue
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@settings(
    max_examples=40,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_no_content_makes_opening_a_run_crash(tiny_run, tmp_path, data):
    names = [
        "config.yaml",
        "input.json",
        "normaliser.json",
        "encoder.json",
        "schema.json",
        "run.json",
    ]
    name = data.draw(st.sampled_from(names))
    contents = {p.name: p.read_bytes() for p in tiny_run.folder.iterdir() if p.is_file()}
    if name != "run.json":
        change = json_changed if name.endswith(".json") else bytes_changed
        contents[name] = change(data.draw, contents[name])
    manifest = json.loads(contents.pop("run.json"))
    manifest["files"] = {n: hashlib.sha256(c).hexdigest() for n, c in contents.items()}
    text = json.dumps(manifest).encode()
    contents["run.json"] = json_changed(data.draw, text) if name == "run.json" else text
    folder = tmp_path / "run"
    folder.mkdir(exist_ok=True)
    for n, content in contents.items():
        (folder / n).write_bytes(content)
    try:
        run = open_run(str(folder), tmp_path)
    except AefpgaError:
        return
    for part in ("config", "schema", "input", "normaliser", "spec", "test_records"):
        try:
            getattr(run, part)
        except AefpgaError:
            continue
