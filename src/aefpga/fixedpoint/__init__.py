"""Fixed-point types, the encoder's specification, and its integer emulator."""

from aefpga.fixedpoint.emulator import Emulator
from aefpga.fixedpoint.spec import (
    DenseLayer,
    EncoderInput,
    EncoderSpec,
    Tensor,
    exact_accumulator,
)
from aefpga.fixedpoint.types import FixedType, smallest_type

__all__ = [
    "DenseLayer",
    "Emulator",
    "EncoderInput",
    "EncoderSpec",
    "FixedType",
    "Tensor",
    "exact_accumulator",
    "smallest_type",
]
