"""The options of a training: what they say of its configuration."""

import pytest

from aefpga import configs
from aefpga.cli.training import TrainingOptions
from aefpga.config import ModelConfig, RunConfig, load_config
from aefpga.errors import UsageError
from aefpga.workflow.study import load_study


def test_no_option_is_the_defaults_and_those_are_eight_bits():
    assert TrainingOptions().resolved() == RunConfig()
    assert RunConfig().quantization.bits == 8
    assert TrainingOptions(quantize="none").resolved().quantization.bits is None


def test_options_override_a_configuration():
    resolved = TrainingOptions(
        config="sparse_l1_24d", quantize="6bit", variables="pt, eta,phi", epochs=3, seed=1,
        inputs=["a.root"], max_jets=10, record="jets",
    ).resolved()  # fmt: skip
    assert resolved.model.kind == "sparse-l1"
    assert resolved.quantization.bits == 6
    assert resolved.data.columns().names == ("pt", "eta", "phi")
    assert (resolved.data.input, resolved.data.max_jets) == (("a.root",), 10)
    assert (resolved.training.epochs, resolved.training.quantized_epochs) == (3, 3)
    assert TrainingOptions(config="sparse_l1_24d").resolved().training.epochs == 150


def test_none_overrides_the_bits_of_a_configuration(tmp_path):
    (tmp_path / "c.yaml").write_text("quantization: {bits: 5}\n")
    path = str(tmp_path / "c.yaml")
    assert TrainingOptions(config=path).resolved().quantization.bits == 5
    assert TrainingOptions(config=path, quantize="none").resolved().quantization.bits is None


def test_a_file_comes_before_a_shipped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert configs.find_config("standard_24d") == configs.RUNS / "standard_24d.yaml"
    (tmp_path / "standard_24d").mkdir()
    assert configs.find_config("standard_24d") == configs.RUNS / "standard_24d.yaml"
    (tmp_path / "standard_24d").rmdir()
    (tmp_path / "standard_24d").write_text("{}")
    assert str(configs.find_config("standard_24d")) == "standard_24d"


@pytest.mark.parametrize("given", ["standard_42d", "configs/standard_24d.yml", ".", ""])
def test_an_unknown_configuration_names_those_there_are(given):
    with pytest.raises(UsageError, match="expected a YAML file"):
        configs.find_config(given)


def test_each_sort_of_word_has_an_option_for_its_width():
    given = {"weight_bits": 4, "activation_bits": 7, "latent_bits": 9, "bias_bits": 5}
    resolved = TrainingOptions(model="standard", quantize="6bit", **given).resolved()
    assert {name: getattr(resolved.quantization, name) for name in given} == given
    assert resolved.label == "standard-24d-4-7-9bit"


def test_words_may_share_the_bits_of_a_link():
    resolved = TrainingOptions(link_bits=90).resolved()
    assert (resolved.model.link_bits, resolved.label) == (90, "linear-24d-8bit-link90")
    assert TrainingOptions(model="modulo", link_bits=96).resolved().label == "modulo-24d-96bit"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"quantize": "none", "weight_bits": 5}, "weight_bits is of words"),
        ({"quantize": "learned", "model": "standard", "bias_bits": 5}, "bias_bits is for uniform"),
        ({"activation_bits": 5}, "a linear encoder has none"),
    ],
)
def test_a_width_that_nothing_has_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        TrainingOptions(**options).resolved()


def test_widths_of_a_configuration_go_with_its_bits(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("model: {kind: standard}\nquantization: {weight_bits: 5, latent_bits: 7}\n")
    learned = TrainingOptions(config=str(path), quantize="learned").resolved().quantization
    assert (learned.weight_bits, learned.latent_bits) == (None, 7)
    assert TrainingOptions(config=str(path), quantize="none").resolved().quantization.bits is None


@pytest.mark.parametrize(
    ("name", "kind", "label"),
    [
        ("econt", "linear", "linear-48d-6-5bit"),
        ("econt", "vae", "vae-48d-6-8-5bit"),
        ("linear_path_24d", "linear", "linear-24d-8bit-link90"),
        ("linear_path_24d", "modulo", "modulo-24d-90bit"),
        ("sparse_l1_24d", "modulo", "modulo-24d-88bit"),
        ("sparse_l1_24d", "adversarial", "adversarial-24d-8bit"),
        ("study_27d_400", "linear", "linear-27d-8bit"),
    ],
)
def test_another_kind_leaves_out_what_a_file_says_of_its_own(name, kind, label):
    config = TrainingOptions(config=name, model=kind).resolved()
    assert config.label == label
    assert config.model.penalty == ModelConfig(kind=kind).penalty
    assert TrainingOptions(config=name).resolved().label != label


def test_a_misspelt_option_is_corrected(tmp_path):
    path = tmp_path / "typo.yaml"
    path.write_text("training: {epoch: 3}\nmodel: {zzz: 1}\nquantization: {bits: 8}\n")
    with pytest.raises(UsageError) as error:
        load_config(path, {})
    assert "training: there is no option epoch; did you mean epochs?" in str(error.value)
    assert "model: there is no option zzz; kind, hidden, " in str(error.value)
    path.write_text("models: {a: {kind: linear, latents: 8}}\nseed: [3]\n")
    with pytest.raises(UsageError, match="there is no option seed; did you mean seeds"):
        load_study(path)
    path.write_text("models: {a/b: {kind: linear}}\nseeds: []\n")
    with pytest.raises(UsageError, match=r"(?s)a/b: names of models.*seeds: Tuple should have"):
        load_study(path)
