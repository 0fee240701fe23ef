"""A record that nothing under src/ knows of goes all the way, from a file to firmware and back."""

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.config import load_config
from aefpga.data.reader import read_records
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.schema import KINDS, Schema, Variable, register
from aefpga.workflow.compress import Settings, compress, decompress

HITS = Schema(
    name="hits",
    variables=(
        Variable(name="charge", unit="GeV", kind=KINDS["energy"], symbol="$Q$"),
        Variable(name="depth", unit="cm", kind=KINDS["position"]),
        Variable(name="cells", kind=KINDS["multiplicity"]),
    ),
)


@pytest.fixture(scope="module")
def hits(tmp_path_factory):
    """A file of hits, and what is in it."""
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 6, 500)
    cells = rng.poisson(4, counts.sum()) + 1
    charge = cells * rng.exponential(2.0, counts.sum())
    depth = rng.normal(30, 8, counts.sum())
    values = np.stack([charge, depth, cells], axis=1).astype(np.float32)
    records = Records(HITS, values, counts, {"event": np.arange(500)})
    path = tmp_path_factory.mktemp("hits") / "hits.root"
    write_records(path, [records], {"origin": "a test"})
    return path, records


@pytest.fixture(scope="module")
def run(hits, tmp_path_factory):
    pytest.importorskip("qkeras", reason="training needs the extra `train`")
    from aefpga.workflow.train import train

    register(HITS)
    path, _ = hits
    config = load_config(
        None,
        {
            "data": {"record": "hits", "input": [str(path)]},
            "model": {"latent": 3},
            "quantization": {"bits": 8},
            "training": {"epochs": 2, "batch_size": 64},
        },
    )
    return train(config, tmp_path_factory.mktemp("runs"), "hits")


def test_its_file_says_what_it_holds(hits):
    path, records = hits
    back = read_records([str(path)], HITS)
    assert back.schema == HITS
    np.testing.assert_array_equal(back.values, records.values)
    np.testing.assert_array_equal(back.counts, records.counts)


def test_it_becomes_firmware_word_for_word(run, tmp_path):
    from aefpga.workflow.csim import csim
    from aefpga.workflow.synthesize import synthesize

    assert run.schema == HITS
    result = csim(run, tmp_path)
    assert result.is_exact
    assert len(result.agreements) == 6
    report = synthesize(run, tmp_path)
    assert report.resources.lut > 0


def test_it_is_judged_in_its_own_units(run):
    from aefpga.workflow.evaluate import evaluate
    from aefpga.workflow.report import report

    quality = evaluate(run).qualities["quantized model"]
    assert [v.name for v in quality.variables] == ["charge", "depth", "cells"]
    assert quality.variable("depth").unit == "cm"
    assert quality.variable("charge").kind == "relative"
    assert quality.variable("cells").exact is not None
    page = report([run])[0].read_text()
    assert "depth [cm]" in page
    assert "test hits stay below" in page


@pytest.mark.parametrize("level", ["fast", "best"])
@pytest.mark.parametrize("scalar", [True, False])
def test_its_files_are_compressed_within_bounds(hits, run, tmp_path, scalar, level):
    path, records = hits
    profile = Profile.relative(0.01)
    settings = Settings(profile=profile, level=level, record=HITS)
    compress(None if scalar else run, [str(path)], tmp_path / "h.aejets", settings)
    archive = Archive(tmp_path / "h.aejets")
    assert archive.schema == HITS
    decompress(archive, tmp_path / "back.root")
    back = read_records([str(tmp_path / "back.root")], HITS)
    assert profile.within(HITS, records.values, back.values).all()
    np.testing.assert_array_equal(back.counts, records.counts)
