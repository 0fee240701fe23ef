"""Every shipped configuration can be read, and is what its name says."""

from pathlib import Path

import pytest

from aefpga.config import load_config
from aefpga.workflow.study import load_study

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
STUDIES = {"study", "equal_bits"}
LAYOUTS = {
    "physics_24d": "24-15",
    "standard_24d": "24-64-32-15",
    "sparse_l1_24d": "24-64-32-15",
    "study_19d": "19-200-100-50-15",
    "study_24d": "24-200-100-50-15",
    "study_4d": "4-200-100-50-3",
    "study_27d_200": "27-200-200-200-14",
    "study_27d_400": "27-400-400-200-20",
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_a_configuration_is_what_its_name_says(path):
    if path.stem in STUDIES:
        assert len(list(load_study(path).runs())) in (48, 12)
        return
    config = load_config(path, {})
    sizes = (len(config.data.columns()), *config.model.hidden, config.model.latent)
    assert "-".join(map(str, sizes)) == LAYOUTS[path.stem]
    assert config.model.batch_norm == ("27d" in path.stem)
