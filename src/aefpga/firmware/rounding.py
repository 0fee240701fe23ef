"""Rounding and overflow in da4ml's logic, which itself knows truncation and halves up only."""

from typing import Any

import numpy as np

from aefpga.fixedpoint import FixedType


def quantize(sums: Any, kind: FixedType) -> Any:
    """Return da4ml's variables rounded, and saturated or wrapped, to a type for each."""
    from da4ml.trace import FixedVariableArray

    exact = kind.quantized([float(v.low) for v in sums._vars])
    constants = [(v.low == v.high, float(x)) for v, x in zip(sums._vars, exact, strict=True)]
    if kind.rounding == "RND_CONV":
        sums = _prepared(sums, kind)
    if kind.overflow == "WRAP":
        sums = _lifted(sums, kind)
    words = sums.quantize(
        kind.signed,
        kind.integer - kind.signed,
        kind.fraction,
        overflow_mode=kind.overflow,
        round_mode="RND" if kind.rounding == "RND" else "TRN",
    )
    # Constants da4ml 0.6.0 wraps into unsigned words that are one bit too wide.
    variables = [
        v.from_const(value, v.hwconf) if is_constant else v
        for v, (is_constant, value) in zip(words._vars, constants, strict=True)
    ]
    return FixedVariableArray(np.array(variables), words.solver_options, hwconf=words.hwconf)


def _lifted(sums: Any, kind: FixedType) -> Any:
    """Return sums that are never negative where they are to wrap into wider unsigned words.

    da4ml 0.6.0 would wrap those at the sum's width.
    """
    signed, integer, _ = sums.kif
    narrow = ~kind.signed & (signed == 1) & (kind.integer > integer + 1)
    return sums + np.where(narrow, np.ldexp(1.0, kind.integer), 0)


def _prepared(sums: Any, kind: FixedType) -> Any:
    """Return sums that, truncated, are the given ones rounded to nearest, halves to even.

    Half a step less the sum's own last bit lifts all that is more than half a step; the last bit
    kept, times the sum's last bit, lifts the halves above odd words.
    """
    finest = sums.kif[2]
    drops = finest > kind.fraction
    # One bit with a sign: minus the last bit kept.
    last_kept = sums.quantize(1, -kind.fraction, kind.fraction, "WRAP", "TRN")
    ulp = np.ldexp(1.0, -finest)
    nudge = last_kept * np.where(drops, -ulp / kind.lsb, 0)
    return sums + nudge + np.where(drops, kind.lsb / 2 - ulp, 0)
