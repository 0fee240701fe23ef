"""Weights of a linear encoder as integers that cost little logic and lose next to nothing.

An adder is spent on each digit of a weight that is not zero (in signed digits, of which an integer
needs the fewest: Reitwieser, Adv. Comput. 1 (1960) 231), so digits have a price. And weights are
not rounded one by one: whatever only mixes the latents the decoder undoes, and what one weight
loses others can make up for. What counts is how well the latents of the unrounded weights follow
from the words of the rounded ones, which for a linear encoder is known in closed form.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint import FixedType, Tensor
from aefpga.trainers.calibrate import FINEST_POINT

Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]

# Wider weights than these gain nothing, and there are many of them to try.
WIDEST = 8
# An input is a sum of others where less than this of its last bit is left, as a variance.
NOTHING = 1e-6
# An input is like no other of which the others leave open more than this share of its variance, and
# its own is the word that has most of its variance, and this share, from it.
LIKE_NO_OTHER, OWN = 0.9, 0.8
# A weight stays this close to where it was, of itself or in steps, or is zero: what was trained is
# not given up for what is best only where decoders are linear.
NEAR, NEAREST = 0.5, 2
MOST_PASSES = 20
# A change that gains less, of the whole error, is none.
LEAST_GAIN = 1e-9


@dataclass(frozen=True)
class LatentError:
    """What is lost of the latents ``x @ weight`` where only rounded words of others are known.

    Parameters
    ----------
    covariance : ndarray of float64, shape (n_in, n_in)
        Of the inputs x.
    weight : ndarray of float64, shape (n_in, n_latent)
        The unrounded weights.
    sensitivity : ndarray of float64, shape (n_latent, n_latent)
        How much an error of the latents counts, as a quadratic form.
    noise : ndarray of float64, shape (n_latent,)
        Variance of each word's rounding.
    """

    covariance: Matrix
    weight: Matrix
    sensitivity: Matrix
    noise: NDArray[np.float64]

    def __call__(self, kernel: Matrix) -> float:
        """Return the error of the best linear estimate from the words of another kernel."""
        lost = self.weight.T @ self._left(kernel, self.noise) @ self.weight
        return float(np.sum(self.sensitivity * lost))

    def mixing(self, kernel: Matrix) -> Matrix:
        """Return what the words of another kernel are to be multiplied by for that estimate."""
        seen = kernel.T @ self.covariance
        words = seen @ kernel + np.diag(self.noise)
        return np.asarray(np.linalg.solve(words, seen @ self.weight))

    def of_column(self, kernel: Matrix, latent: int) -> tuple[Matrix, Matrix]:
        """Return Q and A: v as a latent's column saves ``v'Qv / (v'Av + noise)`` beside none."""
        left = self._left(np.delete(kernel, latent, axis=1), np.delete(self.noise, latent))
        middle = self.weight @ self.sensitivity @ self.weight.T
        return np.asarray(left @ middle @ left), left

    def _left(self, kernel: Matrix, noise: NDArray[np.float64]) -> Matrix:
        """Return the covariance of the inputs that the words of a kernel leave open."""
        seen = kernel.T @ self.covariance
        words = seen @ kernel + np.diag(noise)
        return np.asarray(self.covariance - seen.T @ np.linalg.solve(words, seen))


def without_sums(
    weight: Matrix, covariance: Matrix, steps: Matrix
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return the weights with those of inputs that are sums of others moved to these, and which.

    Parameters
    ----------
    weight : ndarray of float64, shape (n_in, n_latent)
    covariance : ndarray of float64, shape (n_in, n_in)
        Of the inputs.
    steps : ndarray of float64, shape (n_in,)
        Value of the last bit of each input's word.
    """
    weight, used = weight.copy(), np.ones(len(weight), bool)
    # The last first: a record's sums come after their parts.
    for i in reversed(range(len(weight))):
        others = used & (np.arange(len(weight)) != i)
        shares, left = _from_others(covariance, i, others)
        if left < NOTHING * steps[i] ** 2:
            weight[others] += np.outer(shares, weight[i])
            weight[i], used[i] = 0.0, False
    return weight, used


def words_to_themselves(weight: Matrix, covariance: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return the weights with words left to inputs like no other, and which need not be zero.

    Where such an input is beyond the range that it had in training, its word saturates, and no
    other input tells what is lost: a word of others that has some of it, too, is misread, as is
    what else was in its own. So it is taken out of those, and they out of its own.

    Parameters
    ----------
    weight : ndarray of float64, shape (n_in, n_latent)
    covariance : ndarray of float64, shape (n_in, n_in)
        Of the inputs.
    """
    weight, free, inputs = weight.copy(), np.ones(weight.shape, bool), np.arange(len(weight))
    between = covariance @ weight
    variance = np.outer(np.diag(covariance), np.sum(weight * between, axis=0))
    share = np.divide(between**2, variance, out=np.zeros_like(weight), where=variance > 0)
    for i in np.flatnonzero(share.max(axis=1) > OWN).tolist():
        _, left = _from_others(covariance, i, inputs != i)
        if left > LIKE_NO_OTHER * covariance[i, i]:
            own = share[i].argmax()
            others = np.arange(weight.shape[1]) != own
            # The latents go on saying together what they said.
            weight[:, others] -= np.outer(weight[:, own], weight[i, others] / weight[i, own])
            free[i], free[:, own] = ~others, inputs == i
    return weight * free, free


def _from_others(
    covariance: Matrix, i: int, others: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """Return an input's regression on others, and the variance that these leave open."""
    between = covariance[np.ix_(others, others)]
    shares = np.linalg.lstsq(between, covariance[others, i], rcond=1e-10)[0]
    return shares, float(covariance[i, i] - shares @ covariance[others, i])


def signed_digits(words: Integers) -> Integers:
    """Return how many digits of 1 or -1 each integer needs, at least."""
    size = np.abs(words)
    return np.asarray(np.bitwise_count((3 * size) ^ size), np.int64)


@dataclass
class Rounding:
    """Integer weights on their way to fewer digits.

    Parameters
    ----------
    error : LatentError
        What is lost.
    start : ndarray of float64, shape (n_in, n_latent)
        The weights that are rounded; those of the error's latents, or what says the same.
    inputs : ndarray, shape (n_records, n_in)
        Records on which no latent may leave the range of a word, which is from -1 to 1 once a bias
        has centred it.
    kept : ndarray of bool, shape (n_records, n_latent)
        Which latents that is asked of.
    used : ndarray of bool, shape (n_in, n_latent)
        Weights that need not be zero.
    bits : int
        Width of a weight, at most.
    """

    error: LatentError
    start: Matrix
    inputs: NDArray[np.floating[Any]]
    kept: NDArray[np.bool_]
    used: NDArray[np.bool_]
    bits: int

    def __post_init__(self) -> None:
        largest = (1 << (min(self.bits, WIDEST) - 1)) - 1
        size = np.abs(self.start).max(axis=0)
        size = np.maximum(size, size.max() * 2.0**-FINEST_POINT)
        point = np.floor(np.log2(largest / size)).astype(np.int64)
        self.fraction = np.minimum(point, point.min() + FINEST_POINT)
        self.words = np.rint(np.ldexp(self.start, self.fraction)).astype(np.int64)
        self._whole = self.error(self.error.weight)
        self._choices = np.arange(-largest, largest + 1)
        self._digits = signed_digits(self._choices)
        start = self.words.T[:, :, None]
        near = np.abs(self._choices - start) <= np.maximum(NEAR * np.abs(start), NEAREST)
        self._near = near | (self._choices == 0)

    @property
    def kernel(self) -> Matrix:
        """The numbers that the integers stand for."""
        return np.asarray(np.ldexp(self.words.astype(np.float64), -self.fraction))

    def descend(self, price: float) -> None:
        """Change one weight after another for as long as that pays.

        Parameters
        ----------
        price : float
            Of a digit, in errors of the unrounded weights.
        """
        for _ in range(MOST_PASSES):
            changed = [self._descend_column(o, price) for o in range(self.words.shape[1])]
            if not any(changed):
                return

    def _descend_column(self, latent: int, price: float) -> bool:
        """Change the weights of one latent, the best change first; return whether any was."""
        gain, left = self.error.of_column(self.kernel, latent)
        noise, inputs = self.error.noise[latent], self.inputs[self.kept[:, latent]]
        step, words = 2.0 ** -int(self.fraction[latent]), self.words[:, latent]
        before, allowed = words.copy(), self._near[latent] & self.used[:, latent, None]
        while True:
            v, moves = words * step, (self._choices - words[:, None]) * step
            gained, spread = (_quadratic(form, v, moves) for form in (gain, left))
            digits = self._digits - signed_digits(words)[:, None]
            score = price * digits - gained / (spread + noise) / self._whole
            now = -(v @ gain @ v) / (v @ left @ v + noise) / self._whole
            score[~allowed] = np.inf
            i, choice = np.unravel_index(int(score.argmin()), score.shape)
            if score[i, choice] >= now - LEAST_GAIN:
                return not np.array_equal(words, before)
            latents = inputs @ v
            moved = latents + inputs[:, i] * moves[i, choice]
            if np.ptp(moved) > max(2.0, np.ptp(latents)):
                # So does whatever is further off: a range is a convex function of a weight.
                further = moves[i] >= moves[i, choice]
                allowed[i] &= ~further if moves[i, choice] > 0 else further
                allowed[i, choice] = False
            else:
                words[i] = self._choices[choice]

    def tensor(self, bits: int | None = None) -> Tensor:
        """Return the integers, each neuron's in the narrowest type, or in one of `bits`."""
        if bits is not None:
            return Tensor(self.words.copy(), FixedType(True, bits, bits - self.fraction))
        zeros = _zeros_below(self.words)
        words = self.words >> zeros
        width = np.frexp(np.abs(words).max(axis=0).astype(np.float64))[1] + 1
        return Tensor(words, FixedType(True, width, width - (self.fraction - zeros)))


def _quadratic(form: Matrix, v: Matrix, moves: Matrix) -> Matrix:
    """Return the quadratic form of v with each of its elements moved by each of its moves."""
    return np.asarray(
        v @ form @ v + moves * (2 * (form @ v)[:, None] + moves * np.diag(form)[:, None])
    )


def _zeros_below(words: Integers) -> Integers:
    """Return how many low bits are zero in all integers of each column."""
    any_bit = np.bitwise_or.reduce(words, axis=0)
    return np.asarray(
        np.where(any_bit, np.frexp((any_bit & -any_bit).astype(np.float64))[1] - 1, 0), np.int64
    )


def relative_sensitivities(of_each: Matrix, error: LatentError) -> Matrix:
    """Return the sensitivities with which each variable's error counts in shares of its own.

    Parameters
    ----------
    of_each : ndarray of float64, shape (n_variables, n_latent, n_latent)
        How much an error of the latents counts for each variable.
    error : LatentError
        Of the unrounded weights; its own sensitivity is not read.
    """
    own = np.array([replace(error, sensitivity=each)(error.weight) for each in of_each])
    return np.asarray(of_each / np.maximum(own, own.max() * 1e-6)[:, None, None] / len(own))
