import signal
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.config import ModelConfig, load_config
from aefpga.errors import UsageError
from aefpga.fixedpoint import Emulator, EncoderSpec, FixedType, Tensor, exact_accumulator
from aefpga.fixedpoint.example import adversarial_words, random_spec
from aefpga.schema import JETS
from aefpga.trainers.calibrate import LayerTypes, closest_type, fit_input
from aefpga.trainers.qkeras.autoencoder import quantized_encoder
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.fit import fit
from aefpga.trainers.qkeras.reference import KerasEncoder
from aefpga.trainers.qkeras.training import signals_held_back

VARIABLES = JETS.choose("24")


def configuration(**sections):
    base = {
        "data": {"normalisation": "min-max"},
        "model": {"hidden": (12, 8), "latent": 5},
        "training": {"epochs": 2, "batch_size": 128},
        "quantization": {"bits": 8},
    }
    names = {*base, *sections}
    return load_config(None, {k: {**base.get(k, {}), **sections.get(k, {})} for k in names})


def trained(jets, config, folder, on_epoch=lambda epoch, planned: None):
    return fit(jets[:1500], jets[1500:2000], VARIABLES, config, folder, on_epoch, {})


@pytest.mark.parametrize(
    ("bits", "activation"), [(2, "relu"), (8, "leaky_relu"), (16, "relu"), (16, "leaky_relu")]
)
def test_keras_and_emulator_agree_on_every_word(jets, tmp_path, bits, activation):
    config = configuration(
        model={"activation": activation}, quantization={"bits": bits}, training={"epochs": 1}
    )
    result = trained(jets, config, tmp_path)
    np.savez(tmp_path / "encoder.npz", **result.reference)
    keras = KerasEncoder(result.spec, config.model, tmp_path / "encoder.npz")
    words = np.concatenate(
        [result.spec.input.to_words(jets[2000:]), adversarial_words(result.spec)]
    )
    for a, b in zip(keras.trace(words), Emulator(result.spec).trace(words), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("hidden", [(12, 8), ()])
def test_a_killed_training_ends_as_if_it_had_not_been(jets, tmp_path, hidden):
    config = configuration(model={"hidden": hidden}, training={"epochs": 3})
    whole = trained(jets, config, tmp_path / "whole")

    def kill(epoch, planned):
        if (epoch.stage, epoch.epoch) == ("quantized", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(jets, config, tmp_path / "killed", kill)
    resumed = trained(jets, config, tmp_path / "killed")
    assert resumed.spec.hash == whole.spec.hash
    assert [e.validation_loss for e in resumed.curve] == [e.validation_loss for e in whole.curve]


def test_the_best_weights_are_kept(jets, tmp_path):
    config = configuration(
        training={"epochs": 4, "learning_rate": 0.05}, quantization={"bits": None}
    )
    result = trained(jets, config, tmp_path)
    assert result.spec is None
    x = result.input.scaled(jets[1500:2000])
    for layer in result.float_network.layers:
        x = layer(x)
    loss = np.square(x - result.normaliser.transform(jets[1500:2000])).mean()
    assert loss == pytest.approx(min(e.validation_loss for e in result.curve), rel=1e-3)


@pytest.mark.parametrize("normalisation", ["standard", "four-momentum"])
def test_every_normalisation_trains_to_a_specification(jets, tmp_path, normalisation):
    result = trained(jets, configuration(data={"normalisation": normalisation}), tmp_path)
    assert result.spec.input.is_companded.any() == (normalisation != "standard")
    words = result.spec.input.to_words(jets)
    assert result.spec.input.network_type.holds(words)
    assert np.isfinite(np.array([e.validation_loss for e in result.curve])).all()
    assert result.decoder.n_out == result.normaliser.n_columns


def test_early_stopping(jets, tmp_path):
    config = configuration(
        training={"epochs": 40, "early_stopping": 2, "learning_rate": 0.5},
        quantization={"bits": None},
    )
    assert len(trained(jets, config, tmp_path).curve) < 40


def test_sparsity_lowers_the_activations(jets, tmp_path):
    def mean_activation(kind):
        config = configuration(
            model={"kind": kind, "penalty": 0.05},
            quantization={"bits": None},
            training={"epochs": 15},
        )
        first = trained(jets, config, tmp_path / kind).float_network.layers[0]
        exponent = fit_input(jets[:1500], VARIABLES, 14).exponent
        return first(np.ldexp(jets, -exponent)).mean()

    assert mean_activation("sparse-l1") < 0.5 * mean_activation("standard")


def test_input_grid_holds_the_training_jets(jets):
    source = fit_input(jets, VARIABLES, 14)
    assert source.saturated(jets) == {}
    values = source.type.to_values(source.to_words(jets))
    assert (np.abs(values - jets) <= source.type.lsb / 2 + 1e-9).all()
    counts = [i for i, v in enumerate(VARIABLES.variables) if v.kind.is_count]
    assert np.array_equal(values[:, counts], jets[:, counts])
    assert (np.abs(source.network_type.to_values(source.to_words(jets))) <= 1).all()


def test_a_multiplicity_too_wide_for_the_input_says_so(jets):
    with pytest.raises(UsageError, match="input_bits"):
        fit_input(jets, VARIABLES, 3)


def test_the_closest_type_balances_range_and_step():
    values = np.append(np.random.default_rng(0).normal(0, 0.1, 10_000), 1.9)
    kind = closest_type(values, 6, signed=True)

    def error(candidate):
        return np.square(candidate.to_values(candidate.to_words(values)) - values).mean()

    for integer in (int(kind.integer) - 1, int(kind.integer) + 1):
        assert error(kind) <= error(FixedType(True, 6, integer))


def test_configuration_errors_name_the_option():
    config = configuration()
    assert config.quantization.bits == 8
    with pytest.raises(UsageError, match=r"quantization\.bits"):
        configuration(quantization={"bits": 1})


def test_the_first_signal_waits_and_the_second_does_not():
    # It is ignored in what a shell runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before, reached = signal.getsignal(signal.SIGINT), []

    def work(n_signals):
        reached.clear()
        with signals_held_back():
            for number in range(n_signals):
                signal.raise_signal(signal.SIGINT)
                reached.append(number)

    with pytest.raises(KeyboardInterrupt):
        work(1)
    assert reached == [0]
    with pytest.raises(KeyboardInterrupt):
        work(2)
    assert reached == [0]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("normalisation", ["physics", "four-momentum", "min-max"])
def test_a_linear_encoder_has_a_binary_point_a_neuron_and_stays_exact(
    jets, tmp_path, normalisation
):
    config = configuration(
        data={"normalisation": normalisation},
        model={"hidden": (), "latent": 15},
        quantization={"bits": 8},
    )
    result = trained(jets, config, tmp_path)
    (layer,) = result.spec.layers
    assert np.unique(layer.weight.type.integer).size > 1
    assert layer.weight.type.integer.shape == (15,)
    # What the inputs leave open is not filled with weights that cancel each other.
    assert np.abs(layer.weight.values).max() < 2**12
    np.savez(tmp_path / "encoder.npz", **result.reference)
    keras = KerasEncoder(result.spec, config.model, tmp_path / "encoder.npz")
    words = np.concatenate([adversarial_words(result.spec), result.spec.input.to_words(jets)])
    np.testing.assert_array_equal(keras(words), Emulator(result.spec)(words))


def test_neurons_of_every_layer_have_binary_points_of_their_own(tiny_run):
    layers = tiny_run.spec.layers
    points = [fixed.integer for x in layers for fixed in (x.weight.type, x.output)]
    assert [len(p) for p in points] == [n for x in layers for n in 2 * [x.n_out]]
    assert any(np.unique(p).size > 1 for p in points)


@pytest.mark.parametrize(
    ("rounding", "overflow"), [("RND", "SAT"), ("RND_CONV", "SAT"), ("TRN", "WRAP")]
)
def test_keras_computes_with_a_type_for_each_weight_and_neuron(tmp_path, rounding, overflow):
    tf, rng = tensorflow(), np.random.default_rng(1)
    from aefpga.trainers.qkeras import quantizers

    like, layers, arrays = random_spec((5, 6, 3), input_bits=6), [], {}
    arriving = like.input.network_type
    for layer in like.layers:
        shape = layer.weight.words.shape
        weight_type = FixedType(True, rng.integers(2, 9, shape), rng.integers(-1, 3, shape))
        bias_type = FixedType(True, rng.integers(3, 7, shape[1]), rng.integers(0, 2, shape[1]))
        values = rng.normal(0, 1, shape), rng.normal(0, 0.3, shape[1])
        weight, bias = (
            Tensor(kind.to_words(v), kind)
            for kind, v in zip((weight_type, bias_type), values, strict=True)
        )
        signed = layer.activation != "relu"
        width, integer = rng.integers(4, 9, shape[1]), rng.integers(1, 4, shape[1])
        made = replace(
            layer,
            weight=weight,
            bias=bias,
            accumulator=exact_accumulator(arriving, weight, bias),
            output=FixedType(signed, width, integer, rounding, overflow),
        )
        layers.append(made)
        arriving = made.output
        arrays |= {f"{layer.name}/kernel": weight.values, f"{layer.name}/bias": bias.values}
        # Numbers off the grid become the type's own words, but for halves.
        quantized = quantizers.WeightQuantizer(weight_type)(tf.constant(values[0])).numpy()
        np.testing.assert_array_equal(quantized, weight.values)
    spec = EncoderSpec(like.input, tuple(layers))
    np.savez(tmp_path / "reference.npz", **arrays)
    keras = KerasEncoder(spec, ModelConfig(hidden=(6,), latent=3), tmp_path / "reference.npz")
    words = adversarial_words(spec)
    for a, b in zip(keras.trace(words), Emulator(spec).trace(words), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_beyond_one_are_not_clipped_while_they_train():
    kind = FixedType(True, 8, np.array([1, 4]))
    model = ModelConfig(kind="linear", hidden=(), latent=2)
    layer = quantized_encoder(3, model, [LayerTypes(kind, kind, kind)]).get_layer("latent")
    kernel, bias = np.float32([[0.5, 6.75], [-1, -8], [0, 0.5]]), np.float32([-0.5, 5])
    np.testing.assert_array_equal(layer.kernel_constraint(kernel), kernel)
    np.testing.assert_array_equal(layer.bias_constraint(bias), bias)


def test_the_widths_of_words_are_options_of_their_own(jets, tmp_path):
    given = {"bits": 6, "weight_bits": 4, "activation_bits": 7, "latent_bits": 9, "bias_bits": 5}
    config = configuration(quantization=given, training={"epochs": 1, "quantized_epochs": 0})
    assert config.label == "standard-24d-4-7-9bit"
    layers = trained(jets, config, tmp_path).spec.layers
    assert [int(x.weight.type.width.max()) for x in layers] == [4, 4, 4]
    assert [int(x.bias.type.width.max()) for x in layers] == [5, 5, 5]
    assert [int(x.output.width.max()) for x in layers] == [7, 7, 9]
