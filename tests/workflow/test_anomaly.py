"""From a run on events to a trigger in its specification, and what its scores find."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from aefpga.cli import app
from aefpga.config import load_config
from aefpga.configs import find_config
from aefpga.errors import DataError, RunError, ToolError, UsageError
from aefpga.fixedpoint import Emulator
from aefpga.progress import silent
from aefpga.report.findings import Findings
from aefpga.runs import open_run
from aefpga.trainers.calibrate import SPREAD_BITS, fit_input
from aefpga.workflow.anomaly import anomaly, doubts
from aefpga.workflow.anomaly_samples import background_of, signals_of
from aefpga.workflow.injection import inject

SIGNALS = {"a-4l", "h0-tautau", "hpm-taunu", "lq-btau"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    pytest.importorskip("qkeras", reason="training needs the extra `train`")
    from aefpga.workflow.train import train

    config = load_config(
        find_config("anomaly"),
        {
            "data": {"max_jets": 5000},
            "training": {"epochs": 3, "quantized_epochs": 2, "batch_size": 128},
        },
    )
    folder = tmp_path_factory.mktemp("runs")
    train(config, folder, "vae")
    return folder


@pytest.fixture
def run(runs):
    return open_run("vae", runs)


def test_latents_of_a_variational_encoder_do_not_collapse(run):
    words = Emulator(run.spec).encode(run.test_records)
    spread = run.spec.latent_type.to_values(words).std(axis=0)
    assert (spread > 0.1).sum() >= 4
    # Its prior's unit is theirs, in floating point and in words.
    assert spread.max() < 4


def test_inputs_of_scale_spread_are_read_with_a_spread_of_one(run):
    read = run.input.scaled(run.test_records)
    assert 0.5 < read[:, run.schema.index("j1_pt")].std() < 2
    assert 0.5 < read[:, run.schema.index("mu1_eta")].std() < 2


def test_scales_differ_in_binary_points_alone(run):
    wide, spread = (
        fit_input(run.test_records, run.schema, 14, scale=scale) for scale in ("range", "spread")
    )
    np.testing.assert_array_equal(
        wide.to_words(run.test_records), spread.to_words(run.test_records)
    )
    assert (wide.exponent >= spread.exponent).all()
    assert (wide.exponent - spread.exponent <= SPREAD_BITS).all()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"kind": "modulo"}, "scale spread is not for modulo words"),
        ({"kind": "linear", "link_bits": 64}, "scale spread is not for"),
        ({"kind": "standard", "latent_activation": "leaky_relu"}, "scale spread needs linear"),
    ],
)
def test_what_has_no_spread_is_refused(model, message):
    with pytest.raises(UsageError, match=message):
        load_config(None, {"model": {"scale": "spread", **model}})


def test_the_command_judges_every_score_and_sets_the_trigger(run, runs, monkeypatch):
    pytest.importorskip("sklearn", reason="the ceiling needs the extra `baselines`")
    words = ["anomaly", "--runs", str(runs), "--rate", "0.02", "--score", "absolutes"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "the background's rate is" in result.output
    assert "next: aefpga csim --run vae" in result.output
    content = json.loads((run.folder / "anomaly.json").read_text())
    scores, chosen = content["scores"], content["trigger"]["chosen"]
    assert list(scores)[:6] == [
        "sum of absolutes", "sum of squares", "largest", "reconstruction error", "divergence",
        "leptons counted, then their pt",
    ]  # fmt: skip
    for found in scores.values():
        assert set(found["signals"]) == SIGNALS
        assert 0.3 < found["signals"]["a-4l"]["auc"]["value"] < 1
    assert scores["boosted trees"]["signals"]["a-4l"]["auc"]["value"] > 0.9
    assert scores["boosted trees"]["signals"]["a-4l"]["events"] == 1000
    accepted = content["trigger"]["accepted"].values()
    assert sum(share["value"] for share in accepted) == pytest.approx(1)
    assert (run.folder / "plots" / "anomaly_roc.pdf").exists()

    # What the firmware is to compute has the rate that was asked for.
    written = open_run("vae", runs)
    trigger = written.spec.trigger
    assert trigger.threshold == chosen["threshold"]
    # What is written is what a page reads.
    assert Findings.of(written, {}).anomaly.own == "sum of absolutes"
    bits = Emulator(written.spec).outputs(written.input.to_words(written.test_records))[:, -1]
    assert bits.mean() == pytest.approx(chosen["rate"]["value"])
    assert 0 < bits.mean() <= 2e-2
    assert content["trigger"]["neighbour"]["rate"]["value"] > 2e-2

    # A channel that was judged already, of the same signals: the best of both is the same.
    def absent(*arguments):
        raise ToolError("scikit-learn is not here")

    monkeypatch.setattr("aefpga.workflow.anomaly.supervised", absent)
    monkeypatch.setattr("aefpga.workflow.anomaly.plot_anomaly", lambda *_, **__: None)
    again = anomaly(written, rate=2e-2, channels=[written])
    assert again.notes[0] == "no boosted trees: scikit-learn is not here"
    for name, summary in again.summaries.items():
        assert vars(summary) == scores[name]["total_improvement"]


def test_a_score_that_is_worse_than_chance_or_than_counting_says_so():
    areas = {
        "sum of squares": {"a-4l": 0.4, "lq": 0.6, "h0": 0.8},
        "objects counted": {"a-4l": 0.3, "lq": 0.7, "h0": 0.7},
        "reconstruction error": {"a-4l": 0.9, "lq": 0.9, "h0": 0.9},
    }
    found = {
        title: {name: SimpleNamespace(auc=SimpleNamespace(value=x)) for name, x in of.items()}
        for title, of in areas.items()
    }
    kinds = dict(zip(areas, ("firmware", "no network", "offline"), strict=True))
    chance, counting = doubts("sum of squares", found, kinds)
    assert "worse than chance, an AUC below 0.5, for a-4l:" in chance
    assert counting.endswith("a larger AUC than the sum of squares for lq")
    found["sum of squares"] = found["reconstruction error"]
    assert doubts("sum of squares", found, kinds) == []


def test_a_share_of_signal_is_trained_on_and_sought(run):
    background, signals = (f(run, (), None, silent) for f in (background_of, signals_of))
    only = {"a-4l": signals["a-4l"]}
    [found] = inject(run, background, only, 0.01, 2e-2, "squares")
    assert found.trained_with == round(0.01 / 0.99 * 2250)
    for finding in (found.clean, found.contaminated):
        # It finds more of the signal than of the rest, and what passes has more of it.
        assert 0.02 < finding.efficiency.value < 1
        assert 0.01 < finding.purity.value < 1
    with pytest.raises(UsageError, match=r"--inject 0\.9 of a-4l is 20250 of 2,250"):
        next(inject(run, background, only, 0.9, 2e-2, "squares"))


def test_signals_and_background_keep_labels_and_weights(run, tmp_path):
    background = background_of(run, (), None, silent)
    assert set(background.judged.processes) <= {"w", "z", "qcd", "ttbar"}
    np.testing.assert_array_equal(background.judged.values, run.test_records)
    lines = [
        f"{i};p{i % 2};{weight};50000;0.1;e-,60000,{pt},0.5,1"
        for i, (weight, pt) in enumerate([*[(1, 40000), (3, 50000)] * 10, (-1, 60000)])
    ]
    (tmp_path / "signal.csv").write_text("\n".join(lines[:20]) + "\n")
    signals = signals_of(run, [str(tmp_path / "signal.csv")], None, silent)
    assert {n: set(s.weights) for n, s in signals.items()} == {"p0": {1.0}, "p1": {3.0}}
    (tmp_path / "negative.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match="1 of 21 weights are negative"):
        signals_of(run, [str(tmp_path / "negative.csv")], None, silent)
    (tmp_path / "few.csv").write_text("\n".join(lines[:2]) + "\n")
    with pytest.raises(DataError, match="there are 1 events of the signal p0; at least 10"):
        signals_of(run, [str(tmp_path / "few.csv")], None, silent)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 1.5}, "--rate 1.5: a share"),
        ({"rate": 0.1, "shares": [2.0]}, "--inject 2: a share"),
        ({"rate": 1e-6}, "--rate 1e-06 cannot be seen in 2,250 background"),
    ],
)
def test_what_cannot_be_is_refused(run, options, message):
    with pytest.raises((UsageError, DataError), match=message):
        anomaly(run, **options)


def test_a_run_whose_files_are_others_now_is_refused(run):
    config = run.config.model_copy(
        update={"training": run.config.training.model_copy(update={"seed": 7})}
    )
    run.__dict__["config"] = config
    with pytest.raises(RunError, match="no longer holds the events"):
        background_of(run, (), None, silent)


def test_jets_need_signals(tiny_run):
    with pytest.raises(UsageError, match="no embedded signals of jets"):
        anomaly(tiny_run, rate=0.1)
