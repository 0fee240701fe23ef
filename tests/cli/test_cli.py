"""The command line, judged by exit code and message.

A process of its own is started where that is what is tested: limits, signals, other processes.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aefpga.files import sha256_of
from aefpga.fixedpoint import EncoderSpec, Tensor
from aefpga.runs import seal
from aefpga.schema import JETS


def aefpga(*arguments, cwd, expect=0, file_size=resource.RLIM_INFINITY):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))

    done = subprocess.run(
        [sys.executable, "-m", "aefpga", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "160", "AEFPGA_DEBUG": "1"},
        preexec_fn=limit,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def run_copy(tiny_run, tmp_path):
    """A folder with a copy of the tiny run, to be damaged at will."""
    # Other tests draw plots of the run.
    ignore = shutil.ignore_patterns("plots")
    shutil.copytree(tiny_run.folder, tmp_path / "runs" / "tiny", ignore=ignore)
    return tmp_path


def test_csim_is_exact_and_a_broken_weight_is_named(call, run_copy, tiny_run):
    found = call("csim", "--json", "--jets", 300)
    assert "next: aefpga synthesize --part xcvu9p" in found.stderr
    result = json.loads(found.stdout)
    assert len(result["agreements"]) == 6
    assert all(a["equal"] == a["words"] for a in result["agreements"])
    assert json.loads((run_copy / "runs/tiny/agreement.json").read_text()) == result
    assert result["encoder_hash"] == tiny_run.spec.hash
    assert {p.name for p in (run_copy / "hls_projects" / "tiny").iterdir()} == {"hls", "rtl"}
    _break_weight(run_copy / "runs" / "tiny", tiny_run)
    broken = call("csim", "--jets", 300, "--without", "hls", "--without", "rtl", expect=1)
    assert "part at layer hidden_2" in broken.stderr


def test_prove_leaves_a_certificate_and_refutes_edited_verilog(call, run_copy, tiny_run):
    found = json.loads(call("prove", "--json").stdout)
    assert found["verdict"] == "proven"
    assert json.loads((run_copy / "runs/tiny/proof.json").read_text()) == found
    assert found["encoder_hash"] == tiny_run.spec.hash
    project = run_copy / "hls_projects/tiny/rtl"
    sources = {str(p.relative_to(project)): sha256_of(p) for p in project.glob("src/**/*.v")}
    assert found["sources"] == sources
    wrapper = project / "src/encoder_wrapper.v"
    text = wrapper.read_text()
    first = re.search(r"bus_out\[(\d+):(\d+)\]", text)
    wrapper.write_text(text.replace(first[0], f"~{first[0]}", 1))
    said = call("prove", "--project", project, expect=1)
    assert "latent_0 refuted" in said.stderr
    assert "counterexample: latent_0 is" in said.stderr
    (project / "project.json").unlink()
    assert "project.json does not say" in call("prove", "--project", project, expect=2).stderr


def _break_weight(folder: Path, run) -> None:
    """Flip a weight's high bit in the second layer, with a specification that is whole again."""
    spec = EncoderSpec.load(folder)
    layer = spec.layers[1]
    words = layer.weight.words.copy()
    words[:, 0] = np.where(words[:, 0] > 0, words[:, 0] // 2, words[:, 0] + 3)
    broken = replace(layer, weight=Tensor(words, layer.weight.type))
    replace(spec, layers=(spec.layers[0], broken, *spec.layers[2:])).save(folder)
    partial = folder.with_name(".again")
    folder.rename(partial)
    seal(partial, folder, run.config, {"data": {}})


def test_evaluate_writes_figures_and_plots(run_copy):
    found = json.loads(aefpga("evaluate", "--json", cwd=run_copy).stdout)
    assert set(found["schemes"]) == {
        "float model",
        "quantized model",
        "C simulation",
        "truncation, fixed rate",
        "truncation + LZMA",
    }
    quantized, simulated = (found["schemes"][n] for n in ("quantized model", "C simulation"))
    assert quantized == simulated
    assert found["bits_per_record"]["quantized model"] == 36
    written = run_copy / "runs" / "tiny"
    assert json.loads((written / "metrics.json").read_text()) == found
    counted = json.loads((written / "histograms.json").read_text())
    assert list(counted["variables"]) == list(JETS.choose("24").names)
    assert len(counted["words"]) == 6
    plots = {p.name for p in (written / "plots").glob("*.png")}
    assert len(plots) == 6
    assert {p.stem for p in (written / "plots").glob("*.pdf")} == {Path(p).stem for p in plots}

    # Other jets are judged in a folder of their own.
    before = (written / "metrics.json").read_bytes()
    sample = Path(sys.modules["aefpga"].__file__).parent / "data/embedded_jets.root"
    found = aefpga("evaluate", "--input", sample, "--jets", 500, "--json", cwd=run_copy)
    content = json.loads(found.stdout)
    assert content["records"] == 500
    assert content["likeness"]["verdict"] == "like"
    assert 0 < content["likeness"]["distances"]["pt"] < 0.2
    other = run_copy / "runs/tiny/evaluations/embedded_jets"
    assert json.loads((other / "metrics.json").read_text()) == content
    assert (other / "plots/resolution.png").exists()
    assert (run_copy / "runs/tiny/metrics.json").read_bytes() == before


@pytest.mark.slow
def test_synthesize_with_the_open_flow(call, run_copy):
    found = json.loads(call("synthesize", "--part", "xcvu9p", "--tool", "open", "--json").stdout)
    assert found["kind"] == "logic synthesis"
    assert found["tool"] == "Yosys"
    assert found["interval_cycles"] == 1
    assert found["latency_ns"] == 5 * found["latency_cycles"]
    assert 0 < found["percent"]["lut"] < 10
    assert (run_copy / "runs/tiny/reports/synthesis-xcvu9p.json").exists()
    assert (run_copy / "runs/tiny/plots/synthesis-xcvu9p.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--quantize", "1bit"], "N from 2 to 16"),
        (["train", "--quantize", "banana"], "N from 2 to 16"),
        (["train", "--variables", "42"], "the sets are 28, 27, 24, 19, 4"),
        (["train", "--model", "cnn"], "model.kind"),
        (["train", "--config", "missing.yaml"], "missing.yaml"),
        (["csim"], "no run in runs/"),
        (["synthesize", "--run", "nothing"], "no run nothing"),
        (["data", "simulate", "--output", "x.root", "--process", "top"], "ttbar"),
        (["train", "--resume"], "no interrupted training"),
        (["train", "--resume", "--name", "b"], "no interrupted training b in runs/"),
        (["train", "--resume", "--epochs", "3", "--input", "a"], "leave out --input, --epochs"),
        (["evaluate", "--fail-if-unlike"], "--input"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_exits_2(call, tmp_path, arguments, message):
    assert message in call(*arguments, expect=2).stderr
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_reports_of_vendor_tools_are_read_and_nothing_is_built(call, run_copy):
    said = call("synthesize", "--from-reports", ".", "--tool", "open", expect=2)
    assert "leave out --tool" in said.stderr
    assert "no such folder" in call("synthesize", "--from-reports", "none", expect=1).stderr


def test_unknown_part_names_the_nearest(call, run_copy):
    assert "xcvu9p" in call("synthesize", "--part", "xcvu9", expect=2).stderr


@pytest.mark.parametrize(
    ("content", "message"), [(b"not a root file", "cannot be read"), (None, "there is no file")]
)
def test_bad_input_exits_1_and_leaves_no_run(call, tmp_path, content, message):
    if content is not None:
        (tmp_path / "jets.root").write_bytes(content)
    failed = call("train", "--quantize", "8bit", "--input", "jets.root", expect=1)
    assert message in failed.stderr
    assert not list(tmp_path.glob("runs/[!.]*"))


def test_an_empty_selection_says_what_was_cut(call, tmp_path):
    (tmp_path / "cut.yaml").write_text("data: {max_pt: 5.0}\n")
    failed = call("train", "--config", "cut.yaml", "--max-jets", 500, expect=1)
    assert "fail pt" in failed.stderr


def test_an_unknown_option_in_the_configuration_is_named(call, tmp_path):
    (tmp_path / "run.yaml").write_text("model: {hiden: [3]}\ntraining: {epochs: 0}\n")
    failed = call("train", "--config", "run.yaml", expect=2)
    assert "model: there is no option hiden; did you mean hidden?" in failed.stderr
    assert "training.epochs" in failed.stderr


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("encoder.npz", lambda p: p.write_bytes(p.read_bytes()[:-3]), "checksum"),
        ("decoder.onnx", lambda p: p.unlink(), "is missing"),
        (
            "run.json",
            lambda p: p.write_text(p.read_text().replace('"schema": 2', '"schema": 7', 1)),
            "run schema 7",
        ),
        ("run.json", lambda p: p.write_text("{"), "cannot be read"),
    ],
)
def test_a_changed_run_is_refused(call, run_copy, name, change, message):
    change(run_copy / "runs" / "tiny" / name)
    assert message in call("evaluate", expect=1).stderr


def test_activity_tells_what_pruning_saves(call, run_copy):
    found = json.loads(call("activity", "--prune", "smaller", "--json").stdout)
    assert (run_copy / found["pruned"] / "run.json").exists()
    assert [x["name"] for x in found["quantized"]] == ["inputs", "hidden_1", "hidden_2"]
    assert [len(x["firing"]) for x in found["float_model"]] == [24, 16, 8]
    silent = sum(share == 0 for x in found["quantized"][1:] for share in x["nonzero"])
    assert found["pruning"]["silent"] == silent
    assert 0 < found["pruning"]["lut_after"] <= found["pruning"]["lut_before"]
    assert "are zero for all" in call("activity").stderr
    assert (run_copy / "runs/tiny/plots/activity.png").exists()


def test_ctrl_c_leaves_nothing_and_the_training_resumes(tmp_path):
    command = [sys.executable, "-m", "aefpga", "train", "--quantize", "4bit", "--max-jets", "2000"]
    process = subprocess.Popen(
        [*command, "--epochs", "500", "--name", "long"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoint = tmp_path / "runs/.long.partial/checkpoints/quantized.npz"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [".long.partial"]
    done = json.loads(aefpga("train", "--resume", "--name", "long", "--json", cwd=tmp_path).stdout)
    assert done["run"] == "runs/long"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_is_the_exit_code(number, code):
    script = (
        "import signal, aefpga.cli as cli; "
        f"cli.app = lambda: signal.raise_signal({int(number)}); cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == code
    assert "interrupted" in done.stderr


def test_a_training_that_fails_at_once_is_not_in_the_way_of_the_next(call, tmp_path):
    for name, said in (("a", "nowhere.root"), ("../evil", "without slashes"), ("", "1 to 200")):
        arguments = ("--input", "nowhere.root", "--name", name, "--runs", tmp_path / "runs")
        failed = call("train", *arguments, expect=1 if name == "a" else 2)
        assert said in failed.stderr
    assert not [p for p in tmp_path.rglob("*") if p.name != "runs"]


def test_a_file_in_the_way_is_one_clear_error(call, run_copy):
    (run_copy / "runs/tiny/plots").write_text("in the way")
    failed = call("evaluate", expect=1)
    assert re.search(r"cannot write .*plots", failed.stderr)


@pytest.mark.parametrize("verb", ["train", "csim", "evaluate"])
def test_a_disk_that_fills_up_is_one_clear_error(run_copy, verb):
    """No file may grow beyond a few kB: what a full disk does, without filling one."""
    files = set(run_copy.rglob("*"))
    arguments = ["--max-jets", 2000, "--epochs", 2] if verb == "train" else ["--without", "keras"]
    arguments = [] if verb == "evaluate" else arguments
    failed = aefpga(verb, *arguments, cwd=run_copy, expect=1, file_size=4096)
    assert "free space or choose another folder" in failed.stderr
    assert not [p for p in set(run_copy.rglob("*")) - files if p.suffix in (".png", ".so", ".npz")]


def test_inspect_and_simulate(tmp_path):
    pytest.importorskip("pythia8mc", reason="simulation needs the extra `simulate`")
    aefpga("data", "simulate", "--output", "a.root", "--events", 30, "--seed", 3, cwd=tmp_path)
    aefpga(
        "data", "simulate", "--output", "b.root", "--events", 30, "--seed", 3, "--processes", 1,
        cwd=tmp_path,
    )  # fmt: skip
    a, b = (
        json.loads(aefpga("data", "inspect", f"{n}.root", "--json", cwd=tmp_path).stdout)
        for n in "ab"
    )
    assert a["events"] == 30
    assert a["sets"]["28"] == {"can_be_read": True, "missing": []}
    assert a["ranges"] == b["ranges"]


@pytest.mark.parametrize("name", ["scouting_nano.root", "nano_tt_v15.root"])
def test_real_files_train(call, shared_data, name):
    done = call("train", "--quantize", "8bit", "--epochs", 2, "--input", shared_data / name)
    said = " ".join(done.stdout.replace("│", " ").split())
    assert "linear, 24-15" in said
    assert "normalisation physics" in said
    assert "next: aefpga csim --run" in done.stderr
    if "nano_tt" in name:
        assert "photon_multiplicity" in done.stderr
