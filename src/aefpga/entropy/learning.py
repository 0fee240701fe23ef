"""Learning the models of conditional entropy coding, with NumPy alone.

Each column has a network of its own: two hidden layers, trained in float32 by Adam (D. Kingma and
J. Ba, arXiv:1412.6980) on the cross-entropy of its symbols, at last with the weights that they are
rounded to, which are small integers.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from aefpga.entropy.column_model import (
    BLOCK,
    FRACTION,
    GAIN_BITS,
    MAX_INPUT,
    NARROW,
    SLOTS,
    ColumnModel,
    IntegerLayer,
    standardised,
)
from aefpga.entropy.schemes import ZERO, Scheme
from aefpga.progress import Step, silent

Words = NDArray[np.int64]
Floats = NDArray[np.float32]
Features = NDArray[np.int16]
# A table of integers, and how many of its rows belong to each event.
Sample = tuple[Words, Words]

# More neurons or batches gain less than 1 % (docs/codec.md).
HIDDEN = 16
# More bins where each step saves so many bits a number.
BINS, LEAST_SAVED = (64, 96, 128), 0.01
# Distances that a bin was seen to hold, at least.
LEAST_IN_BIN = 16
BATCHES = 1500
BATCH = 512
# Of small samples; more would learn them by heart.
MAX_EPOCHS = 40
# Parameters move fast at first, and come to rest on a cosine.
LEARNING_RATE = 2e-2
WARM_UP = 50
# Weights have 6 bits, and are rounded to them in training after this share of it (Y. Bengio et al.,
# arXiv:1308.3432): a model of 8 bits is a third larger, and saves 0.01 bits a jet (docs/codec.md).
MAX_WEIGHT, MAX_SHIFT = 31, 12
ROUNDED_AFTER = 0.6
# Bits behind the point of biases.
BIAS_FRACTION = 5
# What activations are cut to, in training.
LARGEST = np.float32(NARROW.max_activation / (1 << FRACTION))
# Features are kept in 16 bits; of steps so many that they are not enough, less is learned.
MAX_FEATURE = 32_767


def learn(
    scheme: Scheme,
    samples: Iterable[Sample],
    step: Step = silent,
    *,
    seed: int = 1,
    batches: int | None = None,
) -> list[ColumnModel]:
    """Return the models of all columns, as the scheme numbers them.

    Parameters
    ----------
    scheme : Scheme
        The order, and what is known at each place.
    samples : iterable of pairs of ndarray
        Tables of integers, with the number of rows of each event.
    step : Step
        Told how many models are learned.
    seed : int
        Decides where networks start and the order of their batches.
    batches : int or None
        On which each network is trained, at most, and never more than `BATCHES`.
    """
    n_models = max(scheme.model_of) + 1
    features: list[list[Features]] = [[] for _ in range(n_models)]
    distances: list[list[Words]] = [[] for _ in range(n_models)]
    for table, counts in samples:
        for column, every, hint in scheme.walk(counts, table):
            rows = every
            if gate := scheme.gates[column]:
                there = np.flatnonzero(table[every, gate.column])
                rows, hint = every[there], hint.at(there)
            number, n = scheme.model_of[column], len(rows)
            here = np.empty((n, len(hint.features)), np.int16)
            for start in range(0, n if hint.features else 0, BLOCK):
                some = slice(start, start + BLOCK)
                here[some] = np.clip(hint.block(some), -MAX_FEATURE, MAX_FEATURE).T
            features[number].append(here)
            distances[number].append(hint.distances(table[rows, column]))

    def column_model(number: int) -> ColumnModel:
        inputs, targets = np.concatenate(features[number]), np.concatenate(distances[number])
        # All columns' features together are the most memory that is needed at any time.
        features[number].clear()
        rng = np.random.default_rng((seed, number))
        return learn_column(inputs, targets, rng, min(batches or BATCHES, BATCHES))

    models = []
    # Matrices are small: threads of linear algebra would only wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, model in enumerate(pool.map(column_model, range(n_models)), 1):
            models.append(model)
            step("learning", done, n_models)
    return models


def learn_column(
    features: Features, distances: Words, rng: np.random.Generator, batches: int
) -> ColumnModel:
    """Return the model of one column: its bins, and a network where there is something to learn."""
    edges = bin_edges(distances[distances != ZERO])
    empty = np.zeros(0, np.int64)
    model = ColumnModel(edges, empty, empty, empty, (), NARROW)
    symbols = model.symbols(distances)
    counts = np.bincount(symbols, minlength=len(edges) + 1)
    frequencies = 1 + counts * (SLOTS - len(counts)) // max(counts.sum(), 1)
    frequencies[frequencies.argmax()] += SLOTS - frequencies.sum()
    if not features.shape[1] or len(np.unique(symbols)) < 2:
        return ColumnModel(edges, frequencies, empty, empty, (), NARROW)
    centre = np.rint(features.mean(axis=0)).astype(np.int64)
    spread = np.maximum(features.std(axis=0), 0.05)
    # Powers of two take less space.
    gain = 1 << np.rint(GAIN_BITS + FRACTION - np.log2(spread)).astype(np.int64)
    x = standardised(features.T, centre, gain).T.astype(np.float32) / np.float32(1 << FRACTION)
    largest = (MAX_INPUT, NARROW.max_activation, NARROW.max_activation)
    trained = _train(x, symbols, counts, rng, batches)
    integers = [_as_integers(*layer, most) for layer, most in zip(trained, largest, strict=True)]
    return ColumnModel(edges, empty, centre, gain, integers, NARROW)


def bin_edges(distances: Words) -> Words:
    """Return edges of bins with equal numbers of distances, as far as can be, and of gaps."""
    if not len(distances):
        return np.array([0, 1])
    values, counts = np.unique(distances, return_counts=True)
    edges = _finest(values, counts, BINS[0])
    for bins in BINS[1:]:
        finer = _finest(values, counts, bins)
        if _lost(values, counts, edges) - _lost(values, counts, finer) < LEAST_SAVED:
            break
        edges = finer
    return edges


def _lost(values: Words, counts: Words, edges: Words) -> float:
    """Return the bits a number that are lost where all numbers of a bin are equally probable.

    What chance makes of few numbers is not lost (G. Miller, 1955).
    """
    place = np.searchsorted(edges, values, side="right") - 1
    held, different = np.bincount(place, counts), np.bincount(place)
    # Of each bin: bits of equally probable numbers, and of those that there are.
    equal = held * np.log2(np.diff(edges))
    there = held * np.log2(np.maximum(held, 1)) - np.bincount(place, counts * np.log2(counts))
    by_chance = np.maximum(different - 1, 0) / np.log(4)
    return float((equal - there - by_chance).sum() / counts.sum())


def _finest(values: Words, counts: Words, bins: int) -> Words:
    """Return edges of at most about so many bins, of values that occur so often.

    They hold as few distances as leaves so many bins: where much is the same, the rest is told
    apart more finely.
    """
    few, many = LEAST_IN_BIN, max(int(counts.sum()) // bins, LEAST_IN_BIN)
    while many - few > few // 16:
        middle = (few + many) // 2
        if len(_edges(values, counts, middle)) <= bins + 1:
            many = middle
        else:
            few = middle + 1
    return _edges(values, counts, many)


def _edges(values: Words, counts: Words, least: int) -> Words:
    """Return edges of bins that hold so many at least, of values that occur so often."""
    edges, held = [int(values[0])], 0
    following = [*values[1:].tolist(), None]
    for value, count, next_one in zip(values.tolist(), counts.tolist(), following, strict=True):
        if held and held + count > 1.5 * least:
            edges.append(value)
            held = 0
        held += count
        if held < least or next_one is None:
            continue
        # What nothing was seen in must not widen a bin that much was seen in.
        if next_one - value > 1:
            edges.append(value + 1)
        edges.append(next_one)
        held = 0
    return np.unique([*edges, int(values[-1]) + 1])


def _train(
    x: Floats, symbols: Words, counts: Words, rng: np.random.Generator, batches: int
) -> list[tuple[Floats, Floats]]:
    """Return float weights and biases of three layers, trained to tell logarithms of shares."""
    sizes = (x.shape[1], HIDDEN, HIDDEN, len(counts))
    weights = [_start(rng, *pair) for pair in pairwise(sizes)]
    biases = [np.zeros(size, np.float32) for size in sizes[1:]]
    weights[-1] *= np.float32(0.4)
    biases[-1][:] = np.log2((counts + 0.3) / (counts + 0.3).sum())
    adam = _Adam([*weights, *biases])
    in_epoch = max(len(x) // BATCH, 1)
    batches = min(batches, MAX_EPOCHS * in_epoch)
    for number in range(batches):
        if number % in_epoch == 0:
            order = rng.permutation(len(x))
        batch = order[number % in_epoch * BATCH :][:BATCH]
        rate = LEARNING_RATE * min(1, (number + 1) / WARM_UP)
        is_late = number >= ROUNDED_AFTER * batches
        used = [_rounded(weight) for weight in weights] if is_late else weights
        adam.step(
            _gradients(x[batch], symbols[batch], used, biases),
            rate * (1 + np.cos(np.pi * number / batches)) / 2,
        )
    return list(zip(weights, biases, strict=True))


def _start(rng: np.random.Generator, n_in: int, n_out: int) -> Floats:
    """Return weights that keep the variance of ReLU layers (K. He et al., arXiv:1502.01852)."""
    weights = rng.normal(size=(n_in, n_out)) * np.sqrt(2 / n_in)
    return np.asarray(weights, np.float32)


def _gradients(
    x: Floats, symbols: Words, weights: list[Floats], biases: list[Floats]
) -> list[Floats]:
    """Return gradients of the mean bits of symbols, of all weights and then all biases."""
    values = [x]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        values.append(np.clip(values[-1] @ weight + bias, 0, LARGEST))
    logits = values[-1] @ weights[-1] + biases[-1]
    share = np.exp2(logits - logits.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    share[np.arange(len(x)), symbols] -= 1
    error = share / np.float32(len(x))
    of_weights: list[Floats] = []
    of_biases: list[Floats] = []
    for layer in reversed(range(len(weights))):
        of_weights.insert(0, values[layer].T @ error)
        of_biases.insert(0, error.sum(axis=0))
        # Where they were cut, they do not change.
        error = (error @ weights[layer].T) * ((values[layer] > 0) & (values[layer] < LARGEST))
    return [*of_weights, *of_biases]


class _Adam:
    """Moves parameters, in place, along their gradients."""

    def __init__(self, parameters: list[Floats], decay: float = 0.9, decay_square: float = 0.99):
        self._parameters, self._decay, self._decay_square = parameters, decay, decay_square
        self._means = [np.zeros_like(p) for p in parameters]
        self._squares = [np.zeros_like(p) for p in parameters]
        self._number = 0

    def step(self, gradients: list[Floats], rate: float) -> None:
        """Take a step."""
        self._number += 1
        scale = 1 - self._decay**self._number
        scale_square = 1 - self._decay_square**self._number
        for i, gradient in enumerate(gradients):
            mean, square = self._means[i], self._squares[i]
            mean += (1 - self._decay) * (gradient - mean)
            square += (1 - self._decay_square) * (np.square(gradient) - square)
            self._parameters[i] -= (rate / scale) * mean / (np.sqrt(square / scale_square) + 1e-8)


def _bits_behind(weight: Floats) -> Floats:
    """Return how many bits behind the point weights of each neuron have, shape (n_out,)."""
    most = np.maximum(np.abs(weight).max(axis=0), 1e-9)
    return np.asarray(np.clip(np.floor(np.log2(MAX_WEIGHT / most)), 0, MAX_SHIFT), np.float32)


def _rounded(weight: Floats) -> Floats:
    """Return weights as integers will have them."""
    scale = np.exp2(_bits_behind(weight))
    return np.asarray(np.clip(np.rint(weight * scale), -MAX_WEIGHT, MAX_WEIGHT) / scale)


def _as_integers(weight: Floats, bias: Floats, largest: int) -> IntegerLayer:
    """Return a layer of integer weights, a binary point for each neuron.

    Points are such that sums of inputs of at most `largest` are exact.
    """
    shift = _bits_behind(weight)
    while True:
        whole = np.rint(bias * 2**BIAS_FRACTION).astype(np.int64)
        layer = IntegerLayer(
            np.clip(np.rint(weight * 2**shift), -MAX_WEIGHT, MAX_WEIGHT).astype(np.int8),
            whole << (shift.astype(np.int64) + FRACTION - BIAS_FRACTION),
            shift.astype(np.int8),
        )
        over = layer.reach(largest) >= NARROW.max_sum
        if not over.any():
            return layer
        # Where no bit behind the point is left, the network is another one from here on.
        weight, bias = (np.where(over & (shift == 0), part / 2, part) for part in (weight, bias))
        shift = np.where(over, np.maximum(shift - 1, 0), shift)
