import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.activity import LayerActivity, activity, pruned
from aefpga.fixedpoint.example import adversarial_words, random_spec


@settings(deadline=None)
@given(st.integers(0, 30), st.sampled_from(["relu", "leaky_relu"]))
def test_the_pruned_encoder_computes_the_same_words_for_the_same_jets(seed, activation):
    spec = random_spec((5, 12, 6, 3), bits=4, activation=activation, seed=seed)
    words = adversarial_words(spec, n_random=3)[-5:]
    layers = activity(spec, words)
    smaller = pruned(spec, layers)
    np.testing.assert_array_equal(Emulator(smaller)(words), Emulator(spec)(words))
    for layer, found in zip(smaller.layers[:-1], layers[1:], strict=True):
        silent = np.array(found.nonzero) == 0
        assert not layer.weight.words[:, silent].any()
        assert not layer.bias.words[silent].any()


def test_firing_is_counted():
    values = np.array([[0.5, 0, -1], [0.25, 0, 1]])
    found = LayerActivity.of("hidden_1", values)
    assert found.mean == pytest.approx((0.375, 0, 1))
    assert found.firing == (1, 0, 0.5)
    assert found.nonzero == (1, 0, 1)
    assert found.silent == 1
