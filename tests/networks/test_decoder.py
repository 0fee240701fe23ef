import numpy as np
import pytest

from aefpga.errors import RunError
from aefpga.networks.decoder import Decoder
from aefpga.networks.network import FloatLayer, Network, export_network


@pytest.fixture
def exported(tmp_path):
    rng = np.random.default_rng(0)
    layers = [
        FloatLayer(rng.normal(size=(3, 4)).astype("f4"), rng.normal(size=4).astype("f4"), "relu"),
        FloatLayer(
            rng.normal(size=(4, 5)).astype("f4"), rng.normal(size=5).astype("f4"), "leaky_relu", 0.1
        ),
        FloatLayer(rng.normal(size=(5, 2)).astype("f4"), rng.normal(size=2).astype("f4")),
    ]
    path = tmp_path / "decoder.onnx"
    scale = np.array([0.5, 0.25, 1.0])
    export_network(Network(layers, scale, metadata={"encoder": "abc"}), path)
    return layers, path


def test_computes_what_the_layers_say(exported):
    layers, path = exported
    words = np.random.default_rng(1).integers(-50, 50, (200, 3))
    x = words * np.array([0.5, 0.25, 1.0])
    for layer, slope in zip(layers, (0, 0.1, 1), strict=True):
        x = x @ layer.weight + layer.bias
        x = np.where(x > 0, x, slope * x)
    assert np.allclose(Decoder(path, "abc")(words), x, rtol=1e-4, atol=1e-4)
    assert Decoder(path)(words[:0]).shape == (0, 2)


def test_words_of_another_encoder_are_refused(exported):
    with pytest.raises(RunError, match="decoder of the same run"):
        Decoder(exported[1], "other")


def test_wrong_width_and_damage(exported, tmp_path):
    with pytest.raises(RunError, match="takes 3 words"):
        Decoder(exported[1])(np.zeros((4, 5)))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(exported[1].read_bytes()[:100])
    with pytest.raises(RunError, match="cannot be loaded"):
        Decoder(broken)
    with pytest.raises(RunError, match="cannot be loaded"):
        Decoder(tmp_path / "missing.onnx")
