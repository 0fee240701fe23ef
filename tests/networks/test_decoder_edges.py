import subprocess
import sys

import numpy as np
import pytest

from aefpga.errors import RunError
from aefpga.networks import decoder as module
from aefpga.networks import network
from aefpga.networks.decoder import Decoder
from aefpga.networks.network import FloatLayer, Network, export_network

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.125 * x),
}


def layer(rng, n_in, n_out, activation):
    # Small integers: every float32 sum is exact, whatever order onnxruntime adds in.
    weight, bias = rng.integers(-4, 5, (n_in, n_out)), rng.integers(-8, 9, n_out)
    return FloatLayer(weight.astype(np.float32), bias.astype(np.float32), activation, 0.125)


def expected(layers, words, scale):
    value = words * scale
    for each in layers:
        value = ACTIVATIONS[each.activation](value @ each.weight.astype(np.float64) + each.bias)
    return value


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", [0.25, np.array([0.5, 0.25, 2.0])])
def test_decodes_what_the_layers_say(tmp_path, activation, scale):
    rng = np.random.default_rng(1)
    layers = [layer(rng, 3, 6, activation), layer(rng, 6, 4, "linear")]
    export_network(
        Network(layers, np.asarray(scale), metadata={"encoder": "abc"}), tmp_path / "d.onnx"
    )
    words = rng.integers(-128, 128, (50, 3))
    found = Decoder(tmp_path / "d.onnx", "abc")(words)
    assert found.dtype == np.float32
    assert np.array_equal(found, expected(layers, words, scale))


@pytest.mark.parametrize("n_jets", [0, 1, 7, 8])
def test_batches_join_in_order(tmp_path, monkeypatch, n_jets):
    monkeypatch.setattr(module, "BATCH", 4)
    identity = FloatLayer(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    export_network(Network([identity], np.ones(2)), tmp_path / "d.onnx")
    words = np.arange(2 * n_jets).reshape(n_jets, 2)
    assert np.array_equal(Decoder(tmp_path / "d.onnx")(words), words)


@pytest.fixture
def exported(tmp_path):
    path = tmp_path / "decoder.onnx"
    rng = np.random.default_rng(2)
    layers = [layer(rng, 3, 5, "linear")]
    export_network(Network(layers, np.ones(3), metadata={"encoder": "a" * 64}), path)
    return path


def test_another_encoder_is_refused(exported):
    with pytest.raises(RunError, match="decodes words of encoder"):
        Decoder(exported, "b" * 64)


@pytest.mark.parametrize("shape", [(4, 2), (4, 4), (3,)])
def test_wrong_latent_width_is_refused(exported, shape):
    with pytest.raises(RunError, match="takes 3 words a jet"):
        Decoder(exported)(np.zeros(shape, np.int64))


def test_missing_and_damaged_files_are_refused(exported, tmp_path):
    exported.write_bytes(exported.read_bytes()[:60])
    for path in (exported, tmp_path / "none.onnx"):
        with pytest.raises(RunError, match="cannot be loaded as ONNX"):
            Decoder(path)


def test_another_schema_is_refused(exported, monkeypatch):
    monkeypatch.setattr(network, "SCHEMA_VERSION", 99)
    with pytest.raises(RunError, match="decoder schema 1, expected 99"):
        Decoder(exported)


def test_layers_that_do_not_fit_are_not_written(tmp_path):
    rng = np.random.default_rng(3)
    layers = [layer(rng, 3, 5, "relu"), layer(rng, 4, 2, "linear")]
    with pytest.raises(ValueError, match="do not fit each other"):
        export_network(Network(layers, np.ones(3)), tmp_path / "d.onnx")
    assert not list(tmp_path.iterdir())


def test_import_does_not_load_onnx():
    code = (
        "import aefpga.networks.decoder, sys; print(*({'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
