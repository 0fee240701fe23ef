"""What `aefpga search` prints of a front; the search itself is a stand-in."""

import json

import pytest

from aefpga.search.figures import Figures
from aefpga.search.outcome import ESTIMATE, Outcome, Point
from aefpga.search.trials import Trial
from aefpga.workflow import search as searching

CHOSEN = {"model": "linear", "latents": 12, "latent_bits": 8, "weight_bits": 5}
FACTS = {
    "clock_period_ns": 3.125,
    "test_residual": 0.0123,
    "headline": "pt",
    "headline_kind": "relative",
    "headline_unit": "GeV",
    "headline_residual": 0.0345,
}


@pytest.fixture
def asked(monkeypatch):
    """What the search was asked for."""
    found = {}

    def stand_in(config, folder, **options):
        found.update(config=config, folder=folder, **options)
        figures = Figures(96, 2000.4, 12.5, 0.01)
        best = Trial(3, CHOSEN, "complete", "", figures, figures, FACTS)
        pruned = Trial(4, CHOSEN, "pruned", "trial 3 costs no more", figures)
        return Outcome([Point(best, figures, ESTIMATE)], [best, pruned], ["no Yosys"])

    monkeypatch.setattr(searching, "search", stand_in)
    return found


def test_the_front_is_a_table_and_names_its_runs(call, asked):
    said = call(
        "search", "--max-luts", 3000, "--max-latency", 20, "--model", "linear", "--latents", "8:12",
        "--weight-bits", 5, "--clock-period", 3.125, "--clock-period", 5, "--trials", 9, "--epochs",
        2, "--seed", 7, "--output", "found",
    )  # fmt: skip
    config = asked["config"]
    assert str(config.limits) == "--max-luts 3000 --max-latency 20"
    assert config.space.models == ("linear",)
    assert (config.space.latents, config.space.weight_bits) == ((8, 12), (5, 5))
    assert config.space.clock_periods_ns == (3.125, 5)
    assert (config.training.epochs, config.training.seed, asked["trials"]) == (2, 7, 9)
    assert "Front of 2 trials (1 complete, 1 pruned)" in said.stdout
    for cell in ("96", "2,000*", "12.5 ns", "1.23%", "3.45%"):
        assert cell in said.stdout
    assert "note: no Yosys" in said.stderr
    assert "aefpga csim --run found/runs/003-linear-12x8bit" in said.stderr


def test_json_has_the_front_and_why_trials_ended(call, asked):
    found = json.loads(call("search", "--json").stdout)
    (point,) = found["front"]
    assert (point["run"], point["luts"], point["bits"]) == ("003-linear-12x8bit", 2000.4, 96)
    assert point["chosen"] == CHOSEN
    assert found["pruned"] == {"004-linear-12x8bit": "trial 3 costs no more"}
    assert found["trials"] == {"complete": 1, "pruned": 1}
