"""A pruned run is a run: smaller, the same words for its jets, and taken by other verbs."""

import numpy as np
import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.errors import UsageError
from aefpga.fixedpoint import Emulator
from aefpga.runs import open_run
from aefpga.runs.autoencoder import Autoencoder, FloatAutoencoder
from aefpga.trainers.registry import reference
from aefpga.workflow.activity import judge_activity
from aefpga.workflow.prune import prune
from aefpga.workflow.summary import describe


def test_a_pruned_run_computes_the_same_for_its_jets(tiny_run, tmp_path):
    report = judge_activity(tiny_run)
    silent = [x.silent for x in report.quantized[1:]]
    assert report.pruning.silent == sum(silent) > 0
    prune(tiny_run, tmp_path, "smaller")
    smaller = open_run("smaller", tmp_path)  # Checks every file against its checksum.
    assert smaller.spec.layout == f"24-{16 - silent[0]}-{8 - silent[1]}-6"
    assert smaller.config.model.decoder_layers == (8, 16)
    records = tiny_run.test_records
    words = tiny_run.spec.input.to_words(records)
    expected = Emulator(tiny_run.spec)(words)
    np.testing.assert_array_equal(Emulator(smaller.spec)(words), expected)
    np.testing.assert_array_equal(reference(smaller)(words), expected)
    np.testing.assert_array_equal(
        Autoencoder.of(smaller).reconstruct(records), Autoencoder.of(tiny_run).reconstruct(records)
    )
    FloatAutoencoder.of(smaller)
    assert f"run tiny without {sum(silent)} silent neurons" in describe(smaller)["encoder"]
    again = judge_activity(smaller)
    assert again.pruning.silent == 0
    assert again.pruning.lut_before == report.pruning.lut_after
    with pytest.raises(UsageError, match="nothing to prune"):
        prune(smaller, tmp_path, "smallest")
    with pytest.raises(UsageError, match="exists already"):
        prune(tiny_run, tmp_path, "smaller")


def test_a_run_by_another_trainer_is_not_pruned(tiny_run, tmp_path):
    training = tiny_run.config.training.model_copy(update={"trainer": "mine"})
    other = type(tiny_run)(tiny_run.folder, tiny_run.manifest)
    other.__dict__["config"] = tiny_run.config.model_copy(update={"training": training})
    with pytest.raises(UsageError, match="made by the trainer mine"):
        prune(other, tmp_path, "smaller")
