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
Counts = NDArray[np.uint32]
Shorts = NDArray[np.uint16]
Ints = NDArray[np.int32]
Values = NDArray[np.floating[Any]]

PRECISION, LOWEST = 14, 1 << 16
SLOTS = 1 << PRECISION
# Bits behind the point of reciprocals of frequencies, with which quotients of states are exact:
# they are below 2**18, and a reciprocal is off by less than 2**-46, times a state below 2**32.
RECIPROCAL = 46
SYMBOL_BITS, LOW_BITS = np.uint64(12), np.uint64((1 << 12) - 1)
GAIN_BITS, MAX_INPUT = 16, 2047
# Side by side, for one counter of what is frequent would wait for itself.
COUNTERS = 4
# Rows whose shares are computed side by side.
TILE = 64

_compile = njit(cache=True, nogil=True)


@_compile
def split(
    numbers: Words,
    gate: Words,
    is_gated: bool,
    is_descending: bool,
    most: int,
    highs: Shorts,
    lows: Shorts,
    occurring: Counts,
) -> int:
    """Put high and low symbols where the gate is not 0 into two arrays; return how many there are.

    The array of high ones is full of zeros. Shape of how often each symbol occurs: (1 + `COUNTERS`,
    2**12), low ones after the high. See `gated._Coded`. Return -1 if a number is larger than
    `most`, or a column does not keep to its gate.
    """
    n = np.uint64(0)
    for i in range(len(numbers)):
        x = numbers[i]
        if is_gated and gate[i] == 0:
            if x != 0:
                return -1
            continue
        coded = (x << 1) ^ (x >> 63)
        if is_descending:
            below = gate[i] - x
            if abs(below) >= most:
                return -1
            if x != 0:
                coded = ((below << 1) ^ (below >> 63)) + 1
        if x > most or x < -most:
            return -1
        high, low = np.uint64(coded) >> SYMBOL_BITS, np.uint64(coded) & LOW_BITS
        lows[n] = low
        # Most high ones are 0.
        if high:
            highs[n] = high
            occurring[0, high] += np.uint32(1)
        occurring[np.uint64(1) + n % np.uint64(COUNTERS), low] += np.uint32(1)
        n += np.uint64(1)
    occurring[0, 0] = n - occurring[0].sum()
    return int(np.int64(n))


@_compile
def narrow(numbers: Words, symbols: Shorts, occurring: Counts) -> bool:
    """Put numbers into `symbols`, and how often each occurs; return whether all are symbols.

    Shapes (n,) and (`COUNTERS`, 2**12).
    """
    beyond = np.uint64(0)
    for i in range(len(numbers)):
        x = np.uint64(numbers[i])
        symbol = x & LOW_BITS
        beyond |= x - symbol
        symbols[i] = symbol
        occurring[np.uint64(i) % np.uint64(COUNTERS), symbol] += np.uint32(1)
    return bool(beyond == 0)


@_compile
def join(
    high: Words, low: Words, gate: Words, is_gated: bool, is_descending: bool, numbers: Words
) -> None:
    """Put the numbers of which `split` returned these symbols into their places.

    Where all are the same, one is enough.
    """
    n, last_high, last_low = np.uint64(0), np.uint64(len(high) - 1), np.uint64(len(low) - 1)
    for i in range(len(numbers)):
        is_open = not is_gated or gate[i] != 0
        coded = (high[min(n, last_high)] << 12) | low[min(n, last_low)]
        n += np.uint64(is_open)
        is_there = is_open
        if is_descending:
            is_there &= coded != 0
            coded -= 1
        x = (coded >> 1) ^ -(coded & 1)
        numbers[i] = (gate[i] - x if is_descending else x) if is_there else 0


@_compile
def _taken(
    states: States,
    lane: int | np.uint64,
    words: Shorts,
    position: np.uint64,
    frequency: np.uint64,
    within: np.uint64,
) -> np.uint64:
    """Take a symbol off a state whose slot is so far within it; return where the next word is.

    One is read in any case, and kept where it counts. All numbers are unsigned, for indices that
    may be negative cost as much as the rest.
    """
    x = frequency * (states[lane] >> np.uint64(PRECISION)) + within
    last = np.uint64(len(words) - 1)
    refilled = (x << np.uint64(16)) | np.uint64(words[position if position < last else last])
    is_low = x < np.uint64(LOWEST)
    states[lane] = refilled if is_low else x
    return position + np.uint64(is_low)


@_compile
def _made_room(
    states: States, lane: np.uint64, limit: np.uint64, out: Shorts, position: np.uint64
) -> np.uint64:
    """Write a word of a state that is not below its limit; return where the next word goes.

    It is written in any case, and kept where it counts. All numbers are unsigned; see `_taken`.
    """
    x = states[lane]
    out[position] = x & np.uint64(0xFFFF)
    is_full = np.uint64(x >= limit)
    states[lane] = x >> (is_full << np.uint64(4))
    return position + is_full


@_compile
def encode_static(
    states: States, symbols: Words, first: Words, frequency: Words, out: Shorts, position: int
) -> int:
    """Code a column of one table, from its end; return where the next word goes."""
    # Of each symbol: the limit of states, the reciprocal of its frequency, and what is added.
    table = np.empty((len(frequency), 4), np.uint64)
    for s in range(len(frequency)):
        f = max(frequency[s], 1)
        table[s, 0], table[s, 1] = f << (32 - PRECISION), (1 << RECIPROCAL) // f + 1
        table[s, 2], table[s, 3] = SLOTS - f, first[s]
    lanes, at = np.uint64(len(states)), np.uint64(position)
    lane = np.uint64(len(symbols)) % lanes
    for i in range(len(symbols) - 1, -1, -1):
        lane = (lane if lane else lanes) - np.uint64(1)
        of_symbol = table[np.uint64(symbols[i])]
        at = _made_room(states, lane, of_symbol[0], out, at)
        x = states[lane]
        quotient = (x * of_symbol[1]) >> np.uint64(RECIPROCAL)
        states[lane] = x + quotient * of_symbol[2] + of_symbol[3]
    return int(np.int64(at))


@_compile
def encode_varied(
    states: States, first: Shorts, frequency: Shorts, out: Shorts, position: int
) -> int:
    """Code a column of first slots and frequencies, from its end; see `encode_static`."""
    lanes, at = np.uint64(len(states)), np.uint64(position)
    lane = np.uint64(len(first)) % lanes
    for i in range(len(first) - 1, -1, -1):
        lane = (lane if lane else lanes) - np.uint64(1)
        f = np.uint64(frequency[i])
        at = _made_room(states, lane, f << np.uint64(32 - PRECISION), out, at)
        x = states[lane]
        states[lane] = x + (x // f) * (np.uint64(SLOTS) - f) + np.uint64(first[i])
    return int(np.int64(at))


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
    lanes, at = len(states), np.uint64(position)
    for start in range(0, len(symbols), lanes):
        for lane in range(min(lanes, len(symbols) - start)):
            found = packed[states[lane] & np.uint64(SLOTS - 1)]
            symbols[start + lane] = found >> np.uint64(32)
            f, within = (found >> np.uint64(16)) & np.uint64(0xFFFF), found & np.uint64(0xFFFF)
            at = _taken(states, lane, words, at, f, within)
    return int(np.int64(at))


@_compile
def decode_uniform(
    states: States, words: Shorts, position: int, widths: Words, symbols: Words
) -> int:
    """Decode a column of equally frequent symbols, so many as `widths` says of each."""
    lanes, at = len(states), np.uint64(position)
    for start in range(0, len(symbols), lanes):
        for lane in range(min(lanes, len(symbols) - start)):
            width = widths[start + lane]
            symbols[start + lane] = 0
            if width > 1:
                slot = np.int64(states[lane]) & (SLOTS - 1)
                s = ((slot + 1) * width - 1) >> PRECISION
                first = (s << PRECISION) // width
                f, within = ((s + 1) << PRECISION) // width - first, slot - first
                at = _taken(states, lane, words, at, np.uint64(f), np.uint64(within))
                symbols[start + lane] = s
    return int(np.int64(at))


@_compile
def decode_varying(
    states: States, words: Shorts, position: int, start: int, shares: Ints, symbols: Words
) -> int:
    """Decode rows from `start` on, by the sums of shares of each, shape (n_symbols + 1, n)."""
    lanes, n_symbols, at = np.uint64(len(states)), len(shares) - 1, np.uint64(position)
    lane, spare = np.uint64(start) % lanes, SLOTS - n_symbols
    for i in range(len(symbols)):
        slot, total = np.int64(states[lane]) & (SLOTS - 1), np.int64(shares[n_symbols, i])
        # The last symbol whose first slot is not above.
        low, high = 0, n_symbols
        while high - low > 1:
            s = (low + high) >> 1
            if shares[s, i] * spare < (slot - s + 1) * total:
                low = s
            else:
                high = s
        first = shares[low, i] * spare // total + low
        following = shares[low + 1, i] * spare // total + low + 1
        f, within = np.uint64(following - first), np.uint64(slot - first)
        at = _taken(states, lane, words, at, f, within)
        symbols[i] = low
        lane += np.uint64(1)
        if lane == lanes:
            lane = np.uint64(0)
    return int(np.int64(at))


@_compile
def standardise(feature: Words, centre: int, gain: int, out: Values) -> None:
    """Put a feature of rows as integers into `out`; see `column_model.standardised`."""
    for r in range(len(feature)):
        scaled = ((feature[r] - centre) * gain) >> GAIN_BITS
        out[r] = min(max(scaled, -MAX_INPUT), MAX_INPUT)


@_compile
def _put_shares(logarithms: Values, powers: Ints, start: int, shares: Ints) -> int:
    """Put shares of a tile of rows from `start` on into `shares`; return how many rows it has."""
    n, last = int(min(TILE, logarithms.shape[1] - start)), np.float32(len(powers) - 1)
    top = np.full(TILE, -np.inf, logarithms.dtype)
    for s in range(len(logarithms)):
        for r in range(n):
            top[r] = max(top[r], logarithms[s, start + r])
    # In a loop of their own, and unsigned, so that both loops become vector instructions.
    places = np.empty(TILE, np.uint32)
    for s in range(len(logarithms)):
        for r in range(n):
            places[r] = np.uint32(np.int32(min(top[r] - logarithms[s, start + r], last)))
        for r in range(n):
            shares[s, r] = powers[places[r]]
    return n


@_compile
def cumulative_shares(logarithms: Values, powers: Ints, out: Ints) -> None:
    """Put sums of shares, (n_symbols + 1, n), into `out`; see `conditional.cumulative_shares`."""
    shares, total = np.empty((len(logarithms), TILE), np.int32), np.empty(TILE, np.int32)
    for start in range(0, logarithms.shape[1], TILE):
        n = _put_shares(logarithms, powers, start, shares)
        total[:] = 0
        for r in range(n):
            out[0, start + r] = 0
        for s in range(len(logarithms)):
            for r in range(n):
                total[r] += shares[s, r]
                out[s + 1, start + r] = total[r]


@_compile
def intervals(
    logarithms: Values, powers: Ints, symbols: Words, first: Shorts, frequency: Shorts
) -> None:
    """Put first slots and frequencies of symbols into their places; see `cumulative_shares`."""
    n_symbols = len(logarithms)
    shares, chosen = np.empty((n_symbols, TILE), np.int32), np.zeros(TILE, np.int32)
    before, own, total = np.empty((3, TILE), np.int32)
    spare = SLOTS - n_symbols
    for start in range(0, len(symbols), TILE):
        n = _put_shares(logarithms, powers, start, shares)
        before[:], own[:], total[:] = 0, 0, 0
        chosen[:n] = symbols[start : start + n]
        for s in range(n_symbols):
            for r in range(TILE):
                share = shares[s, r]
                before[r] += share if s < chosen[r] else 0
                own[r] += share if s == chosen[r] else 0
                total[r] += share
        for r in range(n):
            low = np.int64(before[r]) * spare // total[r] + chosen[r]
            high = (np.int64(before[r]) + own[r]) * spare // total[r] + chosen[r] + 1
            first[start + r], frequency[start + r] = low, high - low
