"""What users get wrong: one clear error each, with the exit code that the README states."""

import os
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import aefpga.cli
from aefpga.cli import main
from aefpga.config import RunConfig, load_config
from aefpga.errors import UsageError
from aefpga.yaml_files import read_yaml

LONG = "x" * 300
CONFIGS = {
    "date": b"training: {seed: 2020-13-45}",
    "brackets": b"[" * 20_000,
    "unhashable": b"model: {kind: [1]}",
    "infinite": b"firmware: {clock_period_ns: .inf}",
    "cuts": b"data: {cuts: [1], max_pt: 3}",
    "tag": b"training: {seed: !!timestamp soon}",
    "binary": b"\xff\xfe\x00\x01",
    "list": b"[1, 2]",
    "numbers": b"1: {2: 3}",
}


@pytest.mark.parametrize("content", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("verb", ["train", "study"])
def test_a_configuration_that_is_none_is_one_error(call, tmp_path, content, verb):
    (tmp_path / "c.yaml").write_bytes(content)
    said = call(verb, "--config", "c.yaml", expect=2)
    assert said.stderr.startswith("error: ")
    assert "c.yaml" in said.stderr
    assert not said.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["synthesize", "--clock-period", "inf"], 2, "finite"),
        (["synthesize", "--clock-period", "nan"], 2, "clock-period"),
        (["run", "--clock-period", "-1"], 2, "clock-period"),
        (["train", "--config", "."], 2, "folder"),
        (["train", "--name", LONG], 2, "1 to 200"),
        (["train", "--name", "../evil"], 2, "slashes"),
        (["csim", "--run", LONG], 1, "shorter name"),
        (["csim", "--jets", "0"], 2, "--jets"),
        (["train", "--record", "tracks"], 2, "unknown record"),
        (["train", "--variables", "pt,nothing"], 2, "no variable nothing"),
        (["compress", "--scalar", "--max-error", "1%", "a.root", "-o", ""], 2, "empty"),
        (["compress", "--scalar", "--max-error", "nan%", "a.root", "-o", "a.aejets"], 2, "nan%"),
        (["compress", "--scalar", "--max-error", "none.yaml", "a", "-o", "b.aejets"], 2, "none"),
        (["decompress", "a.aejets", "-o", "b.root", "--entries", "x:y"], 2, "FIRST:LAST"),
        (["decompress", "a.aejets", "-o", "b.root", "--entries", "7:7"], 2, "FIRST:LAST"),
        (["data", "inspect", LONG], 1, "no file"),
        (["data", "inspect", "."], 1, ". is a folder; name its files, such as '*.root'"),
        (["data", "inspect", os.devnull], 1, "is a device"),
        (["info", os.devnull], 1, "no file of compressed"),
        (["search", "--latents", "many"], 2, "--latents many: expected LEAST:MOST"),
        (["search", "--latents", "15:8"], 2, "such as [8, 15]"),
        (["search", "--latents", "7", "--max-bits", "30"], 2, "allow at least 35"),
        (["search", "--max-latency", "2"], 2, "one cycle of the fastest clock takes 2.5 ns"),
        (["search", "--model", "modulo", "--max-bits", "70"], 2, "space.link_bits of a --config"),
        (["search", "--model", "modulo", "--latents", "3:5"], 2, "are not of modulo words"),
        (["search", "--model", "cubic"], 2, "cubic"),
        (["study", "--quick", "--config", "equal_bits"], 2, "leave it out, or --config equal_bits"),
        (["search", "--latents", "30:40"], 2, "give at most --latents 19:19"),
        (["search", "--latents", "9:18", "--variables", "19"], 2, "at most --latents 9:17"),
        (["train", "--model", "modulo", "--latent-bits", "5"], 2, "give --link-bits for fewer"),
        (["train", "--model", "modulo", "--quantize", "6bit"], 2, "leave out quantization.bits"),
        (["search", "--part", "xcvu0p"], 2, "xcvu0p"),
        (["search", "--workers", "2", "--scheduler", "tcp://here:1"], 2, "of this machine"),
        (["search", "--config", "."], 2, "Is a directory"),
        (["nothing"], 2, "No such command"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_a_wrong_value_is_one_error(call, arguments, code, message):
    assert message in call(*arguments, expect=code).stderr


def test_a_file_where_a_folder_should_be_is_one_error(call, tmp_path):
    (tmp_path / "file").write_text("")
    said = call("train", "--runs", "file/runs", "--max-jets", 100, expect=1)
    assert "Not a directory" in said.stderr


def test_an_unfinished_training_of_the_name_says_in_what_it_differs(call, tmp_path):
    folder = tmp_path / "runs/.a.partial"
    folder.mkdir(parents=True)
    load_config(None, {"training": {"epochs": 7}}).save(folder / "config.yaml")
    said = call("train", "--name", "a", "--epochs", 3, expect=2).stderr
    assert "training.epochs is 7 there and 3 here and training.quantized_epochs is nothing" in said


def test_names_are_shown_as_they_are_and_steer_nothing(call):
    said = call("train", "--input", "\x1b[31m[red]a:b: \u202e.root", expect=1)
    assert "\\x1b[31m[red]a:b: \\u202e.root" in said.stderr
    assert "\x1b" not in said.stderr


def test_what_nobody_foresaw_is_a_line_and_a_file(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["aefpga", "train"])
    monkeypatch.setattr(aefpga.cli, "app", lambda: {}["lost"])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.delenv("AEFPGA_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    (written,) = tmp_path.glob("aefpga-*.txt")
    assert "Traceback" in written.read_text()
    said = capsys.readouterr().err
    assert "KeyError: 'lost'" in said
    assert os.fspath(written) in said
    assert "Traceback" not in said
    monkeypatch.setenv("AEFPGA_DEBUG", "1")
    with pytest.raises(KeyError):
        main()


AWKWARD = [
    None, True, -1, 10**30, 1e308, float("inf"), float("nan"), "", "24", "pt,,eta", "x" * 300,
    [], [1], ["a", None], [[]], {}, {"pt": 3}, {"a": [1]}, {1: 2},
]  # fmt: skip
NAMES = {
    section: st.sampled_from([*field.annotation.model_fields, "max_pt"])
    for section, field in RunConfig.model_fields.items()
}


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            s: st.dictionaries(n, st.sampled_from(AWKWARD), max_size=3) for s, n in NAMES.items()
        },
    )
)
def test_any_values_are_a_configuration_or_a_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    try:
        load_config(path, {})
    except UsageError as error:
        said = str(error)
    else:
        return
    assert said


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="[]{}:,-!&*?|>'\"%@`# \nab01.", max_size=40))
def test_any_text_is_yaml_or_a_clear_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_text(text)
    try:
        read_yaml(path)
    except UsageError as error:
        said = str(error)
    else:
        return
    assert str(path) in said
