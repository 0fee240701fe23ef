import numpy as np
import pytest

from aefpga.data.reader import read_jets
from aefpga.data.sample import EMBEDDED, sample_path
from aefpga.data.simulate import PROCESSES, Simulation, simulate_block, simulator_versions
from aefpga.data.writer import read_provenance
from aefpga.errors import UsageError
from aefpga.variables import NAMES, SUMS

pytest.importorskip("pythia8mc", reason="simulation needs the extra `simulate`")
pytest.importorskip("fastjet", reason="simulation needs the extra `simulate`")


@pytest.mark.slow
def test_the_embedded_sample_is_what_its_command_makes():
    provenance = read_provenance(sample_path())
    if provenance["versions"] != simulator_versions():
        pytest.skip(f"the sample was made with {provenance['versions']}")
    block = simulate_block(EMBEDDED, 0)
    sample = read_jets([str(sample_path())], NAMES)
    assert np.array_equal(block.values, sample.values[: len(block)])
    assert np.array_equal(block.counts, sample.counts[: len(block.counts)])


def test_the_embedded_sample_is_large_and_small_enough():
    assert len(read_jets([str(sample_path())], ("pt",))) >= 60_000
    assert sample_path().stat().st_size <= 10_000_000


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_every_process_makes_jets_whose_sums_hold(process):
    jets = simulate_block(Simulation(process, events=20, seed=5), 0)
    assert len(jets.counts) == 20
    assert len(jets) > 20
    for name, terms in SUMS.items():
        assert np.allclose(jets.column(name), sum(jets.column(t) for t in terms), rtol=1e-6)
    energy = sum(jets.column(n).astype(float) for n in NAMES[9:16])
    momentum = jets.column("pt") * np.cosh(jets.column("eta").astype(float))
    assert np.allclose(energy, np.hypot(momentum, jets.column("mass")), rtol=1e-3)


def test_unknown_process():
    with pytest.raises(UsageError, match="ttbar"):
        Simulation("top")
