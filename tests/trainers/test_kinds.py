"""The kinds of autoencoders: penalties do what they are for, and all end in firmware words."""

import numpy as np
import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.config import ModelConfig, load_config
from aefpga.errors import UsageError
from aefpga.fixedpoint import Emulator
from aefpga.schema import JETS
from aefpga.trainers.qkeras import fit as fit_module
from aefpga.trainers.qkeras.autoencoder import dense_weights, float_encoder, set_dense_weights
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.fit import fit

VARIABLES = JETS.choose("24")


def trained(jets, folder, epochs=4, bits=None, stop=None, **model):
    config = load_config(
        None,
        {
            "data": {"normalisation": "min-max"},
            "model": {"hidden": (12, 8), "latent": 4, **model},
            "training": {"epochs": epochs, "batch_size": 128},
            "quantization": {"bits": bits},
        },
    )

    def on_epoch(epoch, planned):
        if epoch.epoch == stop:
            raise KeyboardInterrupt

    return fit(jets[:2000], jets[2000:2500], VARIABLES, config, folder, on_epoch, {})


def latents(result, jets):
    x = result.input.scaled(jets)
    for layer in result.float_network.layers[: result.float_network.latent]:
        x = layer(x)
    return x


@pytest.mark.parametrize("kind", ["sparse-l1", "sparse-kl", "vae", "adversarial"])
def test_every_kind_ends_in_a_specification(jets, tmp_path, kind):
    result = trained(jets, tmp_path, epochs=2, bits=6, kind=kind)
    words = Emulator(result.spec).encode(jets[2500:])
    assert words.shape[1] == 4
    assert {name.split("/")[0] for name in result.reference} == {"hidden_1", "hidden_2", "latent"}


def test_divergence_pulls_mean_activations_to_the_target(jets, tmp_path):
    def distance(penalty):
        result = trained(
            jets, tmp_path / str(penalty), epochs=30, kind="sparse-kl", penalty=penalty,
            target_activation=0.2,
        )  # fmt: skip
        mean = result.float_network.layers[0](result.input.scaled(jets[:2000])).mean(axis=0)
        return np.abs(mean - 0.2).mean()

    assert distance(1.0) < 0.3 * distance(0.0)


@pytest.mark.parametrize("kind", ["vae", "adversarial"])
def test_latents_are_drawn_to_a_unit_normal(jets, tmp_path, kind):
    def away(penalty):
        result = trained(
            jets, tmp_path / str(penalty), epochs=60, kind=kind, penalty=penalty, warm_up=0.1
        )
        z = latents(result, jets[:2000])
        return np.abs(z.mean(axis=0)).mean() + np.abs(z.std(axis=0) - 1).mean()

    free, held = away(0.0), away({"vae": 1e-3, "adversarial": 0.01}[kind])
    assert held < free


def test_a_killed_variational_training_resumes_with_the_same_noise(jets, tmp_path):
    whole = trained(jets, tmp_path / "whole", kind="vae")
    with pytest.raises(KeyboardInterrupt):
        trained(jets, tmp_path / "killed", kind="vae", stop=2)
    resumed = trained(jets, tmp_path / "killed", kind="vae")
    assert [e.loss for e in resumed.curve] == [e.loss for e in whole.curve]


def test_batch_normalisation_is_folded_exactly(jets):
    keras = tensorflow().keras
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    model = ModelConfig(hidden=(12, 8), latent=4, batch_norm=True)
    normalised = float_encoder(24, model)
    for layer in normalised.layers:
        if "normalisation" in layer.name:
            gamma, _, _, variance = layer.get_weights()
            noise = rng.normal(1, 0.2, (4, len(gamma)))
            layer.set_weights([gamma * noise[0], noise[1], noise[2], variance * noise[3] ** 2])
    plain = float_encoder(24, model.model_copy(update={"batch_norm": False}))
    set_dense_weights(plain, dense_weights(normalised))
    x = rng.normal(0, 1, (50, 24)).astype(np.float32)
    np.testing.assert_allclose(plain(x), normalised(x), rtol=1e-4, atol=1e-5)


def test_batch_normalised_training_ends_in_a_specification(jets, tmp_path):
    result = trained(jets, tmp_path, epochs=2, bits=6, batch_norm=True)
    assert [x.name for x in result.spec.layers] == ["hidden_1", "hidden_2", "latent"]


def test_the_quantized_network_normalises_no_batch_again(jets, tmp_path, monkeypatch):
    """What is folded into the weights must not stand behind them once more."""
    stages = {}
    train = fit_module._train

    def spy(network, samples, config, stage, *others):
        parts = [part.layers if hasattr(part, "layers") else [part] for part in network.layers]
        stages[stage] = {layer.name for part in parts for layer in part}
        return train(network, samples, config, stage, *others)

    monkeypatch.setattr(fit_module, "_train", spy)
    trained(jets, tmp_path, epochs=1, bits=6, batch_norm=True)
    assert any("normalisation" in name for name in stages["float"])
    assert not any("normalisation" in name for name in stages["quantized"])


def test_sparsity_needs_something_to_act_on():
    with pytest.raises(UsageError, match="acts on hidden layers"):
        load_config(None, {"model": {"kind": "sparse-l1", "hidden": ()}})
    assert load_config(None, {"model": {"kind": "sparse-kl"}}).model.hidden == (64, 32)
