import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.fixedpoint import Emulator, EncoderSpec
from aefpga.fixedpoint.example import adversarial_words, random_spec


def integer_arithmetic(spec: EncoderSpec, words: np.ndarray) -> list[np.ndarray]:
    """Every layer in Python's own integers of any size, straight from the definition."""
    outputs = []
    kind = spec.input.network_type.broadcast((words.shape[1],))
    for layer in spec.layers:
        fraction = int(layer.accumulator.fraction) + layer.negative_slope_shift + 24
        up_in = [fraction - int(f) - int(layer.weight.type.fraction) for f in kind.fraction]
        scaled = words.astype(object) * np.array([1 << s for s in up_in], object)
        bias = layer.bias.words.astype(object) << (fraction - int(layer.bias.type.fraction))
        sums = scaled @ layer.weight.words.astype(object) + bias
        if layer.activation == "relu":
            sums = np.maximum(sums, 0)
        elif layer.activation == "leaky_relu":
            sums = np.where(sums < 0, sums >> layer.negative_slope_shift, sums)
        drop = fraction - int(layer.output.fraction)
        rounded = (sums + (1 << (drop - 1))) >> drop
        words = np.clip(rounded, int(layer.output.min_word), int(layer.output.max_word))
        outputs.append(words.astype(np.int64))
        kind = layer.output.broadcast((layer.n_out,))
    return outputs


@settings(deadline=None, max_examples=30)
@given(
    st.integers(2, 16),
    st.sampled_from(["relu", "leaky_relu", "linear"]),
    st.integers(4, 20),
    st.integers(0, 10**6),
)
def test_equals_integer_arithmetic(bits, activation, input_bits, seed):
    spec = random_spec((7, 9, 5, 4), bits, activation=activation, input_bits=input_bits, seed=seed)
    words = adversarial_words(spec, n_random=50, seed=seed)
    for layer, expected, found in zip(
        spec.layers, integer_arithmetic(spec, words), Emulator(spec).trace(words), strict=True
    ):
        assert np.array_equal(expected, found), layer.name


def test_blocks_do_not_show():
    spec = random_spec((6, 8, 3))
    words = adversarial_words(spec, n_random=9000)
    emulate = Emulator(spec)
    assert np.array_equal(emulate(words), emulate.trace(words)[-1])


def test_no_jets():
    spec = random_spec((6, 8, 3))
    assert Emulator(spec)(np.zeros((0, 6), np.int64)).shape == (0, 3)


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_adversarial_words_saturate_and_tie(bits):
    """What the agreement tests rest on: their inputs reach both ends of the range, and ties."""
    spec = random_spec((24, 32, 15), bits)
    words = adversarial_words(spec)
    latent = Emulator(spec)(words)
    assert latent.min() == spec.latent_type.min_word.min()
    assert latent.max() == spec.latent_type.max_word.max()
    sums = Emulator(spec).trace(words)[0] @ spec.layers[1].weight.words
    drop = int(spec.layers[1].weight.type.fraction)
    assert (sums % (1 << drop) == 1 << (drop - 1)).any()
