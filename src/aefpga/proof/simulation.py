"""A design's outputs for records that enter in consecutive clock cycles."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aefpga.proof.cells import compute, problem
from aefpga.proof.design import Design, Integers, Operand, Slice


def simulate(design: Design, inputs: Sequence[Integers]) -> Mapping[str, Integers] | None:
    """Return the words on the outputs in every cycle; None where the design cannot be computed.

    Parameters
    ----------
    design : Design
        A pipeline; its registers hold zeros at first.
    inputs : sequence of ndarray of int64, shape (n_cycles,)
        The word on each input port in every cycle.
    """
    words: list[Any] = list(inputs)

    def read(operand: Operand) -> Any:
        return operand.read(lambda part: _delayed(words[part.word], part))

    for operation in design.operations:
        if problem(operation):
            return None
        words.append(compute(operation, [read(operand) for operand in operation.operands]))
    shape = inputs[0].shape
    return {name: np.broadcast_to(read(o), shape) for name, o in design.outputs.items()}


def _delayed(word: Any, part: Slice) -> Any:
    if not part.delay or not isinstance(word, np.ndarray):
        return word
    return np.concatenate([np.zeros(part.delay, np.int64), word[: -part.delay]])
