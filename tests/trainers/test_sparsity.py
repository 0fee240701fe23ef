"""Penalties beside NumPy, as textbooks write them and as the study's code has them."""

import numpy as np
import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.config import ModelConfig, RunConfig, load_config
from aefpga.errors import UsageError
from aefpga.fixedpoint import Emulator
from aefpga.schema import JETS
from aefpga.trainers.qkeras.autoencoder import float_decoder, float_encoder
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.fit import fit
from aefpga.trainers.qkeras.latent import regularized_latents
from aefpga.trainers.qkeras.reference import KerasEncoder
from aefpga.trainers.qkeras.sparsity import add_penalty_of_second_pass
from aefpga.trainers.qkeras.training import _schedule

SIZES = (5, 7, 6, 3, 6, 7, 5)
HIDDEN, LATENT = SIZES[1:3], SIZES[3]
BATCH = 40


def autoencoder(**options):
    """Return a network with drawn weights, these as arrays, and a batch of inputs."""
    keras = tensorflow().keras
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    model = ModelConfig(hidden=HIDDEN, latent=LATENT, activation="leaky_relu", **options)
    encoder, decoder = float_encoder(SIZES[0], model), float_decoder(SIZES[-1], model)
    config = RunConfig(model=model)
    network = keras.Model(encoder.input, decoder(regularized_latents(encoder, config, 10)))
    add_penalty_of_second_pass(network, encoder, decoder, model)
    weights = []
    for layer in (x for part in (encoder, decoder) for x in part.layers if x.get_weights()):
        kernel, bias = (rng.normal(0, 0.7, w.shape) for w in layer.get_weights())
        layer.set_weights([kernel, bias])
        weights.append((kernel, bias))
    return network, weights, rng.normal(0, 1, (BATCH, SIZES[0])).astype(np.float32)


def loss_of(network, inputs):
    network(inputs, training=True)
    return float(sum(network.losses))


def divergence(mean, target=0.05):
    return target * np.log(target / mean) + (1 - target) * np.log((1 - target) / (1 - mean))


def leaky(x):
    return np.maximum(x, x * 2.0**-7)


def test_the_studys_l1_is_a_mean_over_batch_and_units_of_all_layers():
    network, weights, x = autoencoder(kind="sparse-l1", penalty_rule="study")
    hidden, expected = x, 0.0
    for kernel, bias in weights:
        hidden = np.maximum(hidden @ kernel + bias, 0)
        expected += hidden.mean()
    assert len(weights) == 6
    assert loss_of(network, x) == pytest.approx(1e-3 * expected, rel=1e-5)


def test_the_studys_divergence_has_no_activations_and_grows_with_the_batch():
    network, weights, x = autoencoder(kind="sparse-kl", penalty_rule="study")
    hidden, of_jets = x, np.zeros(BATCH)
    for kernel, bias in weights:
        hidden = hidden @ kernel + bias
        of_jets += divergence((1 / (1 + np.exp(-hidden))).mean(axis=1))
    assert loss_of(network, x) == pytest.approx(1e-3 * of_jets.sum(), rel=1e-5)
    assert loss_of(network, x[:7]) == pytest.approx(1e-3 * of_jets[:7].sum(), rel=1e-5)


@pytest.mark.parametrize("kind", ["sparse-l1", "sparse-kl"])
def test_the_textbooks_look_at_each_hidden_neuron_of_the_encoder(kind):
    network, weights, x = autoencoder(kind=kind, penalty=0.01)
    hidden, expected = x, 0.0
    for kernel, bias in weights[: len(HIDDEN)]:
        hidden = leaky(hidden @ kernel + bias)
        if kind == "sparse-l1":
            expected += np.abs(hidden).mean(axis=0).sum()
        else:
            expected += divergence(np.clip(hidden.mean(axis=0), 1e-4, 1 - 1e-4)).sum()
    assert loss_of(network, x) == pytest.approx(0.01 * expected, rel=1e-4)


def test_the_studys_variational_divergence_is_a_sum_over_the_batch():
    summed, _, x = autoencoder(kind="vae", penalty_rule="study", penalty=0.5)
    mean, _, _ = autoencoder(kind="vae", penalty=0.5, warm_up=0)
    for network in (summed, mean):
        loss_of(network, x)  # The weight grows from zero, at once.
    assert loss_of(summed, x) == pytest.approx(BATCH * loss_of(mean, x), rel=1e-5)


def test_default_weights_are_those_of_the_rule():
    def penalty(**model):
        return load_config(None, {"model": model}).model.penalty

    assert penalty(kind="sparse-l1", penalty_rule="study") == 1e-3
    assert penalty(kind="vae", penalty_rule="study") == 1
    assert penalty(kind="sparse-l1") < 1e-3
    with pytest.raises(UsageError, match=r"penalty_rule study is of sparse-l1.*not of adversarial"):
        load_config(None, {"model": {"kind": "adversarial", "penalty_rule": "study"}})
    with pytest.raises(UsageError, match="not of batch normalisation"):
        load_config(
            None,
            {"model": {"kind": "sparse-kl", "penalty_rule": "study", "batch_norm": True}},
        )


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("cosine", [1, 0.5, 0.0]),
        ("constant", [1, 1, 1]),
        ("one-cycle", [1 / 25, 0.75, 0.0]),
    ],
)
def test_schedules_at_the_start_in_the_middle_and_at_the_end(schedule, expected):
    config = RunConfig(training={"schedule": schedule}).training
    rate = _schedule(config, 1.0, 100)
    found = [float(rate(step)) if callable(rate) else rate for step in (0, 50, 100)]
    assert found == pytest.approx(expected, abs=1e-5)
    if schedule == "one-cycle":
        assert float(rate(25)) == pytest.approx(1.0)


def trained(jets, folder, *, bits, **training):
    config = load_config(
        None,
        {
            "data": {"normalisation": "min-max"},
            "model": {
                "hidden": (8,), "latent": 4, "activation": "leaky_relu",
                "latent_activation": "leaky_relu", "negative_slope_shift": 2,
            },
            "training": {"epochs": 3, "batch_size": 64, **training},
            "quantization": {"bits": bits},
        },
    )  # fmt: skip
    schema = JETS.choose("24")
    return config, fit(jets[:2000], jets[2000:2500], schema, config, folder, lambda *_: None, {})


def test_activated_latents_end_in_words_that_agree(jets, tmp_path):
    config, result = trained(jets, tmp_path, bits=6)
    *_, latent = result.spec.layers
    assert (latent.activation, latent.negative_slope_shift) == ("leaky_relu", 2)
    np.savez(tmp_path / "reference.npz", **result.reference)
    reference = KerasEncoder(result.spec, config.model, tmp_path / "reference.npz")
    words = result.spec.input.to_words(jets[2500:])
    found = Emulator(result.spec)(words)
    assert (found < 0).any()
    np.testing.assert_array_equal(found, reference(words))


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_weights_kept_are_those_of_the_epoch_asked_for(jets, tmp_path, keep):
    _, result = trained(
        jets, tmp_path, bits=None, keep=keep, schedule="constant", learning_rate=0.5, epochs=2,
        weight_decay=1e-6,
    )  # fmt: skip
    losses = [e.validation_loss for e in result.curve]
    x = result.input.scaled(jets[2000:2500])
    for layer in result.float_network.layers:
        x = layer(x)
    error = np.square(x - result.normaliser.transform(jets[2000:2500])).mean()
    assert min(losses) < 0.99 * losses[-1]
    assert error == pytest.approx(min(losses) if keep == "best" else losses[-1], rel=1e-3)
