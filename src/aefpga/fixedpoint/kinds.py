"""The kinds of layers there are, by the tag that files have."""

from aefpga.fixedpoint.convolution import ConvolutionLayer
from aefpga.fixedpoint.layers import DenseLayer, Layer

KINDS: dict[str, type[Layer]] = {layer.kind: layer for layer in (DenseLayer, ConvolutionLayer)}
