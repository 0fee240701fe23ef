"""Trials in their file: what is proposed, and what outlives an interruption."""

import pytest

from aefpga.errors import RunError
from aefpga.search.figures import Figures
from aefpga.search.space import load_search
from aefpga.search.trials import Trials

CONFIG = load_search(None, {"limits": {"luts": 3000}})


def figures(trial):
    """Figures that follow from what was chosen."""
    bits = trial.chosen["latents"] * trial.chosen["latent_bits"]
    luts = 40.0 * trial.chosen["latents"] * trial.chosen["weight_bits"]
    return Figures(bits, luts, 12.5, 1 / bits + 1 / luts)


def go_on(trials, until):
    """End trials until there are so many, every fifth one as pruned."""
    waiting = trials.running()
    while len(trials.ended()) < until:
        trial = waiting.pop(0) if waiting else trials.propose()
        trial = trials.keep_brief(trial, figures(trial), {"clock_period_ns": 2.5})
        if trial.number % 5 == 4:
            trials.prune(trial, "hopeless")
        else:
            trials.complete(trial, figures(trial), {"design": "24-15"})


def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path):
    whole = Trials(tmp_path / "whole.db", CONFIG)
    go_on(whole, 13)
    first = Trials(tmp_path / "killed.db", CONFIG)
    go_on(first, 11)
    lost = first.propose()
    again = Trials(tmp_path / "killed.db", CONFIG)
    assert again.running() == [lost]
    assert again.ended() == first.ended()
    go_on(again, 13)
    assert again.ended() == whole.ended()
    states = [t.state for t in again.ended()]
    assert states[4] == "pruned"
    assert again.ended()[4].reason == "hopeless"
    assert states.count("complete") == 11
    assert len({tuple(t.chosen.items()) for t in again.ended()}) == 13


def test_what_was_half_proposed_is_completed(tmp_path):
    trials = Trials(tmp_path / "trials.db", CONFIG)
    trials._ask().suggest_categorical("model", CONFIG.space.models)
    (found,) = Trials(tmp_path / "trials.db", CONFIG).running()
    assert CONFIG.run_config(found.chosen).model.n_latent == found.chosen["latents"]


def test_nothing_is_proposed_twice(tmp_path):
    space = {"models": ["linear"], "latents": [7, 7], "latent_bits": [5, 6], "weight_bits": [4, 4]}
    trials = Trials(tmp_path / "trials.db", load_search(None, {"space": space}))
    found = [trials.propose(), trials.propose()]
    assert {t.chosen["latent_bits"] for t in found} == {5, 6}
    assert trials.propose() is None
    for trial in found:
        trials.fail(trial, "diverged")
    assert [t.reason for t in trials.ended()] == ["diverged"] * 2


def test_a_damaged_file_is_one_clear_error(tmp_path):
    path = tmp_path / "trials.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(RunError, match=r"trials\.db is damaged"):
        Trials(path, CONFIG)
