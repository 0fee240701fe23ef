"""Choosing fixed-point types: the grid of the inputs, and the ranges of a trained float network."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.choices import Scale
from aefpga.config import QuantizationConfig
from aefpga.errors import UsageError
from aefpga.fixedpoint import Activation, EncoderInput, FixedType
from aefpga.fixedpoint.compand import FINE_BITS, MANTISSA_BITS
from aefpga.fixedpoint.total import Total
from aefpga.schema import Schema

Floats = NDArray[np.float32]

# Binary points of a layer's neurons lie this far apart at most, lest sums need too many bits.
FINEST_POINT = 12
# Bits of a variable's range above its spread, at most: what is there once in thousands of records
# is not magnified without limit.
SPREAD_BITS = 8
# Of a cell's share of a sum, at most, as CMS's ECON-T has it.
SHARE_BITS = 8


@dataclass(frozen=True)
class LayerTypes:
    """Fixed-point types of one dense layer: of its weights, biases and output words."""

    weight: FixedType
    bias: FixedType
    output: FixedType


def input_scaling(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each variable the exponent of the smallest power of two above all magnitudes.

    A network input is ``quantity * 2**-exponent``, within [-1, 1]: min-max scaling with its factor
    rounded to a power of two, so that hardware shifts the binary point instead of multiplying.

    Parameters
    ----------
    low, high : ndarray of float64, shape (n_variables,)
        Range of each variable in physical units.
    """
    largest = np.maximum(np.abs(low), np.abs(high))
    # frexp: largest = mantissa * 2**exponent with mantissa in [0.5, 1), hence largest < 2**exponent
    return np.asarray(np.frexp(largest)[1], np.int64)


def ranges(records: Floats, schema: Schema) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the largest value of each variable in training records.

    Objects of a kind have one range: a fourth electron, which training hardly ever saw, is an
    electron. So have the cells of an image, over which kernels go.
    """
    low, high = (f(axis=0).astype(np.float64) for f in (records.min, records.max))
    alike: dict[tuple[str, int], list[int]] = {}
    for one in schema.objects:
        for place, name in enumerate(one.names if one.kind else ()):
            if schema.holds(name):
                alike.setdefault((one.kind, place), []).append(schema.index(name))
    image = schema.image()
    for columns in (*alike.values(), *([] if image is None else [image.cells])):
        low[columns], high[columns] = low[columns].min(), high[columns].max()
    return low, high


def fit_input(
    jets: NDArray[np.float32],
    schema: Schema,
    input_bits: int,
    logarithmic: Collection[str] = (),
    scale: Scale = "range",
    *,
    shares: bool = False,
) -> EncoderInput:
    """Choose the grid of physical quantities on which the firmware takes its inputs.

    Counts are integers, in as many bits as the largest one needs. The variables named in
    `logarithmic` are companded from a grid of 2**-`FINE_BITS`. All others get `input_bits` over the
    power-of-two range that holds the training jets; objects of a kind have one range, and cells
    of an image.

    The network reads them within [-1, 1], or, where `scale` is ``spread``, with a standard
    deviation of about 1: the words are the same.

    Where records are to be divided by their sum, the network reads `shares`, in `SHARE_BITS`.

    Raises
    ------
    UsageError
        If a count needs more than `input_bits`.
    """
    if shares:
        return _shares(jets, schema, min(input_bits, SHARE_BITS))
    low, high = ranges(jets, schema)
    exponent, signed = input_scaling(low, high), low < 0
    is_count = np.array([v.kind.is_count for v in schema.variables])
    is_zero = (low == 0) & (high == 0)
    exponent = np.where(is_zero, 0, exponent)
    width = np.where(is_count, np.maximum(exponent, 1), input_bits)
    width = np.where(is_zero, 1, width)
    if width.max() > input_bits:
        variable = schema.variables[int(width.argmax())]
        raise UsageError(
            f"{variable.name} reaches {jets[:, int(width.argmax())].max():.0f}, which needs "
            f"{width.max()} bits; raise quantization.input_bits (now {input_bits})"
        )
    # A count's words are integers whatever its range; the others fill the range with their bits.
    integer = np.where(is_count, width, exponent + signed)
    is_companded = np.isin(schema.names, list(logarithmic)) & ~is_zero & ~signed
    width = np.where(is_companded, np.maximum(exponent, 0) + FINE_BITS, width)
    integer = np.where(is_companded, np.maximum(exponent, 0), integer)
    if scale == "spread":
        exponent = np.where(is_companded | is_zero, exponent, _spread_exponent(jets, exponent))
    return EncoderInput(
        variables=schema.names,
        units=schema.units,
        type=FixedType(signed, width, integer),
        exponent=exponent,
        mantissa=np.where(is_companded, MANTISSA_BITS, -1),
    )


def _shares(records: Floats, schema: Schema, bits: int) -> EncoderInput:
    n = len(schema)
    return EncoderInput(
        variables=schema.names,
        units=("",) * n,
        type=FixedType([False] * n, [bits] * n, [0] * n),
        exponent=np.zeros(n, np.int64),
        mantissa=np.full(n, -1),
        total=Total.fitting(records),
    )


def _spread_exponent(records: Floats, exponent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each variable the exponent of the power of two next to its standard deviation.

    It is at most `SPREAD_BITS` below that of its range.
    """
    spread = records.std(axis=0, dtype=np.float64)
    nearest = np.rint(np.log2(np.maximum(spread, 1e-30))).astype(np.int64)
    return np.asarray(np.clip(nearest, exponent - SPREAD_BITS, exponent))


def network_inputs(source: EncoderInput, records: Floats) -> Floats:
    """Return the input words of records in physical units as the numbers that a network reads."""
    return source.network_type.to_values(source.to_words(records)).astype(np.float32)


def layer_types(
    weight: NDArray[Any],
    bias: NDArray[Any],
    outputs: NDArray[Any],
    activation: Activation,
    output_bits: int | NDArray[np.int64],
    quantization: QuantizationConfig,
) -> LayerTypes:
    """Choose the types of one layer from its float weights and its outputs on training records.

    Widths are those of the configuration; `output_bits` is that of hidden activations or latents,
    or one for each. Each neuron's weights and outputs have a binary point of their own, which is
    free in hardware: neurons differ in scale, latents of a linear encoder by orders of magnitude.
    """
    widths = quantization.widths
    return LayerTypes(
        weight=closest_of_each(weight, widths.weight, signed=True),
        bias=closest_type(bias, widths.bias, signed=True),
        output=closest_of_each(outputs, output_bits, signed=activation != "relu"),
    )


def closest_of_each(
    values: NDArray[Any], bits: int | NDArray[np.int64], *, signed: bool
) -> FixedType:
    """Return a type for each column of `values`, of one width for all or a width for each."""
    widths = np.broadcast_to(bits, values.shape[1])
    integer = np.array(
        [
            closest_type(column, int(width), signed=signed).integer
            for column, width in zip(values.T, widths, strict=True)
        ]
    )
    return FixedType(signed, bits, np.maximum(integer, integer.max() - FINEST_POINT))


def closest_type(values: NDArray[Any], bits: int, *, signed: bool) -> FixedType:
    """Return the type of `bits` whose words lie closest to `values` in the mean square.

    Few integer bits clip the largest values, many coarsen all; the least error balances both.
    """
    largest = float(np.abs(values).max())
    widest = int(np.frexp(largest)[1]) + signed if largest else int(signed)
    candidates = [FixedType(signed, bits, widest - clipped) for clipped in range(4)]

    def error(fixed: FixedType) -> float:
        return float(np.square(fixed.to_values(fixed.to_words(values)) - values).mean())

    return min(candidates, key=error)
