"""The RTL's words against the emulator's, and the ports and timing of the RTL."""

import re
from dataclasses import replace

import numpy as np
import pytest

from aefpga.errors import ToolError
from aefpga.firmware.rtl import make_project, trace, write_project
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.fixedpoint import Emulator, FixedType, Tensor
from aefpga.fixedpoint.example import adversarial_words, random_spec

PART = "xcvu9p-flga2104-2L-e"


def simulate(spec, folder, clock_period_ns=5.0):
    rtl = trace(spec, clock_period_ns)
    write_project(rtl, folder, PART)
    return RtlSimulation(rtl, folder)


def with_layer(spec, index, change):
    """Return the spec with `change(weight_words, bias_words)` applied to copies of a layer's."""
    layer = spec.layers[index]
    weight, bias = layer.weight.words.copy(), layer.bias.words.copy()
    change(weight, bias)
    changed = replace(
        layer, weight=Tensor(weight, layer.weight.type), bias=Tensor(bias, layer.bias.type)
    )
    return replace(spec, layers=(*spec.layers[:index], changed, *spec.layers[index + 1 :]))


def assert_exact(spec, simulation, n_random=2000):
    words = adversarial_words(spec, n_random)
    np.testing.assert_array_equal(simulation(words), Emulator(spec)(words))


@pytest.mark.parametrize(
    ("bits", "activation", "rounding", "overflow", "per_neuron"),
    [
        (4, "leaky_relu", "RND", "SAT", False),
        (8, "relu", "RND", "SAT", False),
        (12, "leaky_relu", "RND_CONV", "SAT", False),
        (6, "relu", "RND_CONV", "WRAP", True),
        (8, "leaky_relu", "TRN", "SAT", True),
        (10, "linear", "RND", "WRAP", True),
    ],
)
def test_every_word_equals_the_emulators(
    bits, activation, rounding, overflow, per_neuron, tmp_path
):
    spec = random_spec(
        (6, 8, 4),
        bits,
        activation=activation,
        input_bits=bits + 4,
        companded=3,
        rounding=rounding,
        overflow=overflow,
        per_neuron=per_neuron,
    )
    simulation = simulate(spec, tmp_path / "rtl")
    assert_exact(spec, simulation)
    # A register at the input and one behind every stage: the simulation must have found them all.
    assert simulation.latency_cycles == trace(spec, 5.0).stages + 1
    assert simulation.interval_cycles == 1


@pytest.mark.parametrize("per_neuron", [False, True])
@pytest.mark.parametrize("overflow", ["SAT", "WRAP"])
@pytest.mark.parametrize("rounding", ["TRN", "RND", "RND_CONV"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "linear"])
def test_every_rounding_and_overflow_is_traced_exactly(activation, rounding, overflow, per_neuron):
    # `trace` compares da4ml's logic with the emulator.
    for seed in range(3):
        options = {"rounding": rounding, "overflow": overflow, "per_neuron": per_neuron}
        trace(random_spec((5, 6, 4), 6, activation=activation, seed=seed, **options), 5.0)


def test_constants_wrap_as_words_do():
    def constant(weight, bias):
        weight[:, 0], bias[0] = 0, -5
        weight[:, 1], bias[1] = 0, 31

    for signed in (False, True):
        spec = with_layer(random_spec((4, 3), 6, overflow="WRAP"), 0, constant)
        output = FixedType(signed, [2, 3, 4], [1, 3, 2], "RND_CONV", "WRAP")
        trace(replace(spec, layers=(replace(spec.layers[0], output=output),)), 5.0)


@pytest.mark.parametrize("bits", [8, 12])
def test_a_deep_encoder_is_traced_exactly(bits):
    # `trace` compares. As da4ml writes them, constants at which words saturate leave their range.
    assert trace(random_spec((6, 8, 8, 8, 8, 8, 4), bits, activation="leaky_relu"), 5.0).stages > 6


class EverySecond(RtlSimulation):
    """A device that takes a jet in every second cycle only, five cycles before it shows it."""

    def __init__(self, rtl):
        self._rtl = rtl

    def clock(self, words):
        latent = Emulator(self._rtl.spec)(words)
        outputs = np.zeros((len(words) + 512, latent.shape[1]), np.int64)
        outputs[4 : len(words) + 4] = np.repeat(latent[::2], 2, axis=0)
        return outputs


def test_latency_and_interval_are_measured():
    simulation = EverySecond(trace(random_spec((6, 5, 4), 6), 5.0))
    assert (simulation.latency_cycles, simulation.interval_cycles) == (5, 2)


def test_a_design_whose_words_never_come_out_is_an_error():
    simulation = EverySecond(trace(random_spec((6, 5, 4), 6), 5.0))
    simulation.clock = lambda words: np.zeros((len(words) + 512, 4), np.int64)
    with pytest.raises(ToolError, match="no single latency"):
        _ = simulation.latency_cycles


def test_a_project_is_taken_up_again_unless_anything_has_changed(tmp_path):
    spec, folder = random_spec((3, 2), 4), tmp_path / "rtl"
    first = make_project(spec, 5.0, folder, PART)
    source = folder / "src/encoder.v"
    made = source.stat().st_mtime_ns
    again = make_project(spec, 5.0, folder, PART)
    assert (again.stages, again.cost, again.adders) == (first.stages, first.cost, first.adders)
    assert source.stat().st_mtime_ns == made
    good = source.read_text()
    source.write_text("module encoder; // edited\n")
    make_project(spec, 5.0, folder, PART)
    assert source.read_text() == good
    other = make_project(random_spec((3, 2), 4, seed=2), 5.0, folder, PART)
    assert_exact(other.spec, RtlSimulation(other, folder), 100)


@pytest.mark.slow
def test_every_word_of_the_compact_encoder_equals_the_emulators(tmp_path):
    spec = random_spec((24, 64, 32, 15), 8, activation="leaky_relu", input_bits=14)
    assert_exact(spec, simulate(spec, tmp_path / "rtl"), n_random=20_000)


@pytest.mark.parametrize("mantissa", [1, 4, 9])
def test_the_front_end_compands_every_quantity(tmp_path, mantissa):
    spec = random_spec((4, 3), 8, input_bits=11, companded=mantissa)
    assert spec.input.is_companded.tolist() == [False, False, False, True]
    simulation = simulate(spec, tmp_path / "rtl")
    counts = np.zeros((2**11, 4), np.int64)
    counts[:, 3] = np.arange(2**11)
    octave = np.maximum(np.frexp(counts[:, 3])[1] - mantissa - 1, 0)
    words = counts.copy()
    words[:, 3] = (octave << mantissa) + (counts[:, 3] >> octave)
    np.testing.assert_array_equal(simulation.encode(counts), Emulator(spec)(words))


@pytest.mark.parametrize(
    ("rounding", "cut"),
    [("TRN", ("RND", "SAT")), ("RND", ("RND_CONV", "SAT")), ("RND_CONV", ("TRN", "WRAP"))],
)
def test_the_front_end_subtracts_cuts_and_rounds(tmp_path, rounding, cut):
    spec = random_spec((6, 2), 6, input_bits=9, companded=3, offset=True, rounding=rounding)
    kind = spec.input.offset.shifted
    shifted = FixedType(kind.signed, kind.width, kind.integer, *cut)
    source = replace(spec.input, offset=replace(spec.input.offset, shifted=shifted))
    spec = replace(spec, input=source)
    simulation = simulate(spec, tmp_path / "rtl")
    port = source.port
    counts = np.random.default_rng(0).integers(port.min_word, port.max_word + 1, (5000, 6))
    counts[0], counts[1] = port.min_word, port.max_word
    expected = Emulator(spec).encode(port.to_values(counts))
    np.testing.assert_array_equal(simulation.encode(counts), expected)
    assert_exact(spec, simulation)


def test_words_that_nothing_depends_on_keep_their_ports(tmp_path):
    def hidden(weight, bias):
        weight[[0, 3]] = 0  # two inputs that nobody uses
        weight[:, 1], bias[1] = 0, 9  # a neuron that is constant
        weight[:, 3], bias[3] = weight[:, 2], bias[2]  # one that is there twice
        weight[:, 5] = -weight[:, 2]

    def latent(weight, bias):
        weight[:, 0], bias[0] = 0, 0  # a latent word that is always zero
        weight[:, 2], bias[2] = 0, -7  # and one that is another constant

    spec = with_layer(with_layer(random_spec((6, 8, 4), 6), 0, hidden), 1, latent)
    assert_exact(spec, simulate(spec, tmp_path / "rtl"))
    text = (tmp_path / "rtl/src/encoder_wrapper.v").read_text()
    widths = [int(w) + 1 for w in re.findall(r"input (?:signed )?\[(\d+):0\] in_", text)]
    assert widths == spec.input.type.broadcast((6,)).width.tolist()
    widths = [int(w) + 1 for w in re.findall(r"output (?:signed )?\[(\d+):0\] latent_", text)]
    assert widths == spec.latent_type.width.tolist()


def test_variables_whose_names_are_one_in_verilog_have_ports_of_their_own(tmp_path):
    spec = random_spec((3, 2), 4)
    spec = replace(spec, input=replace(spec.input, variables=("a b", "a_b", "c")))
    assert_exact(spec, simulate(spec, tmp_path / "rtl"), 100)


def test_trace_gives_every_layers_words(tmp_path):
    spec = random_spec((4, 3, 2), 5)
    words = adversarial_words(spec, 100)
    layers = simulate(spec, tmp_path / "rtl").trace(words)
    for found, expected in zip(layers, Emulator(spec).trace(words), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_one_project_after_another_in_the_same_folder(tmp_path):
    # The loader would give back the first library if the second had its name.
    for seed in (1, 2):
        spec = random_spec((3, 2), 4, seed=seed)
        assert_exact(spec, simulate(spec, tmp_path / "rtl"), 100)


def test_a_slower_clock_needs_fewer_stages():
    spec = random_spec((6, 8, 4), 6)
    stages = [trace(spec, period).stages for period in (1.0, 5.0, 50.0)]
    assert stages[0] > stages[1] > stages[2] == 1


def test_the_project_is_for_the_part_and_clock(tmp_path):
    write_project(trace(random_spec((3, 2), 4), 4.0), tmp_path / "rtl", PART)
    assert f'set device "{PART}"' in (tmp_path / "rtl/build_vivado_prj.tcl").read_text()
    assert "set clock_period 4.0" in (tmp_path / "rtl/src/encoder.xdc").read_text()


def test_an_encoder_of_constants_is_an_error(tmp_path):
    def zero(weight, bias):
        weight[:] = 0

    rtl = trace(with_layer(random_spec((6, 8, 4), 6), 0, zero), 5.0)
    with pytest.raises(ToolError, match="do not depend on the inputs"):
        write_project(rtl, tmp_path / "rtl", PART)
    assert not (tmp_path / "rtl").exists()


def test_weights_wider_than_da4ml_computes_are_an_error():
    spec = random_spec((3, 2), 4)
    (layer,) = spec.layers
    wide = FixedType(True, 25, 1)
    weight = Tensor(wide.to_words(layer.weight.values), wide)
    accumulator = FixedType(True, 50, 14)
    spec = replace(spec, layers=(replace(layer, weight=weight, accumulator=accumulator),))
    with pytest.raises(ToolError, match="weights of 25 bits"):
        trace(spec, 5.0)


def test_what_verilator_says_is_passed_on(tmp_path):
    rtl = trace(random_spec((3, 2), 4), 5.0)
    write_project(rtl, tmp_path / "rtl", PART)
    (tmp_path / "rtl/src/encoder.v").write_text("module encoder (input banana;\n")
    with pytest.raises(ToolError, match=r"(?s)could not compile the RTL; the log is .*encoder"):
        RtlSimulation(rtl, tmp_path / "rtl")


def test_registers_at_the_ports_take_a_cycle(tmp_path):
    spec = random_spec((4, 3), 8, input_bits=11, companded=3)
    made = [
        make_project(spec, 5.0, tmp_path / name, PART, registered_inputs=name == "registered")
        for name in ("plain", "registered")
    ]
    words = adversarial_words(spec, n_random=100)
    simulation = RtlSimulation(made[1], tmp_path / "registered")
    assert np.array_equal(simulation.outputs(words), Emulator(spec).outputs(words))
    assert simulation.latency_cycles == made[1].latency_cycles == made[0].latency_cycles + 1
    # Another choice is another project.
    make_project(spec, 5.0, tmp_path / "plain", PART, registered_inputs=True)
    wrapper = "src/encoder_wrapper.v"
    assert (tmp_path / "plain" / wrapper).read_text() == (
        tmp_path / "registered" / wrapper
    ).read_text()


def test_vivado_builds_the_wrapper_and_keeps_the_manifest(tmp_path):
    write_project(trace(random_spec((4, 3, 2), 4), 5.0), tmp_path / "rtl", "xcvu9p-flga2104-2L-e")
    script = (tmp_path / "rtl/build_vivado_prj.tcl").read_text()
    assert 'set top_module "${project_name}_wrapper"' in script
    assert 'file copy -force "${prj_root}/project.json" "${output_dir}/reports"' in script
    constraints = (tmp_path / "rtl/src/encoder.xdc").read_text()
    assert "model_" not in constraints
    assert constraints.count("[get_ports -filter {DIRECTION ==") == 4
