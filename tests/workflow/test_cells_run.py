"""Cells go all the way: a run that sends their sum beside latent words, judged and compressed."""

import json

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.config import load_config
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.data.writer import write_records
from aefpga.errors import ToolError
from aefpga.firmware import hls
from aefpga.report.findings import Findings
from aefpga.report.judged_blocks import residuals
from aefpga.report.verdicts import verdicts
from aefpga.runs.autoencoder import Autoencoder, FloatAutoencoder
from aefpga.schema import CELLS
from aefpga.workflow.compress import Settings, compress, decompress
from aefpga.workflow.evaluate import evaluate
from aefpga.workflow.train import train

pytest.importorskip("qkeras", reason="training needs the extra `train`")
pytest.importorskip("ot", reason="the earth mover's distance needs the extra `baselines`")
N = 1200


def _refuse(*arguments):
    raise ToolError("not in this test")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    options = {
        "data": {"record": "cells", "max_jets": N},
        "model": {"latent": 8},
        "quantization": {"bits": 4},
        "training": {"epochs": 2},
    }
    return train(load_config(None, options), tmp_path_factory.mktemp("runs"), "cells")


def test_the_sum_is_a_word_of_its_own(run):
    autoencoder, records = Autoencoder.of(run), run.test_records
    words = autoencoder.words(records)
    assert words.shape == (len(records), 9)
    assert run.spec.sent_type.holds(words)
    sums, back = records.sum(axis=1), autoencoder.decode(words)
    assert run.spec.input.total.values(words[:, -1]) == pytest.approx(sums, rel=0.032)
    # But for the rounding of 48 cells.
    assert np.abs(back.sum(axis=1) - sums).max() < 24 + 0.032 * sums.max()
    assert np.array_equal(back, np.rint(back))
    of_float = FloatAutoencoder.of(run).reconstruct(records)
    assert np.abs(of_float.sum(axis=1) - sums).max() < 24
    # What is twice as much everywhere has the same latent words.
    assert np.array_equal(autoencoder.latent(2 * records), autoencoder.latent(records))


def test_it_is_judged_as_cells_beside_plain_choices(run, monkeypatch):
    # It equals the quantized model, and takes long.
    monkeypatch.setattr(hls.CSimulation, "__init__", _refuse)
    result = evaluate(run)
    judged = result.cells
    assert judged.records == min(len(run.test_records), 2083)
    assert list(judged.schemes)[:3] == ["float model", "quantized model", "largest cells"]
    for name, quality in judged.schemes.items():
        assert name == "float model" or quality.bits <= run.spec.bits_per_jet
        assert 0 <= quality.distance.mean < 8
    written = json.loads((run.folder / "metrics.json").read_text())
    assert written["cells"]["unit"] == "cm"
    # Residuals of one cell are no measure of what bits are worth.
    assert written["worth"] is None
    beside = written["beside"]
    assert beside == vars(judged.beside("quantized model"))
    assert (run.folder / "plots/cells.png").stat().st_size > 10_000
    assert (run.folder / "plots/distances.png").stat().st_size > 10_000
    findings = Findings.of(run, {})
    assert findings.judged.cells == judged
    first = next(residuals(findings))
    assert "as cells" in first.title
    words = {v.question: v.word for v in verdicts(findings)}
    assert words["Closer than plain choices in as many bits?"] == beside["verdict"]


@pytest.mark.parametrize("bound", [None, 0.1])
def test_cells_are_compressed_by_a_run_within_bounds(run, tmp_path, bound):
    records = read_records([str(sample_path("cells"))], CELLS.choose(), max_records=500)
    write_records(tmp_path / "some.root", [records], {})
    profile = None if bound is None else Profile.relative(bound)
    packed = tmp_path / "cells.ae"
    compress(run, [str(tmp_path / "some.root")], packed, Settings(profile=profile))
    back, original = next(iter(Archive(packed).iterate())), records.values
    if profile is None:
        assert np.array_equal(back.values, Autoencoder.of(run).reconstruct(original))
    else:
        assert profile.within(CELLS.choose(), original, back.values).all()
    decompress(Archive(packed), tmp_path / "cells.root")
    assert np.array_equal(read_records([str(tmp_path / "cells.root")]).values, back.values)
