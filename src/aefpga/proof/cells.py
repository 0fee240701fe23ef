"""What Yosys's cells compute, on integers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aefpga.proof.design import Operation

# Of whole numbers, as the cell reads them; the result's low bits are the output. These are right
# for any number that has the operands' low bits, as many as the output has.
MODULAR: dict[str, Callable[..., Any]] = {
    "$pos": lambda a: a,
    "$neg": lambda a: -a,
    "$not": lambda a: ~a,
    "$add": lambda a, b: a + b,
    "$sub": lambda a, b: a - b,
    "$mul": lambda a, b: a * b,
    "$and": lambda a, b: a & b,
    "$or": lambda a, b: a | b,
    "$xor": lambda a, b: a ^ b,
}
OTHERS: dict[str, Callable[..., Any]] = {
    "$shl": lambda a, b: a << b,
    "$sshl": lambda a, b: a << b,
    "$sshr": lambda a, b: a >> b,
    "$lt": lambda a, b: a < b,
    "$le": lambda a, b: a <= b,
    "$gt": lambda a, b: a > b,
    "$ge": lambda a, b: a >= b,
    "$eq": lambda a, b: a == b,
    "$ne": lambda a, b: a != b,
    "$logic_not": lambda a: a == 0,
    "$reduce_or": lambda a: a != 0,
    "$reduce_bool": lambda a: a != 0,
    "$mux": lambda a, b, s: np.where(s, b, a),
}
KNOWN = MODULAR | OTHERS
# How many of the operands, the first ones, need no more than their low bits.
N_MODULAR = dict.fromkeys(MODULAR, 2) | {"$mux": 2}
# Numbers are computed in 64 bits, with a sign; of a product or a shift the low ones are right.
MAX_BITS = 62


def problem(operation: Operation) -> str | None:
    """Return why an operation cannot be computed here, if so."""
    if operation.kind not in KNOWN:
        return f"{operation.kind} is no cell that the proof knows"
    if not all(operand.is_defined for operand in operation.operands):
        return "it reads a bit that nothing drives"
    widest = max(operation.width, *(operand.width for operand in operation.operands))
    if widest > MAX_BITS:
        return f"it has words of {widest} bits; the proof computes with {MAX_BITS}"
    return None


def compute(operation: Operation, operands: Sequence[Any]) -> Any:
    """Return the results of integers, of which the low bits are the output."""
    result = KNOWN[operation.kind](*operands)
    return result.astype(np.int64, copy=False) if isinstance(result, np.ndarray) else int(result)
