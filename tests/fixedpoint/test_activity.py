from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.fixedpoint import Emulator, FixedType, Tensor
from aefpga.fixedpoint.activity import LayerActivity, activity, living, pruned
from aefpga.fixedpoint.example import adversarial_words, random_spec


@settings(deadline=None)
@given(st.integers(0, 30), st.sampled_from(["relu", "leaky_relu"]))
def test_the_pruned_encoder_computes_the_same_words_for_the_same_jets(seed, activation):
    spec = random_spec((5, 12, 6, 3), bits=4, activation=activation, seed=seed)
    words = adversarial_words(spec, n_random=3)[-5:]
    layers = activity(spec, words)
    smaller = pruned(spec, living(layers))
    np.testing.assert_array_equal(Emulator(smaller)(words), Emulator(spec)(words))
    for layer, found in zip(smaller.layers[:-1], layers[1:], strict=True):
        # Of a layer that is silent, one neuron is left.
        assert layer.n_out == max(1, len(found.firing) - found.silent)


def test_types_of_each_weight_go_with_their_neurons():
    rng = np.random.default_rng(0)
    spec = random_spec((5, 12, 6, 3), bits=4, activation="relu", seed=1)

    def one_each(layer):
        shape = layer.weight.words.shape
        weight = FixedType(True, rng.integers(4, 8, shape), rng.integers(4, 6, shape))
        output = FixedType(False, rng.integers(3, 6, shape[1]), 2)
        return replace(
            layer,
            weight=Tensor(layer.weight.words, weight),
            output=output,
            accumulator=FixedType(True, 40, 20),
        )

    spec = replace(spec, layers=tuple(map(one_each, spec.layers)))
    alive = {"layer_1": rng.random(12) < 0.6, "layer_2": rng.random(6) < 0.6}
    alive = dict(zip((x.name for x in spec.layers), alive.values(), strict=False))
    smaller = pruned(spec, alive)
    first, second, last = smaller.layers
    kept_1, kept_2 = alive.values()
    np.testing.assert_array_equal(
        second.weight.values, spec.layers[1].weight.values[np.ix_(kept_1, kept_2)]
    )
    np.testing.assert_array_equal(first.output.width, spec.layers[0].output.width[kept_1])
    np.testing.assert_array_equal(last.weight.values, spec.layers[2].weight.values[kept_2])


def test_firing_is_counted():
    values = np.array([[0.5, 0, -1], [0.25, 0, 1]])
    found = LayerActivity.of("hidden_1", values)
    assert found.mean == pytest.approx((0.375, 0, 1))
    assert found.firing == (1, 0, 0.5)
    assert found.nonzero == (1, 0, 1)
    assert found.silent == 1
