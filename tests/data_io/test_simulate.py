from dataclasses import replace
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from aefpga.data.reader import read_records
from aefpga.data.records import Records
from aefpga.data.sample import JETS as EMBEDDED
from aefpga.data.sample import sample_path
from aefpga.data.simulate import JetSimulation, make_simulation, simulate, simulator_versions
from aefpga.data.simulate.jets import BATCH_EVENTS, BLOCK_EVENTS, PROCESSES
from aefpga.data.writer import read_provenance
from aefpga.errors import ToolError, UsageError
from aefpga.schema import JETS

pytest.importorskip("pythia8mc", reason="simulation needs the extra `simulate`")
pytest.importorskip("fastjet", reason="simulation needs the extra `simulate`")


@pytest.mark.slow
def test_the_embedded_sample_is_what_its_command_makes():
    provenance = read_provenance(sample_path())
    if provenance["versions"] != simulator_versions():
        pytest.skip(f"the sample was made with {provenance['versions']}")
    # A whole block and one batch of the next, on two processes: the sample was made on all cores.
    start = replace(EMBEDDED, events=BLOCK_EVENTS + BATCH_EVENTS)
    progress: list[tuple[object, ...]] = []
    made = Records.concatenate(list(simulate(start, 2, lambda *step: progress.append(step))))
    sample = read_records([str(sample_path())], JETS)
    assert np.array_equal(made.values, sample.values[: len(made)])
    assert np.array_equal(made.counts, sample.counts[: len(made.counts)])
    assert progress == [("events", done, start.events) for done in (BLOCK_EVENTS, start.events)]


def test_the_embedded_sample_is_large_and_small_enough():
    assert len(read_records([str(sample_path())], JETS.select(("pt",)))) >= 60_000
    assert sample_path().stat().st_size <= 10_000_000


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_every_process_makes_jets_whose_sums_hold(process):
    jets = JetSimulation(process, events=20, seed=5).block(0)
    assert len(jets.counts) == 20
    assert len(jets) > 20
    for name, terms in JETS.sums.items():
        assert np.allclose(jets.column(name), sum(jets.column(t) for t in terms), rtol=1e-6)
    energy = sum(jets.column(n).astype(float) for n in JETS.names[9:16])
    momentum = jets.column("pt") * np.cosh(jets.column("eta").astype(float))
    assert np.allclose(energy, np.hypot(momentum, jets.column("mass")), rtol=1e-3)


def test_without_pythia_the_extra_is_named(monkeypatch):
    def missing(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr("aefpga.data.simulate.pythia.version", missing)
    with pytest.raises(ToolError, match=r"pip install 'aefpga\[simulate\]'"):
        next(simulate(JetSimulation(events=1)))


def test_unknown_process():
    with pytest.raises(UsageError, match="ttbar"):
        JetSimulation("top")


def test_what_cannot_be_simulated_is_said():
    with pytest.raises(UsageError, match="expected jets, events, cells, images, regions"):
        make_simulation("clusters", {})
    with pytest.raises(UsageError, match="--mass is no option of simulated events"):
        make_simulation("events", {"mass": 80.0})
