"""Compressed files and runs whose checksums are right and whose content is drawn by chance."""

import hashlib
import io
import json
import resource
import zlib
from datetime import timedelta

import numpy as np
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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aefpga.codec.archive import Archive
from aefpga.codec.facts import compressed_facts
from aefpga.codec.verification import contradictions
from aefpga.errors import AefpgaError
from aefpga.runs import open_run
from aefpga.workflow.compress import decompress

NASTY = [
    None, True, -1, 0, 1, 7, 1 << 31, 1 << 70, 0.5, 1e308, 5e-324, "", "x", "\ud800", "pt",
    [], {}, [[]], [None], ["pt"], {"a": 1},
]  # fmt: skip
TYPES = ["?", "i1", "<i4", "<i8", "<u8", "<f4", "<f8", ">i8", "<U3", "<c16"]


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


def json_changed(draw, content):
    """JSON with one value at a place of chance exchanged, left out or repeated."""
    whole = place = json.loads(content)
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        deeper = isinstance(place[key], dict | list) and place[key]
        if not deeper or draw(st.booleans()):
            break
        place = place[key]
    if draw(st.booleans()):
        place[key] = draw(st.sampled_from(NASTY))
    elif draw(st.booleans()):
        del place[key]
    elif isinstance(place, list):
        place += place
    else:
        place["more"] = place[key]
    if isinstance(whole, dict) and "checksum" in whole:
        rest = {k: v for k, v in whole.items() if k not in ("schema", "checksum")}
        whole["checksum"] = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    return json.dumps(whole).encode()


def arrays_changed(draw, content):
    """An archive of arrays, one of them of another type, shape or value, or missing."""
    with np.load(io.BytesIO(content)) as saved:
        arrays = dict(saved)
    name = draw(st.sampled_from(sorted(arrays)))
    array = arrays[name]
    match draw(st.sampled_from(["type", "shape", "value", "cut", "twice", "drop", "add"])):
        case "type":
            arrays[name] = array.astype(draw(st.sampled_from(TYPES)))
        case "shape":
            arrays[name] = array.reshape(draw(st.sampled_from([(-1, 1), (1, -1), (-1,)])))
        case "value" if array.size:
            array = arrays[name] = array.copy()
            value = draw(st.sampled_from([-(1 << 40), -129, -1, 0, 1, 255, 1 << 20, 1 << 40]))
            array.flat[draw(st.integers(0, array.size - 1))] = np.array(value).astype(array.dtype)
        case "cut":
            arrays[name] = array.ravel()[: draw(st.integers(0, 3))]
        case "twice":
            arrays[name] = np.tile(array, 2)
        case "drop":
            del arrays[name]
        case _:
            arrays[draw(st.sampled_from(["event/pt", "event/a b", "event/", "x"]))] = array
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def bytes_changed(draw, content):
    """Bytes with some of them written over, cut off or repeated."""
    found = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        # The start of a stream says how long it is.
        place = draw(st.integers(0, min(16, len(found))) | st.integers(0, len(found)))
        match draw(st.sampled_from(["write", "cut", "repeat"])):
            case "write":
                found[place : place + 4] = draw(st.binary(min_size=1, max_size=4))
            case "cut":
                del found[place:]
            case _:
                found[place:place] = found[:40]
    return bytes(found)


def member_changed(draw, name, content):
    """A member's content, changed in a way that goes deep."""
    if name.endswith(".json"):
        return json_changed(draw, content)
    if draw(st.booleans()):
        return bytes_changed(draw, content)
    if name.endswith(".npz"):
        return arrays_changed(draw, content)
    if name.endswith("events"):
        return zlib.compress(arrays_changed(draw, zlib.decompress(content)))
    if name.endswith("exact"):
        return zlib.compress(bytes_changed(draw, zlib.decompress(content) or bytes(16)))
    return bytes_changed(draw, content)


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
