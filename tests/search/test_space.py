import random

import pytest

from aefpga.errors import UsageError
from aefpga.search.space import SearchConfig, load_search


class Dice:
    """Chooses at random."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def suggest_int(self, name, low, high):
        assert low <= high
        return self.random.randint(low, high)

    def suggest_categorical(self, name, choices):
        return self.random.choice(choices)


def test_what_is_chosen_is_a_run_and_sends_no_more_bits_than_allowed():
    config = load_search(None, {"limits": {"bits": 52}})
    assert config.least_bits == 35
    seen = set()
    for seed in range(200):
        chosen = config.choose(Dice(seed))
        run = config.run_config(chosen, 3.125)
        assert run.model.n_latent * run.quantization.widths.latent <= 52
        assert run.firmware.clock_period_ns == 3.125
        assert len(run.model.hidden) == chosen.get("layers", 0)
        seen.add((run.model.kind, len(run.model.hidden)))
    assert seen == {("linear", 0), ("standard", 1), ("standard", 2)}


def test_the_short_training_is_a_share_of_both_stages():
    config = load_search(None, {"training": {"epochs": 20, "quantized_epochs": 2}, "brief": 0.1})
    chosen = config.choose(Dice(0))
    brief = config.brief_config(chosen).training
    assert (brief.epochs, brief.quantized_epochs) == (2, 1)
    assert config.run_config(chosen).training.epochs == 20


def test_modulo_words_have_bits_alone():
    space = {"models": ["modulo", "linear"], "latents": [4, 6]}
    config = load_search(None, {"space": space, "limits": {"bits": 90}})
    found = [config.choose(Dice(seed)) for seed in range(40)]
    modulo = [config.run_config(c).model for c in found if c["model"] == "modulo"]
    assert {m.kind for m in modulo} == {"modulo"}
    assert all(80 <= m.link_bits <= 90 for m in modulo)
    # Where they would send too much they are not proposed.
    config = load_search(None, {"space": space, "limits": {"bits": 79}})
    assert {config.choose(Dice(seed))["model"] for seed in range(40)} == {"linear"}


def test_latents_follow_from_the_record():
    assert SearchConfig().space.latents == (7, 19)
    four = load_search(None, {"data": {"variables": "4"}})
    assert four.space.latents == (2, 4)


def test_chosen_parameters_in_words():
    config = SearchConfig()
    chosen = {"model": "linear", "latents": 15, "latent_bits": 8, "weight_bits": 5}
    assert config.describe(chosen) == "24-15, words of 8 bits, weights of 5"
    deep = {**chosen, "model": "standard", "layers": 1, "neurons_1": 32, "activation_bits": 7}
    assert config.describe(deep) == "24-32-15, words of 8 bits, weights of 5, inner words of 7"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"space": {"latent_bits": [1, 4]}}, "space.latent_bits"),
        ({"space": {"latents": [9, 3]}}, r"such as \[3, 9\]"),
        ({"space": {"neurons": []}}, "space.neurons"),
        ({"space": {"models": ["quadratic"]}}, "found 'quadratic'"),
        ({"limits": {"power": 3}}, "limits: there is no option power; bits, luts"),
        ({"margin": 0.5}, "margin"),
    ],
)
def test_a_space_that_is_none_is_one_clear_error(given, said):
    with pytest.raises(UsageError, match=said):
        load_search(None, given)


def test_a_file_and_what_overrides_it(tmp_path):
    path = tmp_path / "search.yaml"
    path.write_text("space: {models: [linear], weight_bits: [3, 5]}\npart: xcku115\n")
    config = load_search(path, {"space": {"weight_bits": (4, 4)}, "limits": {}})
    assert (config.space.models, config.space.weight_bits) == (("linear",), (4, 4))
    assert config.part == "xcku115"
    path.write_text("[1]")
    with pytest.raises(UsageError, match="expected sections"):
        load_search(path, {})


def test_fewer_bits_than_the_space_can_send_are_refused_with_the_least():
    with pytest.raises(UsageError, match=r"--max-bits 30: .* is 35 bits; .* \(now 7 or more\)"):
        load_search(None, {"limits": {"bits": 30}}).check_limits()
