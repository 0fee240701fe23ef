import numpy as np
import pytest

from aefpga.errors import ToolError, UsageError
from aefpga.firmware.hls import CSimulation, HlsOptions, write_project
from aefpga.firmware.hls_layers import common_type, port_type
from aefpga.fixedpoint import Emulator, FixedType
from aefpga.fixedpoint.example import adversarial_words, random_spec

pytest.importorskip("hls4ml", reason="the C simulation needs the extra `firmware`")


def assert_exact(spec, folder, options=None):
    words = adversarial_words(spec, n_random=500)
    emulator, simulation = Emulator(spec), CSimulation(spec, folder, options)
    assert np.array_equal(simulation(words), emulator(words))
    return simulation, words


@pytest.mark.parametrize(
    ("bits", "activation", "rounding", "overflow", "per_neuron"),
    [
        (6, "leaky_relu", "RND", "SAT", False),
        (10, "leaky_relu", "RND_CONV", "SAT", False),
        (12, "relu", "TRN", "WRAP", False),
        (5, "relu", "RND_CONV", "SAT", True),
        (6, "leaky_relu", "RND", "WRAP", True),
        (7, "linear", "TRN", "SAT", True),
        (8, "relu", "RND_CONV", "WRAP", True),
        (9, "leaky_relu", "RND", "SAT", True),
    ],
)
def test_every_word_equals_the_emulator(tmp_path, bits, activation, rounding, overflow, per_neuron):
    spec = random_spec(
        (16, 12, 8),
        bits,
        activation=activation,
        rounding=rounding,
        overflow=overflow,
        per_neuron=per_neuron,
    )
    assert_exact(spec, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "activation"),
    [((24, 64, 32, 15), "relu"), ((24, 200, 100, 50, 15), "leaky_relu")],
)
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
def test_every_strategy_and_backend_layer_by_layer(tmp_path, options):
    spec = random_spec((8, 6, 4), 5, activation="leaky_relu", per_neuron=True)
    simulation, words = assert_exact(spec, tmp_path, options)
    for found, expected in zip(simulation.trace(words), Emulator(spec).trace(words), strict=True):
        assert np.array_equal(found, expected)


def test_the_port_holds_every_input_exactly():
    spec = random_spec((24, 16, 8), 8, input_bits=14)
    words = adversarial_words(spec)
    values = spec.input.network_type.to_values(words)
    port = port_type(spec)
    assert np.array_equal(port.to_values(port.to_words(values)), values)


def test_mixed_signs_keep_every_bit():
    """signed<3,1> holds -1 to 0.75, unsigned<2,2> up to 3: together signed, and one bit wider."""
    common = common_type(FixedType([True, False], [3, 2], [1, 2]))
    assert (bool(common.signed), int(common.width), int(common.integer)) == (True, 5, 3)


def test_words_that_no_common_type_holds_are_an_error():
    with pytest.raises(ToolError, match="at most 53 can be simulated"):
        common_type(FixedType(True, [8, 8], [50, -20]))


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
