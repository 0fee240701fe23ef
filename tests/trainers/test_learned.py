"""Learned widths: every weight and neuron has its own, and all computations agree on them."""

import dataclasses
import shutil

import numpy as np
import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.cli.training import TrainingOptions
from aefpga.config import ModelConfig, load_config
from aefpga.errors import RunError, UsageError
from aefpga.evaluation.plots.front import plot_front
from aefpga.firmware.rtl import estimated_luts
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.activity import pruned
from aefpga.fixedpoint.example import adversarial_words, random_spec
from aefpga.schema import JETS
from aefpga.trainers.learned.encoder import INPUTS
from aefpga.trainers.learned.fit import fit
from aefpga.trainers.learned.front import Built, build_front, chosen, wanted
from aefpga.trainers.learned.loop import Passed
from aefpga.trainers.learned.quantizers import power_of_two, rounded, saturated
from aefpga.trainers.learned.reference import LearnedReference, pruned_weights
from aefpga.trainers.learned.specification import living, specification
from aefpga.trainers.qkeras.backend import tensorflow

LEARNED = {"method": "learned", "bits": 6}


def configuration(**quantization):
    return load_config(
        None,
        {
            "data": {"normalisation": "physics"},
            "model": {"kind": "standard", "hidden": (8,), "latent": 4},
            "training": {"epochs": 6, "batch_size": 128},
            "quantization": {**LEARNED, **quantization},
        },
    )


def trained(jets, folder, on_epoch=lambda epoch, planned: None, **quantization):
    config = configuration(**quantization)
    schema = JETS.choose("24")
    return fit(jets[:1500], jets[1500:2000], schema, config, folder, on_epoch, {})


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def whole(jets, checkpoints):
    return trained(jets, checkpoints)


def test_a_killed_training_ends_as_if_it_had_not_been(jets, tmp_path, checkpoints, whole):
    for name in ("float.npz", "quantized.npz"):
        shutil.copy(checkpoints / name, tmp_path)

    def kill(epoch, planned):
        if (epoch.stage, epoch.epoch) == ("learned widths", 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(jets, tmp_path, kill)
    resumed = trained(jets, tmp_path)
    assert resumed.spec.hash == whole.spec.hash
    assert resumed.front == whole.front
    assert [e.validation_loss for e in resumed.curve] == [e.validation_loss for e in whole.curve]


def test_all_computations_of_learned_widths_agree(jets, tmp_path, whole):
    from aefpga.firmware.hls import CSimulation

    spec = whole.spec
    assert np.unique(spec.layers[0].weight.type.fraction).size > 1
    assert spec.bits_per_jet == 4 * 6
    np.savez(tmp_path / "reference.npz", **whole.reference)
    reference = LearnedReference(spec, configuration().model, tmp_path / "reference.npz")
    words = np.concatenate([spec.input.to_words(jets[2000:]), adversarial_words(spec)])
    expected = Emulator(spec).trace(words)
    for a, b in zip(reference.trace(words), expected, strict=True):
        assert np.array_equal(a, b)
    pytest.importorskip("hls4ml", reason="the C simulation needs the extra `firmware`")
    assert np.array_equal(CSimulation(spec, tmp_path / "hls")(words), expected[-1])


def test_a_pruned_encoder_agrees_with_the_network_without_these_neurons(jets, tmp_path, whole):
    np.savez(tmp_path / "reference.npz", **whole.reference)
    hidden = whole.spec.layers[0]
    alive = {x.name: np.ones(x.n_out, bool) for x in whole.spec.layers[:-1]}
    alive[hidden.name][[0, 2]] = False
    smaller = pruned(whole.spec, alive)
    assert smaller.layers[0].n_out == hidden.n_out - 2
    np.savez(tmp_path / "pruned.npz", **pruned_weights(tmp_path / "reference.npz", alive))
    reference = LearnedReference(smaller, configuration().model, tmp_path / "pruned.npz")
    words = np.concatenate([smaller.input.to_words(jets[2000:]), adversarial_words(smaller)])
    for a, b in zip(reference.trace(words), Emulator(smaller).trace(words), strict=True):
        assert np.array_equal(a, b)


def test_the_front_says_what_was_chosen(whole):
    (best,) = [p for p in whole.front["points"] if p["chosen"]]
    assert best["luts"] == estimated_luts(whole.spec) < whole.front["uniform"]["luts"]
    assert best["validation_loss"] == min(
        e.validation_loss for e in whole.curve if e.stage == "decoder"
    )


def test_a_front_is_drawn(tmp_path, whole):
    plot_front(whole.front, "physics", tmp_path / "front.png")
    assert (tmp_path / "front.png").stat().st_size > 10_000


def random_arrays(source, model, seed, dead=None):
    """Return a trained encoder's arrays, of any widths, with inputs and neurons that have none."""
    rng, n_in = np.random.default_rng(seed), len(source.variables)
    kind = source.network_type.broadcast((n_in,))
    drop = np.where(source.is_companded, 0, rng.integers(0, 4, n_in) * rng.integers(1, 4, n_in))
    arrays = {
        f"{INPUTS}/fraction": kind.fraction - drop,
        f"{INPUTS}/integer": kind.integer - kind.signed,
        f"{INPUTS}/signed": kind.signed,
        f"{INPUTS}/finest": kind.fraction,
        f"{INPUTS}/companded": source.is_companded,
    }
    for name, n_out in zip(("hidden_1", "hidden_2", "latent"), (7, 6, 4), strict=True):
        is_latent = name == "latent"
        arrays |= {
            f"{name}/kernel": rng.normal(0, 0.5, (n_in, n_out)),
            f"{name}/bias": rng.normal(0, 0.3, n_out),
            f"{name}/kernel_fraction": rng.integers(-3, 8, (n_in, n_out)) + rng.normal(0, 0.2),
            f"{name}/bias_fraction": rng.integers(-1, 8, n_out),
            f"{name}/fraction": np.full(n_out, 7.0) if is_latent else rng.integers(-3, 8, n_out),
            f"{name}/integer": np.zeros(n_out) if is_latent else rng.integers(-1, 3, n_out),
            f"{name}/signed": np.full(n_out, is_latent or model.activation != "relu"),
        }
        if name == dead:
            arrays[f"{name}/fraction"] = np.full(n_out, -9.0)
        n_in = n_out
    return {name: np.asarray(a, np.float32) for name, a in arrays.items()}


@pytest.mark.parametrize(
    ("activation", "seed", "dead"),
    [
        ("relu", 0, None),
        ("relu", 1, ("hidden_2",)),
        ("leaky_relu", 2, None),
        ("relu", 3, ("hidden_1",)),
    ],
)
def test_inputs_and_neurons_without_bits_are_left_out(tmp_path, activation, seed, dead):
    source = random_spec((9, 3), companded=3, seed=seed).input
    model = ModelConfig(kind="standard", hidden=(7, 6), latent=4, activation=activation)
    arrays = random_arrays(source, model, seed, dead)
    spec = specification(arrays, source, model, {})
    kept = {f"{layer.name}/kept": living(arrays, layer.name) for layer in spec.layers}
    assert any(not k.all() for k in kept.values())
    assert [layer.n_out for layer in spec.layers] == [k.sum() for k in kept.values()]
    np.savez(tmp_path / "reference.npz", **arrays, **kept)
    reference = LearnedReference(spec, model, tmp_path / "reference.npz")
    words = adversarial_words(spec)
    for a, b in zip(reference.trace(words), Emulator(spec).trace(words), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_reference_says_so(tmp_path, whole):
    (tmp_path / "reference.npz").write_bytes(b"nothing")
    with pytest.raises(RunError, match="train again"):
        LearnedReference(whole.spec, configuration().model, tmp_path / "reference.npz")


def test_the_gradient_of_a_bit_is_how_much_error_it_takes():
    tf = tensorflow()
    x, bits = tf.constant([[0.3], [0.9]]), tf.constant([2.0])
    with tf.GradientTape() as tape:
        tape.watch([x, bits])
        found = saturated(x, bits, tf.constant([0.0]), tf.constant([0.5]))
    np.testing.assert_array_equal(found, [[0.25], [0.5]])
    of_x, of_bits = tape.gradient(found, [x, bits])
    np.testing.assert_array_equal(of_x, [[1.0], [0.0]])
    np.testing.assert_allclose(of_bits, [np.log(2) * 0.05], rtol=1e-5)
    assert float(rounded(tf.constant(-0.375), tf.constant(2.0))) == -0.25
    exponents = np.arange(-120, 120, dtype=np.float32)
    np.testing.assert_array_equal(
        power_of_two(tf.constant(exponents)), np.ldexp(1.0, exponents.astype(int))
    )


def points(luts, losses):
    return {
        Passed(i, 10.0 * 2**i, loss, None): (cost, loss)
        for i, (cost, loss) in enumerate(zip(luts, losses, strict=True))
    }


def built_by(known, log):
    def build(passed):
        log.append(passed.epoch)
        return Built(passed, None, *known[passed], [], [])

    return build


def test_a_limit_of_luts_is_honoured_or_the_nearest_is_named():
    n = 100
    known = points(np.arange(100, 100 + 10 * n, 10), 1 / np.arange(1, n + 1))
    log = []
    quantization = configuration(max_luts=555).quantization
    want = wanted(quantization, 0.1)
    found = build_front(list(known), built_by(known, log), want)
    best = chosen(found, want, quantization)
    # Ten points lie 110 LUTs apart; those that were added halve that again and again.
    assert 555 - 30 <= best.luts <= 555
    assert len(log) == len(set(log)) <= 13
    quantization = configuration(max_luts=99).quantization
    want = wanted(quantization, 0.1)
    with pytest.raises(UsageError, match="smallest encoder that was found has 100 LUTs"):
        chosen(found, want, quantization)


def test_without_a_target_it_is_the_cheapest_that_is_as_accurate():
    known = points([100, 200, 300, 400, 900], [4.0, 3.0, 2.0, 1.0, 0.99])
    # None is as accurate as 0.5: the cheapest that is nearly as accurate as the best.
    cases = ((2.5, {}, 300), (0.5, {}, 400), (1.0, {"bit_price": 0.01}, 400))
    for uniform_loss, given, expected in cases:
        quantization = configuration(**given).quantization
        want = wanted(quantization, uniform_loss)
        found = build_front(list(known), built_by(known, []), want)
        assert chosen(found, want, quantization).luts == expected


def test_a_limit_that_nothing_meets_ends_the_training_with_an_error(
    jets, tmp_path, checkpoints, whole
):
    uniform = whole.front["uniform"]["luts"]
    for limit, reason in ((3, "uniform widths take"), (int(uniform / 5), "the smallest encoder")):
        shutil.copytree(checkpoints, tmp_path / "same")
        with pytest.raises(UsageError, match=f"--max-luts {limit}: {reason}"):
            trained(jets, tmp_path / "same", max_luts=limit)
        assert not (tmp_path / "same").exists()


def test_what_cannot_be_learned_is_refused():
    assert configuration().trainer == "learned-widths"
    assert configuration().label == "standard-24d-learned-6bit"
    for kind, reason in (("linear", "add nothing to a linear"), ("sparse-l1", "no penalty")):
        with pytest.raises(UsageError, match=reason):
            load_config(None, {"model": {"kind": kind}, "quantization": LEARNED})
    for wrong, reason in (
        ({"max_luts": 5}, "give --quantize learned"),
        ({**LEARNED, "bits": None}, "learned widths need bits"),
    ):
        with pytest.raises(UsageError, match=reason):
            load_config(None, {"model": {"kind": "standard"}, "quantization": wrong})
    config = {"model": {"kind": "standard"}, "quantization": LEARNED}
    with pytest.raises(UsageError, match="quantized_epochs"):
        load_config(None, {**config, "training": {"quantized_epochs": 0}})


def test_options_ask_for_learned_widths():
    options = TrainingOptions(model="standard", quantize="learned", max_luts=9000)
    quantization = options.resolved().quantization
    assert (quantization.method, quantization.max_luts, quantization.bits) == ("learned", 9000, 8)
    back = dataclasses.replace(options, max_luts=None, quantize="6bit").resolved().quantization
    assert (back.method, back.bits) == ("uniform", 6)
