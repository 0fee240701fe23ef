import numpy as np
import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.trainers.linear import best_linear, linear_fit
from aefpga.trainers.qkeras.linear import Standardisation, importance
from aefpga.trainers.qkeras.training import Samples


def test_as_many_latents_as_targets_lose_nothing():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(500, 5)).astype(np.float32)
    targets = inputs @ rng.normal(size=(5, 5)).astype(np.float32) + 3
    (encode, shift), (decode, offset) = best_linear(inputs, targets, 7)
    assert encode.shape == (5, 7)
    assert decode.shape == (7, 5)
    found = (inputs @ encode + shift) @ decode + offset
    np.testing.assert_allclose(found, targets, atol=1e-4)


def test_the_latents_are_the_principal_components_of_the_targets():
    """With inputs equal to targets, reduced-rank regression is PCA."""
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(2000, 4)) * [5, 3, 0.1, 0.01]).astype(np.float32)
    (encode, shift), (decode, offset) = best_linear(x, x, 2)
    found = (x @ encode + shift) @ decode + offset
    centred = x - x.mean(axis=0)
    lost = np.square(np.linalg.svd(centred, compute_uv=False)[2:]).sum()
    assert np.square(found - x).sum() == pytest.approx(lost, rel=1e-3)


def test_regression_finds_the_line():
    x = np.linspace(0, 1, 50, dtype=np.float32)[:, None]
    kernel, offset = linear_fit(x, 3 * x - 2)
    assert kernel[0, 0] == pytest.approx(3, rel=1e-5)
    assert offset[0] == pytest.approx(-2, rel=1e-5)


def test_what_does_not_vary_gets_no_latent():
    rng = np.random.default_rng(2)
    x = np.zeros((300, 6), np.float32)
    x[:, :2] = rng.normal(size=(300, 2))
    x[:, 2] = x[:, 0]
    (encode, shift), (decode, offset) = best_linear(x, x, 5)
    assert np.abs(encode).max() < 10
    assert not encode[:, 2:].any()
    np.testing.assert_allclose((x @ encode + shift) @ decode + offset, x, atol=1e-4)


def test_a_layer_of_standardised_inputs_is_one_of_the_inputs():
    rng = np.random.default_rng(3)
    x = (rng.normal(size=(400, 4)) * [1, 1e-3, 0.1, 0] + [0, 0.5, 0, 0.25]).astype(np.float32)
    scaling = Standardisation.of(x)
    standard = scaling.applied(Samples(x, x)).inputs
    np.testing.assert_allclose(standard.std(axis=0), [1, 1, 1, 0], atol=1e-4)
    kernel, bias = rng.normal(size=(4, 3)).astype(np.float32), np.ones(3, np.float32)
    folded, shifted = scaling.folded(kernel, bias)
    np.testing.assert_allclose(x @ folded + shifted, standard @ kernel + bias, atol=2e-3)


def test_errors_of_what_is_zero_in_most_records_count_more():
    records = np.zeros((1600, 3), np.float32)
    records[:, 0] = 7
    records[:100, 1] = -2
    weight = importance(records)
    assert weight.mean() == pytest.approx(1)
    assert weight[1] / weight[0] == pytest.approx(2)
    assert np.isfinite(weight).all()
