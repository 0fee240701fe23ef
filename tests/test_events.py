"""The embedded events go all the way, from the sample to words, firmware's answers and back."""

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.config import load_config
from aefpga.data.reader import read_records
from aefpga.data.sample import signals_path
from aefpga.data.selection import select
from aefpga.schema import EVENTS, Cut
from aefpga.schema.relations import present
from aefpga.workflow.compress import Settings, compress, decompress

USUAL = EVENTS.choose()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    pytest.importorskip("qkeras", reason="training needs the extra `train`")
    from aefpga.workflow.train import train

    config = load_config(
        None,
        {
            "data": {"record": "events", "max_jets": 4000, "cuts": {"met_pt": {"least": 5}}},
            "training": {"epochs": 2, "batch_size": 128},
        },
    )
    return train(config, tmp_path_factory.mktemp("runs"), "events")


def test_the_run_knows_its_events_and_what_was_cut(run):
    assert run.schema == USUAL
    assert run.spec.input.variables == USUAL.names
    data = run.manifest["data"]
    assert data["read"] == 4000
    assert 0 < data["cut"]["met_pt"] < 1000
    assert data["train"] + data["validation"] + data["test"] == 4000 - data["cut"]["met_pt"]


def test_the_reference_agrees_with_the_emulator(run, tmp_path):
    from aefpga.workflow.csim import csim

    result = csim(run, tmp_path, without=("hls", "rtl"))
    assert result.is_exact


def test_signals_are_compressed_within_bounds_and_no_object_is_invented(run, tmp_path):
    profile, packed = Profile.relative(0.01), tmp_path / "signals.aejets"
    compress(run, [str(signals_path())], packed, Settings(profile=profile))
    decompress(Archive(packed), tmp_path / "back.root")
    events, back = (read_records([str(p)], USUAL) for p in (signals_path(), tmp_path / "back.root"))
    assert profile.within(USUAL, events.values, back.values).all()
    np.testing.assert_array_equal(present(USUAL, events.values), present(USUAL, back.values))
    kept, facts = select(events, [Cut(variable="lepton_pt", least=23)])
    assert len(kept) == 8000
    assert facts.cut == {"lepton_pt": 0}
