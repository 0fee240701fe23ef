import numpy as np
import pytest

from aefpga.errors import UsageError
from aefpga.firmware.hls import CSimulation, HlsOptions, port_type, write_project
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words, random_spec

pytest.importorskip("hls4ml", reason="the C simulation needs the extra `firmware`")


def assert_exact(spec, folder, options=None):
    words = adversarial_words(spec, n_random=500)
    emulator, simulation = Emulator(spec), CSimulation(spec, folder, options)
    assert np.array_equal(simulation(words), emulator(words))
    return simulation, words


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("bits", [4, 6, 8, 10, 12])
def test_every_word_equals_the_emulator(tmp_path, bits, activation):
    assert_exact(random_spec((24, 32, 15), bits, activation=activation), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(24, 64, 32, 15), (24, 200, 100, 50, 15)])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_compact_and_full_size(tmp_path, sizes, activation):
    assert_exact(random_spec(sizes, 8, activation=activation, input_bits=14), tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        HlsOptions(strategy="Resource", reuse_factor=4),
        HlsOptions(strategy="distributed_arithmetic"),
        HlsOptions(backend="Vivado"),
    ],
    ids=lambda o: f"{o.backend}-{o.strategy}",
)
def test_every_strategy_and_backend(tmp_path, options):
    assert_exact(random_spec((24, 16, 8), 8), tmp_path, options)


def test_traces_equal_layer_by_layer(tmp_path):
    spec = random_spec((24, 16, 12, 8), 8, activation="leaky_relu")
    simulation, words = assert_exact(spec, tmp_path)
    for found, expected in zip(simulation.trace(words), Emulator(spec).trace(words), strict=True):
        assert np.array_equal(found, expected)


def test_the_port_holds_every_input_exactly():
    spec = random_spec((24, 16, 8), 8, input_bits=14)
    words = adversarial_words(spec)
    values = spec.input.network_type.to_values(words)
    port = port_type(spec)
    assert np.array_equal(port.to_values(port.to_words(values)), values)


def test_projects_are_complete_and_hold_no_path_of_this_machine(tmp_path):
    spec = random_spec((24, 16, 8), 8)
    folder = tmp_path / "project"
    words = adversarial_words(spec)[:50]
    write_project(spec, folder, HlsOptions(), words)
    for name in ("README.md", "build_prj.tcl", "project.tcl", "firmware/encoder.cpp"):
        assert (folder / name).stat().st_size > 0
    expected = np.loadtxt(folder / "tb_data/tb_output_predictions.dat")
    assert np.array_equal(expected, spec.latent_type.to_values(Emulator(spec)(words)))
    texts = [p for p in folder.rglob("*") if p.suffix in (".yml", ".tcl", ".sh", ".cpp", ".h")]
    assert not [p for p in texts if str(tmp_path) in p.read_text()]
    assert [p.name for p in tmp_path.iterdir()] == ["project"]


def test_distributed_arithmetic_has_no_reuse():
    with pytest.raises(UsageError, match="reuse factor must be 1"):
        HlsOptions(strategy="distributed_arithmetic", reuse_factor=4)
    with pytest.raises(UsageError, match="expected Latency"):
        HlsOptions(strategy="Fast")
