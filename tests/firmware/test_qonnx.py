"""The encoder as QONNX: the numbers of its words, or an error that names the layer."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from aefpga.errors import ToolError
from aefpga.firmware.qonnx import evaluate, write_qonnx
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import random_spec, random_words


@pytest.mark.parametrize("rounding", ["TRN", "RND", "RND_CONV"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_numbers_are_those_of_the_words(rounding, activation, tmp_path):
    spec = random_spec((6, 5, 3), 6, input_bits=8, rounding=rounding, activation=activation)
    assert write_qonnx(spec, tmp_path / "a.onnx") == np.float32
    model = onnx.load(tmp_path / "a.onnx")
    onnx.checker.check_model(model)
    words = random_words(spec)
    found = evaluate(model, spec.input.network_type.to_values(words).astype(np.float32))
    assert np.array_equal(found, spec.latent_type.to_values(Emulator(spec)(words)))
    quants = [node for node in model.graph.node if node.op_type == "Quant"]
    assert {node.domain for node in quants} == {"qonnx.custom_op.general"}
    assert len(quants) == 6


def test_wide_sums_are_of_float64(tmp_path):
    spec = random_spec((6, 5, 3), 12, input_bits=14)
    assert write_qonnx(spec, tmp_path / "a.onnx") == np.float64


def test_words_that_cannot_wrap_are_exact(tmp_path):
    spec = random_spec((3, 2), 6, input_bits=6)
    whole = replace(spec.layers[0], output=spec.layers[0].accumulator)
    write_qonnx(replace(spec, layers=(whole,)), tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"overflow": "WRAP"}, "layer hidden_1: words of .* may wrap"),
        ({"per_neuron": True}, "layer hidden_1: .* several widths or signs"),
    ],
)
def test_what_qonnx_cannot_say(options, reason, tmp_path):
    with pytest.raises(ToolError, match=reason):
        write_qonnx(random_spec((6, 5, 3), 6, **options), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
