import numpy as np

from aefpga.firmware.agreement import compare_all, first_difference
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words, random_spec


def test_a_single_wrong_word_is_found():
    spec = random_spec((6, 5, 3), 6)
    words = adversarial_words(spec)
    right = Emulator(spec)(words)
    wrong = right.copy()
    wrong[7, 2] += 1
    exact, broken, _ = compare_all({"a": right, "b": right.copy(), "c": wrong}, spec.outputs)
    assert exact.is_exact
    assert exact.first_jet is None
    assert not broken.is_exact
    assert (broken.words - broken.equal, broken.first_jet) == (1, 7)


def test_the_first_layer_is_named():
    spec = random_spec((6, 5, 4, 3), 6)
    words = adversarial_words(spec, n_random=10)
    right = Emulator(spec).trace(words)
    wrong = [w.copy() for w in right]
    wrong[1][4, 3] += 2
    wrong[2][1, 0] += 1
    names = [layer.name for layer in spec.layers]
    right, wrong = (dict(zip(names, x, strict=True)) for x in (right, wrong))
    found = first_difference(("a", right), ("b", wrong), words)
    assert (found.layer, found.jet, found.neuron) == ("hidden_2", 4, 3)
    assert found.values[1] - found.values[0] == 2
    assert found.inputs == tuple(words[4])
    assert str(found).startswith("a and b part at layer hidden_2: neuron 3 of jet 4 is ")
    assert first_difference(("a", right), ("a", right), words) is None
    assert np.array_equal(words[4], found.inputs)
