"""An encoder alone, as a run: which verbs take it, and what the others say."""

import json

import numpy as np
import pytest
import yaml

from aefpga.errors import DataError, RunError
from aefpga.firmware.parts import find_part
from aefpga.firmware.rtl import make_project, trace
from aefpga.report.findings import Findings
from aefpga.runs import layout, open_run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.workflow.activity import judge_activity
from aefpga.workflow.csim import csim
from aefpga.workflow.evaluate import evaluate
from aefpga.workflow.import_encoder import import_encoder
from aefpga.workflow.prove import prove
from aefpga.workflow.prune import prune
from aefpga.workflow.report import report
from aefpga.workflow.summary import describe


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    layer = {"name": "only", "weight": "ap_fixed<4,1>", "output": "ap_fixed<6,3,AP_RND,AP_SAT>"}
    content = {"input": {"type": "ap_fixed<6,2>"}, "layers": [layer]}
    (folder / "net.yaml").write_text(yaml.safe_dump(content))
    np.savez(folder / "net.npz", only_weight=np.array([[0.5, -1], [0.375, 0.125], [-0.25, 0.75]]))
    return folder / "net.yaml"


@pytest.fixture(scope="module")
def run(network, tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    import_encoder(network, runs, "theirs")
    return open_run("theirs", runs)


def test_its_words_are_compared(run, tmp_path):
    found = csim(run, tmp_path, without=("hls",))
    assert found.is_exact
    assert [(a.first, a.second) for a in found.agreements] == [("emulator", "RTL")]
    assert found.jets == len(run.test_quantities()) == 2000
    assert found.computations == ("emulator", "RTL")
    assert "imported" in found.skipped["keras"]


def test_its_rtl_is_proven_as_it_was_last_made(run, tmp_path):
    folder = tmp_path / run.name / "rtl"
    slow = make_project(run.spec, 50.0, folder, find_part("xcku115").name)
    fast = trace(run.spec, run.firmware.clock_period_ns)
    assert slow.stages < fast.stages
    found = prove(run, tmp_path, limit_seconds=60)
    assert (found.verdict, found.latency_cycles) == ("proven", slow.stages + 1)
    # Nor does a comparison change what was proven.
    compared = csim(run, tmp_path, without=("hls",), max_jets=10)
    assert (compared.is_exact, compared.rtl_clock_period_ns) == (True, 50.0)
    assert prove(run, tmp_path, limit_seconds=60).sources == found.sources
    # Of the run's own clock, where what is there was changed.
    (folder / "src/encoder.v").write_text("// edited")
    found = prove(run, tmp_path, limit_seconds=60)
    assert (found.verdict, found.latency_cycles) == ("proven", fast.stages + 1)


@pytest.mark.parametrize(
    "verb",
    [
        evaluate,
        Autoencoder.of,
        judge_activity,
        lambda run: prune(run, run.folder.parent, "smaller"),
        lambda run: run.config,
        lambda run: run.input,
    ],
)
def test_verbs_that_need_a_training_say_what_is_missing(run, verb):
    with pytest.raises(RunError, match=r"run theirs is an encoder alone, imported from net\.yaml"):
        verb(run)


def test_its_page(run):
    path, missing = report([run])
    page = path.read_text()
    assert "What was imported" in page
    assert "net.yaml" in page
    assert {m.command.split()[1] for m in missing} <= {"csim", "synthesize", "prove"}
    assert not Findings.of(run, describe(run)).judged


def test_it_stands_beside_a_trained_run(run, tiny_run, tmp_path):
    path, _ = report([run, tiny_run], tmp_path / "both.html")
    assert "not all were judged" in path.read_text()


def test_words_that_were_tampered_with(run, tmp_path):
    path = run.folder / layout.TEST_WORDS
    before, manifest = path.read_bytes(), json.loads((run.folder / layout.MANIFEST).read_text())
    assert set(manifest["files"]) == set(layout.ALONE)
    try:
        for words in (np.full((2, 3), 99), np.zeros((2, 2), int), np.zeros((2, 3))):
            np.savez(path, words=words)
            with pytest.raises(RunError, match="does not match its checksum"):
                open_run(str(run.folder), tmp_path)
            with pytest.raises(RunError, match="damaged"):
                _ = type(run)(run.folder, run.manifest).test_quantities()
    finally:
        path.write_bytes(before)


def test_words_of_ones_own(network, tmp_path):
    own = np.array([[1, 2, -3], [31, -32, 0]])
    np.save(tmp_path / "own.npy", own)
    made = import_encoder(network, tmp_path / "runs", "a", inputs=tmp_path / "own.npy")
    assert np.array_equal(made.test_quantities(), own)
    for i, (words, reason) in enumerate((
        (own[:, :2], r"expected \(rows, 3\)"),
        (own.astype(float), "expected integers"),
        (own + 1, "the word 32 of x0 in row 1 is none: -32 to 31 are"),
        (np.array([[{}]], object), "no readable NumPy file"),
    )):  # fmt: skip
        np.save(tmp_path / "own.npy", words)
        with pytest.raises(DataError, match=reason):
            import_encoder(network, tmp_path / "runs", f"b{i}", inputs=tmp_path / "own.npy")
        assert not (tmp_path / "runs" / f"b{i}").exists()
