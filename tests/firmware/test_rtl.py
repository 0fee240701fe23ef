from dataclasses import replace

import numpy as np
import pytest

from aefpga.errors import ToolError
from aefpga.firmware.rtl import RtlSimulation, trace, write_project
from aefpga.fixedpoint import Emulator, FixedType, Tensor, exact_accumulator
from aefpga.fixedpoint.example import adversarial_words, random_spec


def simulated(spec, folder, clock_period_ns=5.0):
    rtl = trace(spec, clock_period_ns)
    write_project(rtl, folder / "rtl", "xcvu9p-flga2104-2L-e")
    return RtlSimulation(rtl, folder / "rtl")


def with_weights(spec, change):
    """The same encoder with the first layer's weights changed."""
    layer = spec.layers[0]
    weight = Tensor(change(layer.weight.words.copy()), layer.weight.type)
    accumulator = exact_accumulator(spec.input.network_type, weight, layer.bias)
    first = replace(layer, weight=weight, accumulator=accumulator)
    return replace(spec, layers=(first, *spec.layers[1:]))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("bits", [4, 6, 8, 10, 12])
def test_every_word_equals_the_emulator(tmp_path, bits, activation):
    spec = random_spec((16, 8, 6), bits, activation=activation)
    simulation = simulated(spec, tmp_path)
    words = adversarial_words(spec)
    assert np.array_equal(simulation(words), Emulator(spec)(words))


@pytest.mark.slow
def test_the_compact_encoder(tmp_path):
    spec = random_spec((24, 64, 32, 15), 8, input_bits=14)
    words = adversarial_words(spec, n_random=5000)
    assert np.array_equal(simulated(spec, tmp_path)(words), Emulator(spec)(words))


def test_latency_is_measured_and_falls_with_a_slower_clock(tmp_path):
    spec = random_spec((24, 12, 8), 6)
    fast, slow = simulated(spec, tmp_path / "fast", 2.5), simulated(spec, tmp_path / "slow", 12.0)
    assert fast.latency_cycles > slow.latency_cycles > 1
    assert fast.interval_cycles == 1


def test_unused_inputs_and_silent_neurons(tmp_path):
    def change(words):
        words[3] = 0
        words[:, 2] = 0
        words[:, 5] = words[:, 4]
        return words

    spec = with_weights(random_spec((24, 12, 8), 8), change)
    words = adversarial_words(spec)
    assert np.array_equal(simulated(spec, tmp_path)(words), Emulator(spec)(words))


def test_traces_name_the_layer(tmp_path):
    spec = random_spec((24, 6, 5, 4), 6)
    words = adversarial_words(spec, n_random=20)
    found = simulated(spec, tmp_path).trace(words)
    for a, b in zip(found, Emulator(spec).trace(words), strict=True):
        assert np.array_equal(a, b)


def test_weights_too_wide_for_da4ml_are_refused():
    spec = random_spec((24, 4), 8)
    layer = spec.layers[0]
    wide = Tensor(layer.weight.words, FixedType(True, 25, 1))
    accumulator = exact_accumulator(spec.input.network_type, wide, layer.bias)
    spec = replace(spec, layers=(replace(layer, weight=wide, accumulator=accumulator),))
    with pytest.raises(ToolError, match="at most 24"):
        trace(spec, 5.0)
