import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from aefpga.errors import RunError, UsageError
from aefpga.normalise import Normaliser
from aefpga.runs import SCHEMA_VERSION, check_name, layout, open_run, seal
from aefpga.schema import JETS


def make(folder, contents=None, **changes):
    """A folder that says it is a run of these files, with their right checksums."""
    folder.mkdir(parents=True)
    files = dict.fromkeys((*layout.NEEDED, *layout.OF_NETWORK), b"") | (contents or {})
    for name, content in files.items():
        (folder / name).write_bytes(content)
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {"schema": SCHEMA_VERSION, "files": listed} | changes
    (folder / "run.json").write_text(json.dumps(manifest))
    return folder


def test_a_run_lists_the_files_that_it_needs(tmp_path):
    assert open_run(str(make(tmp_path / "a")), tmp_path).name == "a"
    for i, files in enumerate((None, [], ["a"], {}, {"config.yaml": 1}, "x", 7)):
        with pytest.raises(RunError, match=r"lists no files|does not list config\.yaml"):
            open_run(str(make(tmp_path / f"b{i}", files=files)), tmp_path)
    folder = make(tmp_path / "c")
    (folder / "encoder.json").write_text("{}")
    with pytest.raises(RunError, match=r"does not list decoder.onnx, encoder.json, encoder.npz"):
        open_run(str(folder), tmp_path)
    (tmp_path / "outside").write_bytes(b"")
    with pytest.raises(RunError, match="not in the run"):
        open_run(str(make(tmp_path / "d", {"../outside": b""})), tmp_path)


def test_a_run_that_was_just_made_knows_what_an_opened_one_does(tmp_path):
    folder = make(tmp_path / "a")
    made = seal(folder, tmp_path / "b", None, {"data": {"filled": ("muon_energy",)}})
    assert made.lacking == ("muon_energy",)
    assert made.manifest == open_run(str(made.folder), tmp_path).manifest


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "[" * 100_000, '{"schema": 2}', "\xff"]
)
def test_a_manifest_that_is_none_is_one_error(tmp_path, text):
    folder = make(tmp_path / "a")
    (folder / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(RunError, match="cannot be read"):
        open_run(str(folder), tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [(name, content) for name in ("config.yaml", "input.json", "normaliser.json")
     for content in (b"[" * 20_000, b"{\"a\": 2020-13-45}", b"\xff", b"7")]
    + [("config.yaml", b"a: 2020-13-45"), ("input.json", b'{"variables": 3}')],
)  # fmt: skip
def test_files_of_a_run_that_were_tampered_with(tmp_path, name, content):
    run = open_run(str(make(tmp_path / "a", {name: content})), tmp_path)
    with pytest.raises(RunError, match=name):
        getattr(run, name.split(".")[0])


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": "other"},
        {"variables": ["pt"]},
        {"variables": ["nonsense"]},
        {"variables": 3},
        {"maps": [{"kind": "affine", "offset": "0", "scale": 1}]},
        {"maps": [{"kind": "companded", "grid": 10**9, "mantissa": 10**9, "scale": 1.0}]},
        {"maps": [{"kind": "companded", "grid": 1, "mantissa": 10**400, "scale": 1.0}]},
        {"maps": [{"kind": ["affine"]}]},
        {"minimum": "a", "maximum": []},
        {"minimum": [0, 1], "maximum": [1, 2, 3]},
        {"minimum": 0, "maximum": 1},
    ],
)
def test_a_normaliser_of_nonsense_is_one_error(tmp_path, change):
    values = np.ones((3, 4), np.float32)
    config = Normaliser("physics", JETS.choose("4")).fit(values).get_config() | change
    checksum = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
    content = {"schema": 3, "checksum": checksum, **config}
    files = {"normaliser.json": _json(content), "config.yaml": b"data: {variables: 4}"}
    run = open_run(str(make(tmp_path / "a", files)), tmp_path)
    with pytest.raises(RunError, match=r"normaliser\.json cannot be read"):
        run.normaliser  # noqa: B018


def _json(content):
    return json.dumps(content).encode()


def test_test_jets_that_claim_too_much(tmp_path):
    header, archive = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 28, 24)}
    )
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("values.npy", header.getvalue())
    texts = io.BytesIO()
    np.savez(texts, values=np.array(["a"]))
    for i, content in enumerate((archive.getvalue(), texts.getvalue(), b"")):
        run = open_run(str(make(tmp_path / f"{i}", {"test_jets.npz": content})), tmp_path)
        with pytest.raises(RunError, match=r"test_jets\.npz is damaged"):
            run.test_records  # noqa: B018


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../evil", "a/b", "/tmp/x", "a\\b", ".hidden", "-x", "n" * 201, "a\nb"]
)
def test_names_that_no_run_can_have(name):
    with pytest.raises(UsageError, match="--name"):
        check_name(name)
    check_name("2026 Ünter [best]")


def test_a_schema_that_is_none_is_one_error(tmp_path):
    run = open_run(str(make(tmp_path / "a", {"schema.json": b"[" * 20_000})), tmp_path)
    with pytest.raises(RunError, match=r"schema\.json is damaged"):
        run.schema  # noqa: B018


def test_what_the_data_lacked_is_known_to_the_run(tmp_path):
    """Runs of version 0.1 call it zeros; the trainer's weights have another name there, too."""
    facts = {"data": {"filled": ["pt"]}}, {"data": {"zeros": ["pt"]}}
    for i, changes in enumerate(facts):
        assert open_run(str(make(tmp_path / f"{i}", **changes)), tmp_path).lacking == ("pt",)
    run = open_run(str(make(tmp_path / "a")), tmp_path)
    assert run.lacking == ()
    assert run.reference.name == "reference.npz"
    (run.folder / "keras_encoder.npz").write_bytes(b"")
    assert run.reference.name == "keras_encoder.npz"
