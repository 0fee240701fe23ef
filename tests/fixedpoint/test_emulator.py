from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.fixedpoint import (
    Emulator,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Tensor,
    exact_accumulator,
)
from aefpga.fixedpoint.example import adversarial_words, random_spec


def rational_arithmetic(
    spec: EncoderSpec, words: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every layer's words in Python's rational numbers, straight from the definition.

    And where they are not what the rounded sums were.
    """

    def fractions(words: np.ndarray, kind: FixedType) -> np.ndarray:
        exponents = np.broadcast_to(kind.fraction, words.shape).ravel()
        pairs = zip(words.ravel().tolist(), exponents.tolist(), strict=True)
        values = [Fraction(w) / Fraction(2) ** f for w, f in pairs]
        return np.array(values, object).reshape(words.shape)

    outputs, values = [], fractions(words, spec.input.network_type)
    for layer in spec.layers:
        weight, bias = (fractions(t.words, t.type) for t in (layer.matrix, layer.bias))
        sums = values @ weight + bias
        if layer.activation == "relu":
            sums = np.maximum(sums, 0)
        elif layer.activation == "leaky_relu":
            sums = np.maximum(sums, sums / (1 << layer.negative_slope_shift))
        kind = layer.output.broadcast((layer.n_out,))
        exact = [[exact_word(kind, j, x) for j, x in enumerate(row)] for row in sums]
        words, saturated = np.array(exact).transpose(2, 0, 1)
        outputs.append((words, saturated.astype(bool)))
        values = fractions(words, layer.output)
    return outputs


def exact_word(kind: FixedType, j: int, value: Fraction) -> tuple[int, bool]:
    scaled = value * Fraction(2) ** int(kind.fraction[j])
    half = Fraction(1, 2)
    word = (
        round(scaled)
        if kind.rounding == "RND_CONV"
        else floor(scaled + (half if kind.rounding == "RND" else 0))
    )
    low, high = int(kind.min_word[j]), int(kind.max_word[j])
    if kind.overflow == "SAT":
        return min(max(word, low), high), not low <= word <= high
    return (word - low) % (high - low + 1) + low, False


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 16),
    st.sampled_from(["relu", "leaky_relu", "linear"]),
    st.integers(4, 20),
    st.sampled_from(["RND", "RND_CONV", "TRN"]),
    st.sampled_from(["SAT", "WRAP"]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_equals_rational_arithmetic(
    bits, activation, input_bits, rounding, overflow, per_neuron, seed
):
    spec = random_spec(
        (5, 6, 4, 3),
        bits,
        activation=activation,
        input_bits=input_bits,
        rounding=rounding,
        overflow=overflow,
        per_neuron=per_neuron,
        seed=seed,
    )
    words = adversarial_words(spec, n_random=20, seed=seed)
    emulate, beyond = Emulator(spec), {}
    for layer, (expected, is_beyond), found in zip(
        spec.layers, rational_arithmetic(spec, words), emulate.trace(words), strict=True
    ):
        assert np.array_equal(expected, found), layer.name
        beyond[layer.name] = is_beyond
    for name, found in emulate.saturated(words).items():
        assert np.array_equal(beyond[name], found), name


def test_relu_comes_before_words_wrap():
    """-1 wrapped to an unsigned word of two bits would be 3, its ReLU is 0."""
    spec = random_spec((1, 1), 4)
    (layer,) = spec.layers
    one = Tensor(np.array([[-1]]), FixedType(True, 2, 2))
    layer = replace(
        layer,
        weight=one,
        bias=Tensor(np.array([0]), FixedType(True, 2, 2)),
        activation="relu",
        output=FixedType(False, 2, 2, "RND", "WRAP"),
    )
    source = EncoderInput(("x",), ("",), FixedType(False, 3, 3), np.array([0]), np.array([-1]))
    layer = replace(
        layer, accumulator=exact_accumulator(source.network_type, layer.weight, layer.bias)
    )
    found = Emulator(EncoderSpec(source, (layer,)))(np.arange(8)[:, None])
    assert found.ravel().tolist() == [0] * 8


def test_blocks_do_not_show():
    spec = random_spec((6, 8, 3))
    words = adversarial_words(spec, n_random=9000)
    emulate = Emulator(spec)
    assert np.array_equal(emulate(words), emulate.trace(words)[-1])
    jets = np.random.default_rng(0).normal(0, 30, (9000, 6))
    assert np.array_equal(emulate.encode(jets), emulate(spec.input.to_words(jets)))


def test_no_jets():
    emulate = Emulator(random_spec((6, 8, 3)))
    assert emulate(np.zeros((0, 6), np.int64)).shape == (0, 3)
    assert emulate.encode(np.zeros((0, 6))).shape == (0, 3)


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
