"""Every shipped configuration can be read, and is what its name says."""

import pytest

from aefpga import configs
from aefpga.config import load_config
from aefpga.errors import UsageError
from aefpga.workflow.study import load_study

LAYOUTS = {
    "econt": "48-16",
    "anomaly": "57-32-16-8",
    "linear_24d": "24-15",
    "linear_24d_10bit": "24-15",
    "linear_24d_90bit": "24-13",
    "standard_24d": "24-64-32-15",
    "linear_path_24d": "24-24-12",
    "sparse_l1_24d": "24-64-32-15",
    "study_19d": "19-200-100-50-15",
    "study_24d": "24-200-100-50-15",
    "study_4d": "4-200-100-50-3",
    "study_27d_200": "27-200-200-200-14",
    "study_27d_400": "27-400-400-200-20",
}


@pytest.mark.parametrize("name", configs.names(configs.STUDIES))
def test_a_study_has_so_many_runs(name):
    study = load_study(configs.find_config(name, configs.STUDIES))
    expected = {"study": 48, "equal_bits": 12, "table_6_1": 18, "table_6_3": 24, "textbook": 18}
    assert len(list(study.runs())) == expected[name]


@pytest.mark.parametrize("name", configs.names())
def test_a_configuration_is_what_its_name_says(name):
    config = load_config(configs.find_config(name), {})
    sizes = (len(config.data.columns()), *config.model.hidden, config.model.latent)
    assert "-".join(map(str, sizes)) == LAYOUTS[name]
    assert config.model.batch_norm == ("27d" in name)


@pytest.mark.parametrize(
    ("variables", "latent"), [("28", 15), ("27", 15), ("24", 15), ("19", 15), ("4", 4)]
)
def test_no_more_latents_than_independent_variables_unless_asked(variables, latent):
    data = {"variables": variables}
    assert load_config(None, {"data": data}).model.latent == latent
    assert load_config(None, {"data": data, "model": {"latent": 20}}).model.latent == 20


def test_null_bits_stay_floating_point_and_eight_is_usual():
    assert load_config(None, {}).quantization.bits == 8
    assert load_config(None, {"quantization": {"bits": None}}).label == "linear-24d-float"


def test_kinds_say_what_is_trained():
    def model(*given):
        return load_config(None, {"model": dict(given)}).model

    assert model().kind == "linear"
    assert not model().hidden
    assert model(("kind", "standard")).hidden == (64, 32)
    assert model(("hidden", (9,))).kind == "standard"
    # As version 0.1 wrote linear encoders.
    assert model(("kind", "standard"), ("hidden", [])).kind == "linear"
    with pytest.raises(UsageError, match="a linear encoder has no hidden layers"):
        model(("kind", "linear"), ("hidden", (9,)))


def test_another_kind_than_the_files_has_its_own_layers(tmp_path):
    path = tmp_path / "linear.yaml"
    path.write_text("model: {kind: linear, hidden: []}\n")
    assert load_config(path, {"model": {"kind": "standard"}}).model.hidden == (64, 32)
    path.write_text("model: {kind: standard, hidden: [7]}\n")
    assert load_config(path, {"model": {"kind": "sparse-l1"}}).model.hidden == (7,)
