"""The encoder of modulo words as a specification: steps, and words that are sums of them.

Two layers: the first multiplies each input by a constant and rounds to the nearest step; the second
adds steps, and lets overflow drop all but the low bits. A word that is one variable's alone costs
no logic there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint import (
    DenseLayer,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Tensor,
    exact_accumulator,
)
from aefpga.links.beam import Sums
from aefpga.links.steps import FRACTION, Scale, sent_columns
from aefpga.schema import Schema

STEPS, WORDS = "steps", "latent"


@dataclass(frozen=True)
class LinkWord:
    """One word: the sum of steps times `weights`, over ``2**shift``, modulo ``2**width``."""

    weights: Mapping[str, int]
    width: int
    shift: int = 0


def specification(
    schema: Schema, words: Sequence[LinkWord], provenance: Mapping[str, str]
) -> EncoderSpec:
    """Return the encoder of records that computes these words.

    Parameters
    ----------
    schema : Schema
        The columns of records; no step is made of those that are sums of others.
    words : sequence of LinkWord
        In the order in which they are sent.
    provenance : Mapping
        Goes into the specification.
    """
    sent, scales = sent_columns(schema), [Scale.of(v) for v in schema.variables]
    source = EncoderInput(
        variables=schema.names,
        units=schema.units,
        type=FixedType(
            np.array([s.type.signed for s in scales]),
            np.array([s.type.width for s in scales]),
            np.array([s.type.integer for s in scales]),
        ),
        exponent=np.array([s.exponent for s in scales]),
        mantissa=np.array([s.mantissa for s in scales]),
    )
    arriving = source.network_type
    factors = np.zeros((len(schema), len(sent)))
    for column, name in enumerate(sent.names):
        row = schema.index(name)
        factors[row, column] = np.ldexp(scales[row].factor, int(arriving.fraction[row]) - FRACTION)
    ends = np.array([scales[schema.index(name)].ends for name in sent.names])
    signed = ends[:, 0] < 0
    held = np.frexp(np.maximum(ends[:, 1], -ends[:, 0] - 1))[1] + signed
    whole = np.maximum(held, 1)
    steps = _layer(STEPS, arriving, factors, FixedType(signed, whole, whole, "RND", "WRAP"))
    weights = np.array([[w.weights.get(n, 0) / 2**w.shift for w in words] for n in sent.names])
    width = np.array([w.width for w in words])
    sums = _layer(WORDS, steps.output, weights, FixedType(False, width, width, "TRN", "WRAP"))
    return EncoderSpec(source, (steps, sums), provenance)


def read_scales(spec: EncoderSpec, schema: Schema) -> list[Scale]:
    """Return the scale of each column that is sent, as a specification computes it.

    Raises
    ------
    ValueError
        If the specification is not of modulo words of such records.
    """
    sent, source = sent_columns(schema), spec.input
    if source.variables != schema.names or [x.name for x in spec.layers] != [STEPS, WORDS]:
        raise ValueError("the encoder makes no modulo words of these variables")
    first, kind = spec.layers[0], source.type.broadcast((len(schema),))
    place = [schema.index(name) for name in sent.names]
    if first.n_out != len(sent) or not np.array_equal(
        np.flatnonzero(first.matrix.words.T), np.arange(len(sent)) * len(schema) + place
    ):
        raise ValueError("the encoder makes steps of other variables")
    scales = []
    for column, (row, v) in enumerate(zip(place, sent.variables, strict=True)):
        shift = FRACTION - int(source.network_type.fraction[row])
        output = first.output.broadcast((len(sent),))
        scales.append(
            Scale(
                type=FixedType(kind.signed[row], kind.width[row], kind.integer[row]),
                exponent=int(source.exponent[row]),
                mantissa=int(source.mantissa[row]),
                factor=int(np.ldexp(first.matrix.values[row, column], shift)),
                turn=1 << int(output.width[column]) if v.period else 0,
            )
        )
    return scales


def read_sums(spec: EncoderSpec) -> Sums:
    """Return what words a specification makes of steps."""
    last = spec.layers[-1]
    shape = (last.n_out,)
    return Sums(
        weights=last.matrix.words,
        shift=last.matrix.type.broadcast(last.matrix.words.shape).fraction[0],
        width=spec.latent_type.broadcast(shape).width,
    )


def _layer(
    name: str, arriving: FixedType, values: NDArray[np.float64], output: FixedType
) -> DenseLayer:
    kind = _weight_type(values)
    weight = Tensor(kind.to_words(values), kind)
    bias = Tensor(np.zeros(values.shape[1], np.int64), FixedType(True, 2, 2))
    return DenseLayer(
        name=name,
        weight=weight,
        bias=bias,
        accumulator=exact_accumulator(arriving, weight, bias),
        activation="linear",
        output=output,
    )


def _weight_type(values: NDArray[np.float64]) -> FixedType:
    """Return the narrowest type of each column's weights, all of which are dyadic."""
    fraction = np.zeros(values.shape[1], np.int64)
    for column, weights in enumerate(values.T):
        while np.any(np.ldexp(weights, fraction[column]) % 1):
            fraction[column] += 1
    width = np.frexp(np.ldexp(np.abs(values).max(axis=0), fraction))[1] + 1
    return FixedType(True, width, width - fraction)
