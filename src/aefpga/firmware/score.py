"""The score of the latent words and the trigger bit in da4ml's logic."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from aefpga.firmware.rounding import quantize
from aefpga.fixedpoint import Score, Trigger

T = TypeVar("T")


def scored(latent: Any, trigger: Trigger, *, dsp: bool) -> Any:
    """Return da4ml's variables of the latent words, the score and the trigger bit.

    Parameters
    ----------
    latent : da4ml FixedVariableArray
        The latent words.
    trigger : Trigger
        What is computed of them.
    dsp : bool
        Whether squares are products, for which synthesis takes DSPs; else they are shifts and adds.
    """
    from da4ml.trace import FixedVariableArray

    def array(variables: list[Any]) -> Any:
        return FixedVariableArray(np.array(variables), latent.solver_options, hwconf=latent.hwconf)

    score = trigger.score
    terms = [_term(latent._vars[i], score, dsp=dsp) for i in score.counted]
    words = list(quantize(array(terms), score.type.broadcast((len(terms),)))._vars)
    if score.kind == "largest":
        (total,) = array([joined(words, lambda a, b: a.max_of(b))])._vars
    else:
        (total,) = quantize(array([joined(words, lambda a, b: a + b)]), score.type.broadcast((1,)))
    # The largest number below the threshold, less the score, is negative.
    below = float((trigger.threshold - 1) * score.type.lsb)
    return array([*latent._vars, total, (-total + below).is_negative()])


def _term(word: Any, score: Score, *, dsp: bool) -> Any:
    """Return the absolute or the square of a word."""
    if word.low == word.high:
        value = abs(float(word.low))
        return word.from_const(value**2 if score.kind == "squares" else value, word.hwconf)
    if score.kind == "squares" and dsp:
        return word**2
    size = abs(word)
    return _square(size) if score.kind == "squares" else size


def _square(size: Any) -> Any:
    """Return the square of a number of at least 0 by shifts and adds.

    Each bit of it, times itself and twice the bits above it: half as many bits to be added as in a
    product, in rows that can be registered between. Yosys makes a third of the look-up tables of it
    that it makes of the product.
    """
    _, integer, fraction = (int(x) for x in size.kif)
    top = 2.0 ** (integer - 1)
    rows = [size.quantize(0, integer, 1 - integer) * top]
    for place in range(-fraction, integer - 1):
        unit = 2.0**place
        above = size.quantize(0, integer, -place - 1)
        bit = size.quantize(0, place + 1, -place)
        # Twice the bits above and the bit itself do not overlap.
        rows.append((bit * (1 / unit)).msb_mux(above * (2 * unit) + unit**2, 0.0))
    # Intervals of rows add up to more than the square can be.
    return joined(rows, lambda a, b: a + b).quantize(0, 2 * integer, 2 * fraction)


def joined(variables: Iterable[T], join: Callable[[T, T], T]) -> T:
    """Join variables in pairs, and pairs of pairs, until one is left."""
    level = list(variables)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [*(join(a, b) for a, b in zip(level[::2], level[1::2], strict=False)), *odd]
    return level[0]
