"""Entropy coding compiled by numba: the same integers as the NumPy code, many times as fast.

What is computed is stated by the code in `rans`, `gated` and `conditional`, which works without
numba; tests compare them. Nothing is compiled at import: a function is when it is first called, and
kept on disk.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Words = NDArray[np.int64]
States = NDArray[np.uint64]
Shorts = NDArray[np.uint16]
Ints = NDArray[np.int32]
Layer = tuple[Ints, Ints, Ints]

PRECISION, LOWEST = 14, 1 << 16
SLOTS = 1 << PRECISION
# Bits behind the point of reciprocals of frequencies, with which quotients of states are exact:
# they are below 2**18, and a reciprocal is off by less than 2**-46, times a state below 2**32.
RECIPROCAL = 46
GAIN_BITS, MAX_INPUT, MAX_ACTIVATION = 16, 2047, 65_535
# Rows that go through a network side by side.
TILE = 64

_compile = njit(cache=True, nogil=True)


@_compile
def split(
    numbers: Words,
    gate: Words,
    is_gated: bool,
    is_descending: bool,
    symbols: Shorts,
    occurring: Words,
) -> int:
    """Put high and low symbols where the gate is not 0 into `symbols`; return how many there are.

    Shapes (2, n), and of how often each symbol occurs (2, 2**12). See `gated.coded`.
    """
    n = 0
    for i in range(len(numbers)):
        x = numbers[i]
        if is_gated and gate[i] == 0:
            continue
        coded = (x << 1) ^ (x >> 63)
        if is_descending and x != 0:
            below = gate[i] - x
            coded = ((below << 1) ^ (below >> 63)) + 1
        high, low = coded >> 12, coded & 4095
        symbols[0, n], symbols[1, n] = high, low
        occurring[0, high] += 1
        occurring[1, low] += 1
        n += 1
    return n


@_compile
def join(
    high: Words, low: Words, gate: Words, is_gated: bool, is_descending: bool, numbers: Words
) -> None:
    """Put the numbers of which `split` returned these symbols into their places."""
    n = 0
    for i in range(len(numbers)):
        numbers[i] = 0
        if is_gated and gate[i] == 0:
            continue
        coded = (high[n] << 12) | low[n]
        n += 1
        if is_descending and coded != 0:
            coded -= 1
            numbers[i] = gate[i] - ((coded >> 1) ^ -(coded & 1))
        else:
            numbers[i] = (coded >> 1) ^ -(coded & 1)


@_compile
def encode_static(
    states: States, symbols: Words, first: Words, frequency: Words, out: Shorts, position: int
) -> int:
    """Code a column of one table, from its end; return where the next word goes."""
    reciprocal = np.empty(len(frequency), np.uint64)
    limit = np.empty(len(frequency), np.uint64)
    bias = np.empty(len(frequency), np.uint64)
    others = np.empty(len(frequency), np.uint64)
    for s in range(len(frequency)):
        f = max(frequency[s], 1)
        reciprocal[s] = (1 << RECIPROCAL) // f + 1
        limit[s] = f << (32 - PRECISION)
        bias[s], others[s] = first[s], SLOTS - f
    lanes = len(states)
    lane = (len(symbols) - 1) % lanes
    for i in range(len(symbols) - 1, -1, -1):
        s, x = symbols[i], states[lane]
        # Written in any case, and kept where it counts.
        out[position] = x & np.uint64(0xFFFF)
        if x >= limit[s]:
            x = x >> np.uint64(16)
            position += 1
        quotient = (x * reciprocal[s]) >> np.uint64(RECIPROCAL)
        states[lane] = x + quotient * others[s] + bias[s]
        lane = lane - 1 if lane else lanes - 1
    return position


@_compile
def encode_varied(
    states: States, first: Shorts, frequency: Shorts, out: Shorts, position: int
) -> int:
    """Code a column of first slots and frequencies, from its end; see `encode_static`."""
    lanes = len(states)
    lane = (len(first) - 1) % lanes
    for i in range(len(first) - 1, -1, -1):
        f, x = np.uint64(frequency[i]), states[lane]
        out[position] = x & np.uint64(0xFFFF)
        if x >= f << np.uint64(32 - PRECISION):
            x = x >> np.uint64(16)
            position += 1
        states[lane] = x + (x // f) * (np.uint64(SLOTS) - f) + np.uint64(first[i])
        lane = lane - 1 if lane else lanes - 1
    return position


@_compile
def decode_static(
    states: States, words: Shorts, position: int, first: Words, frequency: Words, symbols: Words
) -> int:
    """Decode a column of one table; return where the next word is."""
    # Of each slot, in one number: symbol, frequency, how far into the symbol the slot is.
    packed = np.empty(SLOTS, np.uint64)
    for s in range(len(frequency)):
        for within in range(frequency[s]):
            packed[first[s] + within] = (s << 32) | (frequency[s] << 16) | within
    lanes, lane, last = len(states), 0, len(words) - 1
    for i in range(len(symbols)):
        x = states[lane]
        found = packed[x & np.uint64(SLOTS - 1)]
        symbols[i] = found >> np.uint64(32)
        f, within = (found >> np.uint64(16)) & np.uint64(0xFFFF), found & np.uint64(0xFFFF)
        x = f * (x >> np.uint64(PRECISION)) + within
        refilled = (x << np.uint64(16)) | np.uint64(words[min(position, last)])
        if x < np.uint64(LOWEST):
            x = refilled
            position += 1
        states[lane] = x
        lane = lane + 1 if lane < lanes - 1 else 0
    return position


@_compile
def decode_uniform(
    states: States, words: Shorts, position: int, widths: Words, symbols: Words
) -> int:
    """Decode a column of equally frequent symbols, so many as `widths` says of each."""
    lanes, lane, last = len(states), 0, len(words) - 1
    for i in range(len(symbols)):
        width = widths[i]
        symbols[i] = 0
        if width > 1:
            x = np.int64(states[lane])
            slot = x & (SLOTS - 1)
            s = ((slot + 1) * width - 1) >> PRECISION
            first = (s << PRECISION) // width
            f = ((s + 1) << PRECISION) // width - first
            x = f * (x >> PRECISION) + slot - first
            if x < LOWEST:
                x = (x << 16) | np.int64(words[min(position, last)])
                position += 1
            states[lane], symbols[i] = x, s
        lane = lane + 1 if lane < lanes - 1 else 0
    return position


@_compile
def decode_varying(
    states: States, words: Shorts, position: int, start: int, shares: Ints, symbols: Words
) -> int:
    """Decode rows from `start` on, by the sums of shares of each, shape (n, n_symbols + 1)."""
    lanes, last, n_symbols = len(states), len(words) - 1, shares.shape[1] - 1
    lane, spare = start % lanes, SLOTS - n_symbols
    for i in range(len(symbols)):
        x, total = np.int64(states[lane]), np.int64(shares[i, n_symbols])
        slot = x & (SLOTS - 1)
        # The last symbol whose first slot is not above.
        low, high = 0, n_symbols
        while high - low > 1:
            s = (low + high) >> 1
            if shares[i, s] * spare < (slot - s + 1) * total:
                low = s
            else:
                high = s
        first = shares[i, low] * spare // total + low
        f = shares[i, low + 1] * spare // total + low + 1 - first
        x = f * (x >> PRECISION) + slot - first
        if x < LOWEST:
            x = (x << 16) | np.int64(words[min(position, last)])
            position += 1
        states[lane], symbols[i] = x, low
        lane = lane + 1 if lane < lanes - 1 else 0
    return position


@_compile
def _layer(x: Ints, layer: Layer, out: Ints) -> None:
    """Compute a layer of a tile: rows are side by side, shapes (n_in, TILE) and (n_out, TILE)."""
    weight, bias, shift = layer
    for o in range(weight.shape[1]):
        for r in range(TILE):
            out[o, r] = bias[o]
        for k in range(weight.shape[0]):
            w = weight[k, o]
            for r in range(TILE):
                out[o, r] += w * x[k, r]
        for r in range(TILE):
            out[o, r] >>= shift[o]


@_compile
def _shares(
    features: Words,
    start: int,
    n: int,
    scaling: tuple[Words, Words],
    layers: tuple[Layer, Layer, Layer],
    powers: Ints,
    hidden: tuple[Ints, Ints, Ints, Ints],
) -> None:
    """Put the shares of `n` rows from `start` on into the last of `hidden`, (n_symbols, TILE)."""
    (centre, gain), (x, first, second, logarithms) = scaling, hidden
    for k in range(len(centre)):
        for r in range(n):
            scaled = ((features[k, start + r] - centre[k]) * gain[k]) >> GAIN_BITS
            x[k, r] = min(max(scaled, -MAX_INPUT), MAX_INPUT)
    _layer(x, layers[0], first)
    for o in range(len(first)):
        for r in range(TILE):
            first[o, r] = min(max(first[o, r], 0), MAX_ACTIVATION)
    _layer(first, layers[1], second)
    for o in range(len(second)):
        for r in range(TILE):
            second[o, r] = min(max(second[o, r], 0), MAX_ACTIVATION)
    _layer(second, layers[2], logarithms)
    top = np.full(TILE, np.int32(-(1 << 31)), np.int32)
    for s in range(len(logarithms)):
        for r in range(TILE):
            top[r] = max(top[r], logarithms[s, r])
    last = len(powers) - 1
    for s in range(len(logarithms)):
        for r in range(TILE):
            logarithms[s, r] = powers[min(top[r] - logarithms[s, r], last)]


@_compile
def _workspace(layers: tuple[Layer, Layer, Layer]) -> tuple[Ints, Ints, Ints, Ints]:
    x = np.zeros((layers[0][0].shape[0], TILE), np.int32)
    first = np.empty((layers[0][0].shape[1], TILE), np.int32)
    second = np.empty((layers[1][0].shape[1], TILE), np.int32)
    return x, first, second, np.empty((layers[2][0].shape[1], TILE), np.int32)


@_compile
def cumulative_shares(features: Words, scaling: Any, layers: Any, powers: Ints, out: Ints) -> None:
    """Put sums of shares into `out`, (n, n_symbols + 1), of features, (n_features, n)."""
    hidden = _workspace(layers)
    for tile in range(0, len(out), TILE):
        n = min(TILE, len(out) - tile)
        _shares(features, tile, n, scaling, layers, powers, hidden)
        shares = hidden[3]
        for r in range(n):
            total = np.int32(0)
            out[tile + r, 0] = 0
            for s in range(len(shares)):
                total += shares[s, r]
                out[tile + r, s + 1] = total


@_compile
def intervals(
    features: Words,
    scaling: Any,
    layers: Any,
    powers: Ints,
    symbols: Words,
    first: Shorts,
    frequency: Shorts,
) -> None:
    """Put first slots and frequencies of symbols into their places; see `cumulative_shares`."""
    hidden = _workspace(layers)
    before, own, total = np.empty((3, TILE), np.int32)
    for tile in range(0, len(symbols), TILE):
        n = min(TILE, len(symbols) - tile)
        _shares(features, tile, n, scaling, layers, powers, hidden)
        shares = hidden[3]
        n_symbols = len(shares)
        before[:], own[:], total[:] = 0, 0, 0
        chosen = np.zeros(TILE, np.int32)
        chosen[:n] = symbols[tile : tile + n]
        for s in range(n_symbols):
            for r in range(TILE):
                share = shares[s, r]
                before[r] += share if s < chosen[r] else 0
                own[r] += share if s == chosen[r] else 0
                total[r] += share
        spare = SLOTS - n_symbols
        for r in range(n):
            low = np.int64(before[r]) * spare // total[r] + chosen[r]
            high = (np.int64(before[r]) + own[r]) * spare // total[r] + chosen[r] + 1
            first[tile + r], frequency[tile + r] = low, high - low
