"""A linear path beside the layers, and latent words that share the bits of a link."""

import numpy as np
import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.config import load_config
from aefpga.errors import UsageError
from aefpga.fixedpoint import Emulator, FixedType
from aefpga.schema import JETS
from aefpga.trainers.calibrate import closest_of_each
from aefpga.trainers.linear import share_bits
from aefpga.trainers.qkeras.fit import fit
from aefpga.trainers.qkeras.linear import bends
from aefpga.trainers.qkeras.path import weights_in_sequence
from aefpga.trainers.qkeras.reference import KerasEncoder
from aefpga.trainers.rounding import signed_digits

MODEL = {"kind": "standard", "hidden": (6, 5), "latent": 4, "linear_path": True, "link_bits": 26}


def relu(x):
    return np.maximum(x, 0)


def test_layers_in_sequence_compute_what_the_path_computes():
    rng = np.random.default_rng(0)
    signed = np.array([True, False, True])
    x = rng.uniform(np.where(signed, -1, 0), 1, size=(200, 3)).astype(np.float32)
    layers = [
        (rng.normal(size=shape).astype(np.float32), rng.normal(size=shape[1]).astype(np.float32))
        for shape in ((3, 5), (5, 4), (4, 2), (3, 2))
    ]
    names = ("hidden_1", "hidden_2", "latent", "linear_path")
    (a, b), (c, d), (e, f), (g, h) = layers
    expected = relu(relu(x @ a + b) @ c + d) @ e + f + x @ g + h
    found = weights_in_sequence(dict(zip(names, layers, strict=True)), signed)
    assert list(found) == ["hidden_1", "hidden_2", "latent"]
    y = x
    for name in ("hidden_1", "hidden_2"):
        kernel, bias = found[name]
        y = relu(y @ kernel + bias)
        np.testing.assert_array_equal(y[:, :3], x + signed.astype(np.float32))
    np.testing.assert_allclose(y @ found["latent"][0] + found["latent"][1], expected, atol=1e-4)
    # They share a binary point with the path's weights.
    assert np.all(np.abs(found["latent"][0][3:]) <= np.abs(g).max(axis=0))


def test_bits_go_where_an_error_costs_most():
    # Sixteen times the cost is two bits.
    assert share_bits(np.float32([16, 1, 4]), 21, 2, 16).tolist() == [8, 6, 7]
    assert share_bits(np.float32([1, 0, 0]), 20, 2, 16).tolist() == [16, 2, 2]
    assert share_bits(np.float32([1, 1]), 8, 2, 4).tolist() == [4, 4]


def test_validation_rounds_latents_as_their_words_will_be():
    from aefpga.trainers.qkeras.latent import QuantizationNoise

    latents = np.linspace(-1.2, 1.2, 98, dtype=np.float32).reshape(-1, 2)
    bits = np.array([3, 5])
    found = QuantizationNoise(bits, seed=0)(latents).numpy()
    np.testing.assert_array_equal(found, FixedType(True, bits, 1).quantized(latents))


def test_neurons_start_at_quantiles_of_the_latents():
    rng = np.random.default_rng(1)
    x, kernel = rng.normal(size=(1000, 3)), rng.normal(size=(3, 2))
    weights, biases = bends(x @ kernel, kernel, np.zeros(2), 4)
    shares = (x @ weights + biases > 0).mean(axis=0)
    np.testing.assert_allclose(shares, 0.5 - np.sqrt(1 / 8), atol=0.01)


def test_the_words_of_the_layers_are_the_firmware_s(jets, tmp_path):
    content = {"model": MODEL, "training": {"epochs": 2, "batch_size": 128}}
    config = load_config(None, content)
    schema = JETS.choose("24")
    result = fit(jets[:2000], jets[2000:2500], schema, config, tmp_path, lambda *_: None, {})
    spec = result.spec
    assert spec.layout == "24-30-29-4"
    assert spec.bits_per_jet == 26
    assert len(set(spec.latent_type.width.tolist())) > 1
    np.savez(tmp_path / "reference.npz", **result.reference)
    keras = KerasEncoder(spec, config.model, tmp_path / "reference.npz")
    words = spec.input.to_words(jets[2500:])
    for ours, theirs in zip(Emulator(spec).trace(words), keras.trace(words), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # Hidden layers hand the inputs on, of those with a sign one more.
    handed_on = spec.layers[1].output.to_values(keras.trace(words)[1])[:, :24]
    read = spec.input.network_type
    np.testing.assert_array_equal(handed_on, read.to_values(words) + read.signed)


def test_linear_words_that_share_bits_keep_their_range_and_have_few_digits(jets, tmp_path):
    model = {"kind": "linear", "latent": 4, "link_bits": 26}
    training = {"epochs": 3, "batch_size": 128, "learning_rate": 0.03}
    config = load_config(None, {"model": model, "training": training})
    result = fit(
        jets[:2000], jets[2000:2500], JETS.choose("24"), config, tmp_path, lambda *_: None, {}
    )
    trained = result.float_network.layers[0]
    latents = result.input.scaled(jets) @ trained.weight + trained.bias
    # Training goes beyond it.
    assert np.abs(latents).max() > 1.1
    spec = result.spec
    assert spec.bits_per_jet == 26
    assert set(spec.latent_type.integer.tolist()) == {1}
    assert len(set(spec.latent_type.width.tolist())) > 1
    values = spec.latent_type.to_values(Emulator(spec).encode(jets))
    np.testing.assert_allclose(values.std(axis=0), latents.clip(-1, 1).std(axis=0), rtol=0.2)
    # Rounded together, at a price for each digit.
    each = closest_of_each(trained.weight, 8, signed=True).to_words(trained.weight)
    digits = signed_digits(spec.layers[0].weight.words).sum()
    assert digits == result.rounding["signed_digits"] < 0.7 * signed_digits(each).sum()


@pytest.mark.parametrize(
    ("model", "quantization", "said"),
    [
        ({"kind": "sparse-l1", "linear_path": True}, {}, "kind sparse-l1"),
        ({**MODEL, "batch_norm": True}, {}, "batch normalisation"),
        ({"kind": "standard", "link_bits": 90}, {}, "not of standard"),
        ({"link_bits": 16, "latent": 15}, {}, "15 latents take 30 to 240 link_bits, found 16"),
        ({"link_bits": 90}, {"bits": None}, "leave one out"),
        ({"link_bits": 90}, {"latent_bits": 6}, "leave one out"),
        (MODEL, {"method": "learned"}, "learned widths"),
    ],
)
def test_what_does_not_go_together_is_refused(model, quantization, said):
    with pytest.raises(UsageError, match=said):
        load_config(None, {"model": model, "quantization": quantization})
