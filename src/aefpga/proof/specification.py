"""A specification's words as forms: every activation with its rounding becomes an atom."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from aefpga.firmware.score import joined
from aefpga.fixedpoint import EncoderInput, EncoderSpec, FixedType, Layer, Score
from aefpga.progress import Step
from aefpga.proof.forms import Atom, Form
from aefpga.proof.functions import Function, Functions, Integers


def ports(spec: EncoderSpec) -> list[Form]:
    """Return the words on the input ports: anything that their types hold."""
    arriving = spec.input.port
    limits = zip(spec.input.variables, arriving.min_word, arriving.max_word, strict=True)
    return [Form.of(Atom(f"quantity {name}", int(a), int(b))) for name, a, b in limits]


def outputs(
    spec: EncoderSpec, arriving: Sequence[Form], functions: Functions, step: Step
) -> list[Form]:
    """Return all that comes out where these words are on the ports, as `EncoderSpec.outputs` says.

    Parameters
    ----------
    spec : EncoderSpec
        What computes them.
    arriving : sequence of Form
        Words on the ports.
    functions : Functions
        Takes every function of the specification up.
    step : Step
        Told how many layers are done.
    """
    words = [
        _defined(form, _of_port(spec.input, i), functions, f"word of {name}")
        for i, (form, name) in enumerate(zip(arriving, spec.input.variables, strict=True))
    ]
    source = spec.input.network_type
    for done, layer in enumerate(spec.layers):
        step("layers of the specification", done, len(spec.layers))
        words = [
            _defined(form, _of_sum(layer, i), functions, f"{layer.name}[{i}]")
            for i, form in enumerate(_sums(layer, words, source))
        ]
        source = layer.output
    step("layers of the specification", len(spec.layers), len(spec.layers))
    if spec.trigger is not None:
        score = _score(spec.trigger.score, words, spec.latent_type, functions)
        words += [score, _defined(score, spec.trigger, functions, "trigger bit")]
    return words


def _score(
    score: Score, latent: Sequence[Form], latent_type: FixedType, functions: Functions
) -> Form:
    """Return the score word of latent words."""
    point = latent_type.fraction[list(score.counted)].max()
    cut = _quantizer(score.type, 0, int(point) << (score.kind == "squares"))
    terms = []
    for i in score.counted:
        raised = int(point - latent_type.fraction[i])

        def term(words: Integers, raised: int = raised) -> Integers:
            sizes = np.abs(words) << raised
            return cut(sizes * sizes if score.kind == "squares" else sizes)

        terms.append(_defined(latent[i], term, functions, f"term {i} of the score"))
    if score.kind == "largest":
        return joined(terms, functions.larger)
    kept = _quantizer(score.type, 0, int(score.type.fraction))
    return _defined(joined(terms, lambda a, b: a + b), kept, functions, "score")


def _defined(
    form: Form, word: Callable[[Integers], Integers], functions: Functions, label: str
) -> Form:
    """Return a word, of the number that it is a function of, as a form."""
    if form.is_constant:
        return Form(int(word(np.array([form.constant]))[0]))
    return functions.define(Function(form.root, lambda v: word(v.of(form))), label)


def _of_port(source: EncoderInput, index: int) -> Callable[[Integers], Integers]:
    """Return what makes input words of words on a port."""
    only = source.only(index)
    return lambda counts: np.asarray(only.of_counts(counts[:, None])[:, 0])


def _sums(layer: Layer, words: Sequence[Form], source: FixedType) -> Iterator[Form]:
    """Yield the sums of a layer, in steps of its accumulator."""
    weight, bias = layer.matrix, layer.bias
    fraction = int(layer.accumulator.fraction)
    arriving = source.broadcast((layer.n_in,)).fraction[:, None]
    raised = fraction - arriving - weight.type.broadcast(weight.words.shape).fraction
    raised_bias = fraction - bias.type.broadcast(bias.words.shape).fraction
    for column in range(layer.n_out):
        terms: dict[Atom, int] = {}
        total = int(bias.words[column]) << int(raised_bias[column])
        for word, w, places in zip(
            words, weight.words[:, column].tolist(), raised[:, column].tolist(), strict=True
        ):
            if not w:
                continue
            total += word.constant * (w << places)
            for atom, coefficient in word.terms.items():
                terms[atom] = terms.get(atom, 0) + coefficient * (w << places)
        yield Form(total, terms)


def _of_sum(layer: Layer, index: int) -> Callable[[Integers], Integers]:
    """Return what makes output words of sums, in steps of the accumulator."""
    slope = layer.negative_slope_shift if layer.activation == "leaky_relu" else 0
    kind = layer.output.broadcast((layer.n_out,))
    quantized = _quantizer(kind, index, int(layer.accumulator.fraction) + slope)

    def word(sums: Integers) -> Integers:
        if layer.activation == "relu":
            sums = np.maximum(sums, 0)
        elif layer.activation == "leaky_relu":
            sums = np.maximum(sums << slope, sums)
        return quantized(sums)

    return word


def _quantizer(kind: FixedType, index: int, point: int) -> Callable[[Integers], Integers]:
    """Return what makes an element's words of integers with `point` fractional bits."""
    signed, width, fraction = (
        int(np.ravel(x)[index]) for x in (kind.signed, kind.width, kind.fraction)
    )
    low, most, drop = -(signed << (width - 1)), (1 << width) - 1, point - fraction

    def quantized(numbers: Integers) -> Integers:
        kept = _rounded(numbers, drop, kind.rounding) if drop > 0 else numbers << -drop
        if kind.overflow == "SAT":
            return np.asarray(np.clip(kept, low, low + most))
        return np.asarray(((kept - low) & most) + low, np.int64)

    return quantized


def _rounded(sums: Integers, drop: int, rounding: str) -> Any:
    """Return sums without their lowest bits."""
    if rounding == "RND":
        sums = sums + (1 << (drop - 1))
    elif rounding == "RND_CONV":
        sums = sums + ((1 << (drop - 1)) - 1) + ((sums >> drop) & 1)
    return sums >> drop
