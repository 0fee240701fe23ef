"""A search: what is tried, given up, kept and said; trainings are stand-ins."""

import fcntl
import json
import os
import shutil
from types import SimpleNamespace

import pytest
from distributed import LocalCluster

from aefpga.errors import AefpgaError, DataError, UsageError
from aefpga.evaluation.merit import merit
from aefpga.firmware.estimate import estimate
from aefpga.runs.layout import REPORTS
from aefpga.search.figures import Figures
from aefpga.search.outcome import RUNS
from aefpga.search.space import load_search
from aefpga.search.trials import Trials
from aefpga.workflow import search as searching
from aefpga.workflow import search_front
from aefpga.workflow.search import BRIEF, TRIALS, search
from aefpga.workflow.summary import residuals
from aefpga.workflow.trial import Failed, Judged, build, train_in_full, try_briefly

SMALL = {
    "space": {"models": ["linear"], "latents": [3, 6], "latent_bits": [4, 6]},
    "data": {"max_jets": 600},
    "training": {"epochs": 1, "batch_size": 128},
}
FACTS = {
    "test_residual": 0.1,
    "headline": "pt",
    "headline_kind": "relative",
    "headline_unit": "GeV",
    "headline_residual": 0.02,
    "design": "24-3",
}


def stand_in(config):
    """An encoder's figures: more bits, less residual; wide weights cost and do not help."""
    bits = config.model.n_latent * config.quantization.widths.latent
    luts = 40.0 * config.model.n_latent * config.quantization.widths.weight
    residual = 1 / bits * (1 + 2 * (config.quantization.widths.weight > 6))
    return Judged(Figures(bits, luts, 12.5, residual), {"clock_period_ns": 2.5})


def brief(config, clock_periods_ns, runs, name):
    assert runs.name == BRIEF
    return stand_in(config)


def in_full(config, runs, name):
    assert config.firmware.clock_period_ns == 2.5
    judged = stand_in(config)
    return Judged(judged.figures, {**judged.facts, **FACTS})


def no_tool(run, projects):
    return Failed("Verilator is missing")


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler with a worker in this process, to which this module's functions may go."""
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as c:
        yield c.scheduler_address


@pytest.fixture
def stand_ins(monkeypatch):
    monkeypatch.setattr(searching, "try_briefly", brief)
    monkeypatch.setattr(searching, "train_in_full", in_full)
    monkeypatch.setattr(search_front, "build", no_tool)


def begin(folder, scheduler, trials=8, **options):
    return search(
        load_search(None, {**SMALL, **options}), folder, trials=trials, scheduler=scheduler
    )


@pytest.mark.usefixtures("stand_ins")
def test_what_is_outclassed_is_pruned_and_the_rest_is_a_front(tmp_path, scheduler):
    outcome = begin(tmp_path, scheduler, 12)
    assert outcome.counts["complete"] + outcome.counts["pruned"] == 12
    pruned = [t for t in outcome.trials if t.state == "pruned"]
    assert pruned
    assert all(t.figures is None and "costs no more" in t.reason for t in pruned)
    costs = {t.number: t for t in outcome.trials}
    for trial in pruned:
        better = costs[int(trial.reason.split()[1])]
        assert better.brief.outclasses(trial.brief, 2)
    found = [p.figures for p in outcome.points]
    assert not any(a.dominates(b) for a in found for b in found)
    saved = json.loads((tmp_path / "front.json").read_text())
    assert [p["run"] for p in saved["front"]] == [p.trial.name for p in outcome.points]
    assert saved["pruned"] == {t.name: t.reason for t in pruned}
    assert saved["front"][0]["luts_source"] == "da4ml's cost and the companders'"
    assert "Verilator is missing" in outcome.notes[0]
    table = (tmp_path / "front.md").read_text()
    assert table.count("\n") == len(found) + 2
    assert (tmp_path / "front.png").exists()
    assert (tmp_path / "front.pdf").exists()


@pytest.mark.usefixtures("stand_ins")
def test_a_search_goes_on_where_it_was_interrupted(tmp_path, scheduler, monkeypatch):
    whole = begin(tmp_path / "whole", scheduler)

    def interrupted(what, done, total, note=""):
        if done == 5:
            raise KeyboardInterrupt

    config = load_search(None, SMALL)
    with pytest.raises(KeyboardInterrupt):
        search(config, tmp_path / "a", trials=8, scheduler=scheduler, step=interrupted)
    assert len(Trials(tmp_path / "a" / TRIALS, config).ended()) == 5
    steps = []
    again = search(
        config, tmp_path / "a", trials=8, scheduler=scheduler, step=lambda *x: steps.append(x[:3])
    )
    assert steps[0] == ("trials", 5, 8)
    assert again.trials == whole.trials
    with pytest.raises(
        UsageError, match=r"search: limits.luts is nothing there and 9 here; .* --config"
    ):
        begin(tmp_path / "a", scheduler, limits={"luts": 9})


@pytest.mark.usefixtures("stand_ins")
def test_limits_that_nothing_keeps_are_an_error_with_the_nearest(tmp_path, scheduler):
    with pytest.raises(AefpgaError, match=r"keeps --max-luts 100 --max-latency 10; .* allow") as e:
        begin(tmp_path, scheduler, limits={"luts": 100, "latency_ns": 10})
    assert e.value.exit_code == 1
    trials = Trials(tmp_path / TRIALS, load_search(None, SMALL)).ended()
    assert {t.state for t in trials} == {"pruned"}
    assert "exceeds --max-luts 100 with" in trials[0].reason
    least = min(t.brief.luts for t in trials)
    assert f"--max-luts {least:.0f} --max-latency 13 " in str(e.value)
    assert not (tmp_path / "front.json").exists()


@pytest.mark.usefixtures("stand_ins")
def test_limits_hold_for_what_is_synthesized(tmp_path, scheduler, monkeypatch):
    def dearer(run, projects):
        report = {"tool": "Yosys", "tool_version": "1", "kind": "logic synthesis"}
        return {**report, "resources": {"lut": 801}, "latency_ns": 12.5}

    monkeypatch.setattr(search_front, "build", dearer)
    with pytest.raises(AefpgaError, match="801 LUTs"):
        begin(tmp_path, scheduler, 4, limits={"luts": 800})
    outcome = begin(tmp_path / "more", scheduler, 4, limits={"luts": 900})
    assert {p.figures.luts for p in outcome.points} == {801}


@pytest.mark.usefixtures("stand_ins")
def test_what_an_earlier_call_synthesized_is_taken_but_not_what_it_estimated(
    tmp_path, scheduler, monkeypatch
):
    def report(kind, lut):
        tool = {"tool": "Yosys", "tool_version": "1", "kind": kind}
        return {**tool, "resources": {"lut": lut}, "latency_ns": 12.5}

    first, second, *_ = begin(tmp_path, scheduler).points
    for point, kind in ((first, "logic synthesis"), (second, "cost model")):
        reports = tmp_path / RUNS / point.trial.name / REPORTS
        reports.mkdir(parents=True)
        (reports / "synthesis-xcvu9p.json").write_text(json.dumps(report(kind, 1)))
    monkeypatch.setattr(search_front, "build", lambda *_: report("logic synthesis", 2))
    found = {p.trial.name: p.figures.luts for p in begin(tmp_path, scheduler).points}
    assert (found[first.trial.name], found[second.trial.name]) == (1, 2)


def test_an_estimate_is_no_synthesis(tmp_path, tiny_run, monkeypatch):
    estimated = SimpleNamespace(kind="cost model")
    monkeypatch.setattr("aefpga.workflow.trial.synthesize", lambda *_, tool: estimated)
    assert "Yosys could not be used" in build(tiny_run.folder, tmp_path).reason


@pytest.mark.usefixtures("stand_ins")
def test_a_trial_that_fails_says_why(tmp_path, scheduler, monkeypatch):
    monkeypatch.setattr(searching, "train_in_full", lambda *_: Failed("it diverged"))
    with pytest.raises(AefpgaError, match=r"none of 2 trials could be trained: it diverged"):
        begin(tmp_path, scheduler, 2)
    monkeypatch.setattr(searching, "train_in_full", lambda *_: 1 / 0)
    with pytest.raises(AefpgaError, match="its worker failed: division"):
        begin(tmp_path / "b", scheduler, 1)


def test_what_cannot_be_searched_is_refused_before_any_training(tmp_path, scheduler):
    with pytest.raises(DataError, match="5 jets are too few"):
        begin(tmp_path / "few", scheduler, data={"max_jets": 5})
    with pytest.raises(UsageError, match=r"--max-bits 5: .* is 12 bits"):
        begin(tmp_path / "bits", scheduler, limits={"bits": 5})
    assert not (tmp_path / "bits").exists()
    (tmp_path / "busy").mkdir()
    descriptor = os.open(tmp_path / "busy", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(UsageError, match="another call works on"):
            begin(tmp_path / "busy", scheduler)
    finally:
        os.close(descriptor)


def test_what_workers_find_of_a_run(tmp_path, tiny_run, tiny_config):
    shutil.copytree(tiny_run.folder, tmp_path / "tiny")
    spec = tiny_run.spec
    found = train_in_full(tiny_config, tmp_path, "tiny")
    expected = estimate(spec, [tiny_config.firmware.clock_period_ns])
    assert found.figures.cost == (spec.bits_per_jet, expected.luts, expected.latency_ns)
    quality = residuals(tiny_run)
    assert found.facts["test_residual"] == merit(quality, tiny_run.schema)
    assert found.facts["headline_residual"] == quality.variable("pt").residual.half_width_68
    # Chosen by other records than those that are shown.
    assert 0 < found.figures.residual != found.facts["test_residual"]
    brief = try_briefly(tiny_config, (2.5, 5.0), tmp_path, "tiny")
    assert brief.figures.residual == found.figures.residual
    assert brief.figures.latency_ns <= found.figures.latency_ns
    assert not (tmp_path / "tiny").exists()


def test_a_training_that_fails_is_a_reason(tmp_path, tiny_config):
    data = tiny_config.data.model_copy(update={"input": ("nothing.root",)})
    found = try_briefly(tiny_config.model_copy(update={"data": data}), (5.0,), tmp_path, "a")
    assert found == Failed("there is no file nothing.root; check the path")
