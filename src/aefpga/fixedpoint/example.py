"""Random encoders: for tests, benchmarks, and what-if figures before anything is trained."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.emulator import Emulator
from aefpga.fixedpoint.input import EncoderInput, Offset
from aefpga.fixedpoint.layers import Activation, DenseLayer, Tensor, exact_accumulator
from aefpga.fixedpoint.spec import EncoderSpec
from aefpga.fixedpoint.types import EXACT_BITS, FixedType, Overflow, Rounding


def random_spec(
    sizes: Sequence[int],
    bits: int = 8,
    *,
    activation: Activation = "relu",
    input_bits: int = 12,
    companded: int = -1,
    offset: bool = False,
    rounding: Rounding = "RND",
    overflow: Overflow = "SAT",
    per_neuron: bool = False,
    seed: int = 0,
) -> EncoderSpec:
    """Return an encoder with dense random weights that exercises rounding and saturation.

    Parameters
    ----------
    sizes : sequence of int
        Layer sizes from input to latent, such as ``(24, 64, 32, 15)``.
    bits : int
        Width of weights, biases, hidden and latent words.
    activation : {"relu", "leaky_relu", "linear"}
        Of the hidden layers; the latent is linear.
    input_bits : int
        Width of the widest input word; some inputs are narrower, some unsigned, as real ones are.
    companded : int
        Bits of mantissa with which some inputs are companded; -1 for none.
    offset : bool
        Whether an offset is subtracted from each input.
    rounding, overflow : str
        Of every layer's output; the rounding is the input's, too.
    per_neuron : bool
        Whether each neuron has a type of its own: sign, width and point of its output, and point of
        its weights.
    seed : int
        Seed of the weights.
    """
    rng = np.random.default_rng(seed)
    n_inputs = sizes[0]
    index = np.arange(n_inputs)
    width = np.where(index % 3 == 2, max(input_bits - 5, 3), input_bits)
    signed = index % 4 == 1
    exponent = rng.integers(0, 9, n_inputs)
    source = EncoderInput(
        variables=tuple(f"x{i}" for i in index),
        units=("GeV",) * n_inputs,
        type=FixedType(signed, width, exponent + signed, rounding),
        exponent=exponent,
        mantissa=np.where((index % 5 == 3) & ~signed, companded, -1),
    )
    if offset:
        source = replace(source, offset=_random_offset(source, rng))
    layers: list[DenseLayer] = []
    arriving = source.network_type
    for position, (n_in, n_out) in enumerate(pairwise(sizes)):
        is_latent = position == len(sizes) - 2
        bias_type = FixedType(True, bits, 1)
        weight_type = FixedType(True, bits, rng.integers(-1, 2, n_out)) if per_neuron else bias_type
        weight = Tensor(
            weight_type.to_words(rng.normal(0, 1.5 / np.sqrt(n_in), (n_in, n_out))), weight_type
        )
        bias = Tensor(bias_type.to_words(rng.normal(0, 0.2, n_out)), bias_type)
        kind: Activation = "linear" if is_latent else activation
        output = _output_type(kind, bits, rounding, overflow)
        if per_neuron:
            output = _varied(output, n_out, rng)
        layers.append(
            DenseLayer(
                name="latent" if is_latent else f"hidden_{position + 1}",
                weight=weight,
                bias=bias,
                accumulator=exact_accumulator(arriving, weight, bias),
                activation=kind,
                output=output,
                negative_slope_shift=3 if kind == "leaky_relu" else 0,
            )
        )
        arriving = output
    return EncoderSpec(source, tuple(layers), {"origin": f"random weights, seed {seed}"})


def _random_offset(source: EncoderInput, rng: np.random.Generator) -> Offset:
    """Return offsets on a port two bits finer than the words, and some no wider than they."""
    kind, index = source.type, np.arange(len(source.variables))
    wider = index % 3
    port = FixedType(index % 2 == 0, kind.width + 2 + wider, kind.integer + wider, "TRN", "WRAP")
    values = rng.integers(-200, 201, len(index)) * port.lsb
    # One of the two bits is cut before the difference is rounded.
    integer = port.integer - source.exponent + 3
    fraction = kind.fraction + source.exponent + 1
    return Offset(port, values, FixedType(True, integer + fraction, integer, "TRN", "WRAP"))


def _output_type(
    activation: Activation, bits: int, rounding: Rounding, overflow: Overflow
) -> FixedType:
    signed = activation != "relu"
    return FixedType(signed, bits, 1 + signed, rounding, overflow)


def _varied(output: FixedType, n: int, rng: np.random.Generator) -> FixedType:
    """Return `n` types around one: other widths and points, with and without a sign."""
    width = np.maximum(output.width + rng.integers(-2, 3, n), 2)
    integer = output.integer + rng.integers(-2, 2, n)
    return FixedType(rng.random(n) < 0.5, width, integer, output.rounding, output.overflow)


def adversarial_words(spec: EncoderSpec, n_random: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    """Return input words meant to break an implementation, shape (n, n_variables), int64.

    All minima, all maxima, zeros, ones, alternations of the extremes, each input alone at either
    end, and uniform random words over the full range, which saturate and tie often. Of an encoder
    with a trigger also words that make each latent word and the score as large and as small as was
    found, and neighbours between which the trigger bit changes. All are words that some quantity
    on the firmware's port has.
    """
    low, high = spec.input.min_word, spec.input.max_word
    alternating = np.arange(len(low)) % 2 == 0
    alone = np.eye(len(low), dtype=bool)
    rows = [
        low,
        high,
        np.zeros_like(low),
        np.ones_like(low),
        np.where(alternating, low, high),
        np.where(alternating, high, low),
        *np.where(alone, high, 0),
        *np.where(alone, low, 0),
        *np.random.default_rng(seed).integers(low, high + 1, (n_random, len(low))),
    ]
    words = np.asarray(np.clip(np.stack(rows), low, high), np.int64)
    if spec.trigger is None:
        return words
    words = np.concatenate([words, _extremes(spec, words)])
    return np.concatenate([words, _around_threshold(spec, words)])


def adversarial_counts(spec: EncoderSpec, n_random: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    """Return quantities on the firmware's ports meant to break an implementation.

    Those of `adversarial_words`; where a front end makes the words also the ends of the ports, and
    random quantities of every size, which no word stands for alone.

    Returns
    -------
    ndarray of int64, shape (n, n_variables)
        Words on the ports.
    """
    source = spec.input
    counts = source.to_counts(adversarial_words(spec, n_random, seed))
    if source.offset is None and not source.is_companded.any():
        return counts
    low, high = source.port.min_word, source.port.max_word
    rng = np.random.default_rng(seed)
    size = np.exp2(-rng.uniform(0, source.port.width, (n_random, len(low))))
    random = np.rint(rng.uniform(low, high, size.shape) * size).astype(np.int64)
    return np.concatenate([counts, np.stack([low, high]), random])


def _extremes(spec: EncoderSpec, words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return words that drive each latent word and the score to either end.

    From the best of `words` one input after another is put to an end, where that comes nearer.
    """
    emulator = Emulator(spec)

    def nearness(words: NDArray[np.int64]) -> NDArray[np.int64]:
        outputs = emulator.outputs(words)[:, :-1]
        return np.column_stack([outputs, -outputs])

    found: NDArray[np.int64] = words[nearness(words).argmax(axis=0)]
    targets = np.arange(len(found))
    best = nearness(found)[targets, targets]
    for column in range(words.shape[1]):
        for end in (spec.input.min_word[column], spec.input.max_word[column]):
            tried = found.copy()
            tried[:, column] = end
            reached = nearness(tried)[targets, targets]
            found = np.where((reached > best)[:, None], tried, found)
            best = np.maximum(reached, best)
    return found


def _around_threshold(spec: EncoderSpec, words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return neighbours between which the trigger bit changes, from the largest score down."""
    *_, scores, _ = Emulator(spec).outputs(words).T
    above, below = words[scores.argmax()], words[scores.argmin()]
    for _ in range(EXACT_BITS):
        middle = (above + below) // 2
        if Emulator(spec).outputs(middle[None])[0, -1]:
            above = middle
        else:
            below = middle
    return np.stack([above, below])


def random_words(spec: EncoderSpec, n: int = 2000, seed: int = 0) -> NDArray[np.int64]:
    """Return random input words, shape (n, n_variables), int64.

    Each row has a scale of its own, from the full range, which saturates, to a few steps.
    """
    rng, low, high = np.random.default_rng(seed), spec.input.min_word, spec.input.max_word
    widths = np.frexp(np.maximum(high, 1).astype(float))[1]
    scale = np.exp2(-rng.uniform(0, 1, (n, 1)) * widths)
    words = np.rint(rng.uniform(low, high, (n, len(low))) * scale)
    return np.asarray(np.clip(words.astype(np.int64), low, high), np.int64)
