"""Rounding the weights of a linear encoder together: closed forms against plain linear algebra."""

from dataclasses import replace

import numpy as np
import pytest

from aefpga.trainers.rounding import (
    LatentError,
    Rounding,
    signed_digits,
    without_sums,
    words_to_themselves,
)

RNG = np.random.default_rng(3)
INPUTS = RNG.normal(size=(3000, 6)) @ RNG.normal(size=(6, 6)) * 0.05
COVARIANCE = np.cov(INPUTS, rowvar=False)
STEPS = 2.0 ** -np.array([6, 5, 4])
ANY = np.ones((6, 3), bool)


def problem():
    weight = RNG.normal(size=(6, 3))
    weight /= np.ptp(INPUTS @ weight, axis=0) / 2
    return LatentError(COVARIANCE, weight, np.diag([1.0, 2.0, 0.5]), STEPS**2 / 12)


def everywhere():
    return np.ones((len(INPUTS), 3), bool)


def test_digits_are_those_of_the_shortest_sum_of_powers():
    assert signed_digits(np.array([0, 1, -2, 3, 7, -7, 11, 15, 85])).tolist() == [
        0, 1, 1, 2, 2, 2, 3, 2, 4
    ]  # fmt: skip


def test_the_error_is_that_of_a_regression_on_noisy_words():
    error, kernel = problem(), RNG.normal(size=(6, 3))
    words = INPUTS @ kernel + RNG.normal(0, np.sqrt(error.noise), (3000, 3))
    wanted = INPUTS @ error.weight
    fit = np.linalg.lstsq(np.c_[words, np.ones(3000)], wanted, rcond=None)[0]
    left = wanted - np.c_[words, np.ones(3000)] @ fit
    assert error(kernel) == pytest.approx((left**2).mean(axis=0) @ [1, 2, 0.5], rel=0.05)
    np.testing.assert_allclose(error.mixing(kernel), fit[:-1], atol=0.05)


def test_what_a_column_adds_is_what_the_error_loses():
    error, kernel = problem(), RNG.normal(size=(6, 3))
    gain, left = error.of_column(kernel, 1)
    v, without = kernel[:, 1], kernel * [1, 0, 1]
    saved = (v @ gain @ v) / (v @ left @ v + error.noise[1])
    assert error(kernel) == pytest.approx(error(without) - saved, rel=1e-9)


def test_weights_of_sums_move_to_their_parts():
    parts = np.rint(RNG.normal(0, 50, (2000, 3)))
    inputs = np.c_[parts, parts[:, 0] + parts[:, 2], parts[:, 1]]
    weight = RNG.normal(size=(5, 2))
    moved, used = without_sums(weight, np.cov(inputs, rowvar=False), np.ones(5))
    assert used.tolist() == [True, True, True, False, False]
    assert not moved[~used].any()
    np.testing.assert_allclose(inputs @ moved, inputs @ weight, atol=1e-6)


def test_a_word_that_saturates_spoils_no_other():
    # An input like no other has a word, as training may leave it: with some of others, and in them.
    rng, step = np.random.default_rng(4), 2.0**-6
    inputs = np.c_[INPUTS[:, :3], rng.uniform(-1, 1, 3000)]
    covariance = np.cov(inputs, rowvar=False)
    weight = np.c_[rng.normal(size=(4, 3)), [0.3, -0.6, 0.3, 1.0]]
    weight[3, :3] = [0.0, 0.4, -0.3]
    moved, free = words_to_themselves(weight, covariance)
    own = np.arange(4) == 3
    assert free.tolist() == (own[:, None] == own).tolist()
    assert not moved[~free].any()
    # The others say the same together.
    both = np.c_[moved[:, :3], weight[:, 3]]
    np.testing.assert_allclose(both @ np.linalg.lstsq(both, weight)[0], weight, atol=1e-12)

    def error_of_the_rest(kernel, records):
        """Return how far off the others are where words are rounded and saturate."""
        kernel = kernel / np.abs(inputs @ kernel).max(axis=0)
        rest = LatentError(covariance, weight * ~own[:, None], np.eye(4), np.full(4, step**2 / 12))
        words = np.clip(np.rint(records @ kernel / step) * step, -1, 1)
        return np.abs(words @ rest.mixing(kernel) - records @ rest.weight).max()

    far = inputs + 3.0 * own
    near = [error_of_the_rest(kernel, inputs) for kernel in (weight, moved)]
    assert error_of_the_rest(weight, far) > 10 * near[0]
    assert error_of_the_rest(moved, far) == pytest.approx(near[1], rel=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.69, 0.95])
def test_as_many_words_as_inputs_lose_none_to_others(correlation):
    covariance = np.eye(4)
    covariance[0, 3] = covariance[3, 0] = correlation
    # Two words are mostly the last input, and together the first, too.
    weight = np.array([[0, 0, 0.8, -0.5], [1, 0, 0, 0.1], [0, 1, 0.1, 0], [0, 0, 1.6, 2]])
    moved, free = words_to_themselves(weight, covariance)
    assert free.any(axis=1).all()
    assert np.linalg.matrix_rank(moved) == 4


def test_inputs_of_which_others_tell_and_shared_words_stay_as_they_are():
    weight = np.random.default_rng(4).normal(size=(6, 3))
    moved, free = words_to_themselves(weight, COVARIANCE)
    assert free.all()
    np.testing.assert_array_equal(moved, weight)


def test_rounding_together_is_better_than_rounding_each_and_a_price_saves_digits():
    error = problem()
    used = np.broadcast_to(np.arange(6) != 4, (3, 6)).T
    rounding = Rounding(error, error.weight, INPUTS, everywhere(), used, bits=5)
    each, digits = error(rounding.kernel), signed_digits(rounding.words).sum()
    rounding.descend(0.0)
    together = error(rounding.kernel)
    assert together < each
    assert np.ptp(INPUTS @ rounding.kernel, axis=0).max() <= 2 * 1.1
    rounding.descend(0.05)
    assert signed_digits(rounding.words).sum() < digits
    assert error(rounding.kernel) > together


def test_what_is_clipped_anyway_does_not_bound_the_weights():
    error = problem()
    error = replace(error, weight=error.weight * 0.6)
    beyond = 2 * INPUTS[np.abs(INPUTS @ error.weight).argmax(axis=0)]
    inputs, spans = np.vstack([INPUTS, beyond]), []
    for is_asked in (False, True):
        kept = np.vstack([everywhere(), np.full((3, 3), is_asked)])
        rounding = Rounding(error, error.weight, inputs, kept, ANY, bits=6)
        rounding.descend(0.0)
        spans.append(np.ptp(INPUTS @ rounding.kernel, axis=0))
    assert spans[1].sum() < 0.95 * spans[0].sum()
    assert spans[0].max() <= 2


def test_words_are_in_the_narrowest_types_or_in_those_given():
    error = problem()
    rounding = Rounding(error, error.weight, INPUTS, everywhere(), ANY, bits=6)
    narrow, given = rounding.tensor(), rounding.tensor(6)
    np.testing.assert_array_equal(narrow.values, rounding.kernel)
    np.testing.assert_array_equal(given.values, rounding.kernel)
    assert given.type.width == 6
    rounding.words[:, 1] = [0, 4, -8, 0, 0, 12]
    assert rounding.tensor().type.width.tolist()[1] == 3
    assert rounding.tensor().values[:, 1].tolist() == rounding.kernel[:, 1].tolist()
