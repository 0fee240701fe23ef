"""The check of modulo words: numbers that tell the truth from what is mistaken for it."""

import numpy as np

from aefpga.entropy.learning import learn
from aefpga.entropy.schemes import PlainScheme
from aefpga.links.beam import Search, Sums
from aefpga.links.check import ODD, Mistakes, check_word, odd_numbers


def test_numbers_tell_apart_what_is_mistaken_most():
    # With the first numbers, 1, 3 and 5, both pass.
    turns = np.array([[1, -2, 1], [4, 2, -2]])
    mistakes = Mistakes(turns, np.array([0.4, 0.2]))
    assert mistakes.passing(turns @ np.array(ODD[:3])) == 0.4 + 0.2
    numbers = odd_numbers(mistakes, [0, 1, 2])
    assert mistakes.passing(turns @ np.array([numbers[j] for j in range(3)])) == 0
    assert len(set(numbers.values())) == 3
    assert all(number % 2 for number in numbers.values())


def test_mistakes_are_whole_turns_of_probable_steps():
    rng = np.random.default_rng(4)
    steps = np.stack([rng.integers(0, 8, 2000), rng.integers(0, 4, 2000)], axis=1)
    models = learn(PlainScheme(2), [(steps, np.ones(2000, np.int64))], batches=50)
    sums = Sums(np.eye(2, dtype=np.int64), np.zeros(2, int), np.array([2, 1]))
    ranges = np.array([[0, 7], [0, 3]])
    search = Search(PlainScheme(2), models, ranges, sums, {})
    mistakes = Mistakes.of(search, steps[:50], np.array([2, 1]))
    # One of two steps with the same two low bits, one of two with the same low bit, or both.
    assert len(mistakes.chance) == 50 * 3
    assert set(np.abs(mistakes.turns).ravel().tolist()) == {0, 1}
    np.testing.assert_allclose(mistakes.chance, 0.5, atol=0.2)


def test_a_step_off_by_one_turn_changes_the_check():
    widths = np.array([3, 5, 0])
    word = check_word(["a", "b", "c"], widths, {0: 7, 2: 9})
    assert (dict(word.weights), word.shift) == ({"a": 7 << 2, "c": 9 << 5}, 5)
