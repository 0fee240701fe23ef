import json
import shutil

import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.config import DataConfig, ModelConfig, TrainingConfig
from aefpga.configs import STUDIES, find_config
from aefpga.errors import AefpgaError, UsageError
from aefpga.workflow.study import StudyConfig, _one, load_study, study

TINY = StudyConfig(
    models={"linear": ModelConfig(latent=6)},
    normalisations=("min-max", "physics"),
    data=DataConfig(max_jets=2000),
    training=TrainingConfig(epochs=2, batch_size=128),
)


@pytest.mark.slow
def test_a_study_writes_tables_and_goes_on_where_it_stopped(tmp_path):
    steps = []

    def step(*what):
        steps.append(what)

    outcome = study(TINY, tmp_path, processes=1, step=step)
    assert steps[0] == ("runs", 0, 2)
    assert steps[-1] == ("runs", 2, 2)
    assert not outcome.failed
    assert [(r.model, r.normalisation) for r in outcome.results] == [
        ("linear", "min-max"),
        ("linear", "physics"),
    ]
    text = (tmp_path / "tables.md").read_text()
    assert text.startswith(
        "Trained on jets of the embedded sample, at most 2,000 read: 2 epochs, 2 "
    )
    first = outcome.results[0].qualities
    assert f"{first['float'].mse:.2e} / {first['quantized'].mse:.2e}" in text
    assert (tmp_path / "study-24d.png").exists()
    saved = json.loads((tmp_path / "study.json").read_text())
    assert saved["runs"][0]["qualities"]["float"]["mse"] == first["float"].mse
    # One result lost: only that is made again, from the run that is still there.
    (tmp_path / "results/linear-physics-24d-42.json").unlink()
    steps.clear()
    again = study(TINY, tmp_path, processes=1, step=step)
    assert steps == [("runs", 1, 2), ("runs", 2, 2)]
    assert again.results == outcome.results
    with pytest.raises(UsageError, match="another study"):
        study(TINY.model_copy(update={"seeds": (1, 2)}), tmp_path, processes=1, step=step)


def test_a_study_file_is_checked(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("models: {a: {hiden: [3]}}\n")
    with pytest.raises(UsageError, match="hiden"):
        load_study(path)
    for content, said in (
        (
            "models: {a: {kind: linear}}\nseeds: [-1]",
            r"seeds.0: expected greater than or equal",
        ),
        ("models: {a: {kind: linear}}\nnormalisations: [physic]", r"found 'physic'$"),
        ("models: {a: {kind: linear}}\nseeds: 3", r"seeds: expected a list, .* found 3$"),
        ("", "configuration: expected options with values"),
        ("seeds: [1]", "models: is missing"),
    ):
        path.write_text(content)
        with pytest.raises(UsageError, match=said):
            load_study(path)
    with pytest.raises(UsageError, match="cannot read"):
        load_study(tmp_path / "none.yaml")


def test_a_study_of_which_nothing_could_be_trained_is_an_error(tmp_path):
    missing = TINY.model_copy(update={"data": DataConfig(input=("nothere.root",))})
    with pytest.raises(
        AefpgaError, match=r"all 2 runs .* 2 as this: there is no file nothere.root"
    ):
        study(missing, tmp_path, processes=1)
    assert not (tmp_path / "tables.md").exists()


def test_what_the_data_lack_is_not_judged(tiny_run, tmp_path):
    folder = tmp_path / "runs/tiny"
    shutil.copytree(tiny_run.folder, folder)
    manifest = {**tiny_run.manifest, "data": {**tiny_run.manifest["data"], "filled": ["area"]}}
    (folder / "run.json").write_text(json.dumps(manifest))
    _one(tiny_run.config, "tiny", tmp_path)
    saved = json.loads((tmp_path / "results/tiny.json").read_text())
    assert saved["lacking"] == ["area"]
    assert "area" not in [v["name"] for v in saved["qualities"]["quantized"]["variables"]]


def test_the_shipped_study_varies_what_it_should():
    config = load_study(find_config("study", STUDIES))
    names = [name for name, _ in config.runs()]
    assert len(names) == len(set(names)) == 6 * 4 * 2
    run = dict(config.runs())["vae-four-momentum-19d-42"]
    assert (run.model.kind, run.data.variables) == ("vae", "19")


def test_runs_of_one_name_are_refused(tmp_path):
    twice = TINY.model_copy(update={"variables": ("19", "19")})
    with pytest.raises(UsageError, match="differ in the number of variables"):
        study(twice, tmp_path, processes=1)
    assert not list(tmp_path.iterdir())
