"""The front of encoders with learned widths: what its points cost, and which one is chosen.

Effective bit operations only order the points. About `POINTS` of them are built in full: their
specification, da4ml's cost of it, and a decoder trained on just its words. Around the one that is
wanted some more are built, between it and the neighbour that is not good enough.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aefpga.config import USUAL_BIT_PRICE, QuantizationConfig
from aefpga.errors import UsageError
from aefpga.fixedpoint import EncoderSpec
from aefpga.trainers.learned.loop import Passed
from aefpga.trainers.trainer import Epoch

POINTS = 10
# Points built around the one that is wanted.
CLOSER = 3
# Errors that differ by less are alike: another seed changes them by more.
ALIKE = 1.02
# The cheapest encoder of any front that was measured has this share of the uniform one's LUTs (the
# study's layers, seed 42); a limit below half of it is not tried.
CHEAPEST = 0.09


@dataclass(frozen=True)
class Built:
    """A point of the front with its specification, cost, and decoder.

    `luts` is da4ml's cost; `validation_loss` that of the words, with the decoder that was trained
    on them, whose weights are `decoder`.
    """

    passed: Passed
    spec: EncoderSpec
    luts: float
    validation_loss: float
    decoder: list[Any]
    curve: Sequence[Epoch]


@dataclass(frozen=True)
class Wanted:
    """What is asked of a point, in words and as a rule.

    Parameters
    ----------
    rule : str
        In words.
    is_met : callable
        Whether a point is good enough.
    dearer : bool
        Whether points that are not lie where there are more bits; else, where there are fewer.
    worth : callable
        What is least for the best one of those that are.
    """

    rule: str
    is_met: Callable[[Built], bool]
    dearer: bool
    worth: Callable[[Built], float]


def wanted(quantization: QuantizationConfig, uniform_loss: float) -> Wanted:
    """Return the rule that a configuration asks for.

    Parameters
    ----------
    quantization : QuantizationConfig
        With `max_luts`, or else `bit_price`, or neither.
    uniform_loss : float
        Validation MSE of the uniform encoder.
    """
    limit, price = quantization.max_luts, quantization.bit_price
    if limit is not None:
        return Wanted(
            f"the most accurate of at most {limit:,} LUTs (da4ml's cost)",
            lambda p: p.luts <= limit,
            True,
            lambda p: p.validation_loss,
        )
    if price is not None:
        return Wanted(
            f"the least sum of error and {price:g} for each effective bit operation",
            lambda p: True,
            True,
            lambda p: p.validation_loss / uniform_loss + price * p.passed.operations,
        )
    return Wanted(
        f"the cheapest that is as accurate as uniform {quantization.bits}-bit words",
        lambda p: p.validation_loss <= uniform_loss,
        False,
        lambda p: p.luts,
    )


def refuse_hopeless(quantization: QuantizationConfig, uniform_luts: float) -> None:
    """Raise UsageError if a limit is far below what learned widths have ever come to.

    Nobody knows where a `bit_price` of one's own ends.
    """
    limit = quantization.max_luts
    if limit is None or quantization.bit_price is not None or limit >= CHEAPEST / 2 * uniform_luts:
        return
    raise UsageError(
        f"--max-luts {limit}: uniform widths take {uniform_luts:,.0f} LUTs (da4ml's cost) in these "
        f"layers, and no learned ones that were measured took less than {CHEAPEST:.0%} of that; "
        f"allow some {CHEAPEST * uniform_luts:,.0f} or more, give smaller layers or fewer latents, "
        f"or set quantization.bit_price, which makes them smaller, above {USUAL_BIT_PRICE:g}"
    )


def build_front(
    front: Sequence[Passed], build: Callable[[Passed], Built], want: Wanted
) -> list[Built]:
    """Build points evenly along the front, and more where the wanted one is; by cost."""
    places = set(_evenly([p.operations for p in front]))
    built = {place: build(front[place]) for place in sorted(places)}
    for _ in range(CLOSER):
        place = _next_place(built, want)
        if place is None:
            break
        built[place] = build(front[place])
    return [built[place] for place in sorted(built)]


def chosen(points: Sequence[Built], want: Wanted, quantization: QuantizationConfig) -> Built:
    """Return the point that is wanted; where none is good enough, one like the most accurate.

    Of those whose errors are alike it is the cheapest.

    Raises
    ------
    UsageError
        If none is at or below a limit of LUTs.
    """
    good = [p for p in points if want.is_met(p)]
    limit, price = quantization.max_luts, quantization.bit_price or USUAL_BIT_PRICE
    if not good and limit is not None:
        least = min(points, key=lambda p: p.luts)
        raise UsageError(
            f"--max-luts {limit}: the smallest encoder that was found has {least.luts:,.0f} LUTs "
            f"(da4ml's cost, validation MSE {least.validation_loss:.2e}); allow at least "
            f"{int(np.ceil(least.luts))}, raise quantization.bit_price (now {price:g}), which "
            "makes them smaller, train longer, or give smaller layers or fewer latents"
        )
    if good:
        return min(good, key=want.worth)
    least_loss = min(p.validation_loss for p in points)
    alike = [p for p in points if p.validation_loss <= ALIKE * least_loss]
    return min(alike, key=lambda p: p.luts)


def _evenly(operations: Sequence[float]) -> list[int]:
    """Return about `POINTS` places in an ascending list, evenly in the logarithm."""
    logs = np.log(np.maximum(operations, 1.0))
    marks = np.linspace(logs[0], logs[-1], POINTS)
    return sorted({int(np.abs(logs - mark).argmin()) for mark in marks})


def _next_place(built: dict[int, Built], want: Wanted) -> int | None:
    """Return the place halfway between the best good point and its neighbour that is none."""
    good = [place for place, point in built.items() if want.is_met(point)]
    if not good:
        return None
    best = min(good, key=lambda place: want.worth(built[place]))
    side = [p for p in built if (p > best if want.dearer else p < best)]
    if not side:
        return None
    neighbour = min(side) if want.dearer else max(side)
    middle = (best + neighbour) // 2
    return None if middle in built else middle
