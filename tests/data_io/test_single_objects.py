import numpy as np
import pytest

from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.data.single import as_jets, columns_of
from aefpga.errors import DataError, ToolError, UsageError
from aefpga.schema import JETS
from aefpga.schema.relations import consistent
from aefpga.workflow.evaluate import evaluate


@pytest.fixture(scope="module")
def muons():
    return read_records([str(sample_path("events"))], columns_of("mu"), max_records=2000)


def test_a_muon_is_a_jet_of_one_particle(muons):
    schema = JETS.choose()
    usual = np.full(len(schema), 0.8, np.float32)
    jets = as_jets(muons, "mu", schema, usual)
    there = muons.values[:, ::3] > 0
    assert len(jets) == there.sum()
    np.testing.assert_array_equal(jets.column("pt"), muons.values[:, ::3][there])
    momentum = jets.column("pt") * np.cosh(jets.column("eta").astype(float))
    energy = np.hypot(momentum, jets.column("mass"))
    np.testing.assert_allclose(jets.column("charged_mu_energy"), energy, rtol=1e-6)
    assert (jets.column("charged_multiplicity") == 1).all()
    assert not jets.column("photon_energy").any()
    assert (jets.column("area") == np.float32(0.8)).all()
    # All that the schema says of jets holds.
    np.testing.assert_allclose(consistent(schema, jets.values), jets.values, rtol=1e-6)


def test_what_is_no_single_particle_or_not_there_is_refused(muons):
    with pytest.raises(UsageError, match="--object j: expected one of e, mu, g"):
        columns_of("j")
    photons = read_records([str(sample_path("events"))], columns_of("g"), max_records=100)
    with pytest.raises(DataError, match="no object of kind g in 100 events"):
        as_jets(photons, "g", JETS.choose(), np.zeros(24, np.float32))


def test_an_encoder_of_jets_is_judged_by_muons(tiny_run, monkeypatch):
    def absent(*arguments):
        raise ToolError("not here")

    monkeypatch.setattr("aefpga.workflow.evaluate._plot", lambda *arguments: None)
    monkeypatch.setattr("aefpga.firmware.hls.CSimulation", absent)
    found = evaluate(tiny_run, inputs=[str(sample_path("events"))], kind="mu", max_records=500)
    assert found.records == 500
    assert found.likeness.verdict == "unlike"
    assert found.folder.name == "embedded_events-mu"
    assert found.qualities[found.model].variable("pt").residual.records > 100
