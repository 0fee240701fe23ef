"""Fixed-point types, the encoder's specification, and its integer emulator."""

from aefpga.fixedpoint.convolution import Convolution, ConvolutionLayer
from aefpga.fixedpoint.emulator import Emulator
from aefpga.fixedpoint.input import EncoderInput, Offset
from aefpga.fixedpoint.layers import Activation, DenseLayer, Layer, Tensor, exact_accumulator
from aefpga.fixedpoint.spec import EncoderSpec
from aefpga.fixedpoint.trigger import Score, Trigger
from aefpga.fixedpoint.types import FixedType, smallest_type

__all__ = [
    "Activation",
    "Convolution",
    "ConvolutionLayer",
    "DenseLayer",
    "Emulator",
    "EncoderInput",
    "EncoderSpec",
    "FixedType",
    "Layer",
    "Offset",
    "Score",
    "Tensor",
    "Trigger",
    "exact_accumulator",
    "smallest_type",
]
