"""Fixtures that many tests share; the tiny run is trained once."""

import os
from pathlib import Path

import numpy as np
import pytest

from aefpga.config import load_config
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.legacy_keras import ask_for_legacy_keras
from aefpga.progress import silent
from aefpga.runs import Run
from aefpga.schema import JETS

# Tests look whether QKeras is there, which imports TensorFlow.
ask_for_legacy_keras()


# Trainings of which one worker takes care; those of the others come later, to the other worker.
TRAININGS = ("test_training.py", "test_kinds.py", "test_path.py")


def pytest_collection_modifyitems(items):
    """Slow tests first, so that two workers end together; then trainings, for one of them.

    What TensorFlow has compiled stays in memory: the other worker gets the trainings further down.
    """
    items.sort(key=lambda item: ("slow" not in item.keywords, item.path.name not in TRAININGS))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("AEFPGA_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(
            f"the folder of small real files is not here ({folder.name} beside the checkout)"
        )
    return folder


@pytest.fixture(scope="session")
def jets() -> np.ndarray:
    """4,000 jets of the embedded sample, 24 variables."""
    return read_records([str(sample_path())], JETS.choose("24")).values[:4000]


@pytest.fixture(scope="session")
def tiny_config():
    return load_config(
        None,
        {
            "data": {"max_jets": 3000},
            "model": {"hidden": (16, 8), "latent": 6},
            "quantization": {"bits": 6},
            "training": {"epochs": 2, "batch_size": 128},
        },
    )


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, tiny_config) -> Run:
    """A quantized run of a tiny network, through the real training."""
    pytest.importorskip("qkeras", reason="training needs the extra `train`")
    from aefpga.workflow.train import train

    return train(tiny_config, tmp_path_factory.mktemp("runs"), "tiny", step=silent)
