import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aefpga.fixedpoint import EncoderInput, FixedType
from aefpga.fixedpoint.compand import compand, expand

mantissas = st.integers(0, 12)


def hardware(count, mantissa):
    """What a leading-one detector and a shifter do."""
    octave = max(count.bit_length() - mantissa - 1, 0)
    return (octave << mantissa) + (count >> octave)


@given(st.integers(0, 2**40), mantissas)
def test_words_are_those_of_the_hardware(count, mantissa):
    assert np.floor(compand(count, mantissa)) == hardware(count, mantissa)


@given(st.floats(0, 2.0**40), mantissas)
def test_expand_undoes_compand(count, mantissa):
    back = expand(compand(count, mantissa), mantissa)
    assert abs(back - count) <= 2.0**-40 * max(count, 1)


@given(st.integers(0, 2**40), mantissas)
def test_a_step_is_no_wider_than_promised(count, mantissa):
    word = np.floor(compand(count, mantissa))
    low, high = expand(word, mantissa), expand(word + 1, mantissa)
    assert low <= count < high
    assert high - low <= max(1, 2.0**-mantissa * max(count, 1))


def test_an_input_mixes_linear_and_companded_words():
    source = EncoderInput(
        ("eta", "pt"),
        ("", "GeV"),
        FixedType([True, False], [8, 18], [4, 13]),
        np.array([3, 13]),
        np.array([-1, 7]),
    )
    jets = np.array([[-2.5, 0.0], [1.25, 3.0], [9.0, 100.0], [0.0, 9e9]], np.float32)
    words = source.to_words(jets)
    assert words[:, 0].tolist() == [-40, 20, 127, 0]
    top = hardware(2**18 - 1, 7)
    assert words[:, 1].tolist() == [0, 96, hardware(3200, 7), top]
    assert source.network_type.broadcast((2,)).width.tolist() == [8, top.bit_length()]
    values = source.network_type.to_values(words)
    assert np.abs(values).max() <= 1
    inside = jets[:2]
    np.testing.assert_allclose(source.scaled(inside), values[:2], atol=2.0**-7)
    assert source.saturated(jets) == {"eta": 1, "pt": 1}
    assert EncoderInput.from_config(source.to_config()).to_words(jets).tolist() == words.tolist()
