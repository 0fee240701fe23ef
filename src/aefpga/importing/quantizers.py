"""QKeras's quantizers as files name them: which there are, and the words that they make."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from math import frexp
from typing import Any

from aefpga.fixedpoint import Activation, FixedType
from aefpga.importing.chain import slope_shift
from aefpga.importing.keras_file import class_name
from aefpga.importing.refusal import Refusal

# Their arguments in the order of QKeras 0.9.0, as texts such as `quantized_bits(6,0)` need it.
SIGNATURES = {
    "quantized_bits": ("bits", "integer", "symmetric", "keep_negative", "alpha",
                       "use_stochastic_rounding", "scale_axis", "qnoise_factor"),
    "quantized_relu": ("bits", "integer", "use_sigmoid", "negative_slope",
                       "use_stochastic_rounding", "relu_upper_bound", "is_quantized_clip",
                       "qnoise_factor"),
    "quantized_po2": ("bits", "max_value", "use_stochastic_rounding", "quadratic_approximation",
                      "log2_rounding", "qnoise_factor"),
    "binary": ("use_01", "alpha", "use_stochastic_rounding"),
    "ternary": ("alpha", "threshold", "use_stochastic_rounding", "number_of_unrolls"),
}  # fmt: skip
LARGEST = 64


@dataclass(frozen=True)
class Quantizer:
    """A quantizer by name, and what it was made with: numbers, texts and None alone."""

    kind: str
    options: Mapping[str, Any]

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.kind}({options})"

    def check_weights(self, where: str) -> None:
        """Refuse one that scales by what is no power of two."""
        alpha = self.options.get("alpha")
        if alpha == "auto":
            raise Refusal(
                where,
                f"{self}: alpha='auto' scales weights by numbers that are no powers of two; train "
                "with alpha=1 or alpha='auto_po2'",
            )
        if isinstance(alpha, int | float):
            if frexp(alpha)[0] != 0.5:
                raise Refusal(where, f"{self}: alpha={alpha!r} is no power of two")
        elif alpha not in (None, "auto_po2"):
            raise Refusal(where, f"{self}: alpha={alpha!r:.40} is not known")


@dataclass(frozen=True)
class Rounding:
    """What happens to sums: an activation, and a rounding into words unless `output` is None.

    `least` is the smallest word that it makes, where that is not the type's own.
    """

    activation: Activation
    output: FixedType | None = None
    shift: int = 0
    least: int | None = None


def read_quantizer(where: str, content: Any) -> Quantizer | None:
    """Return a quantizer from Keras's JSON or from a text; None where there is none.

    Raises
    ------
    Refusal
        If it is not known, or what it was made with is no number or text.
    """
    if content is None or content == "linear":
        return None
    if isinstance(content, str):
        kind, options = _of_text(where, content)
    elif isinstance(content, Mapping) and isinstance(content.get("config"), Mapping):
        kind, options = class_name(content), dict(content["config"])
    else:
        raise Refusal(where, f"{str(content)[:80]} is no quantizer")
    if kind not in SIGNATURES:
        raise Refusal(where, f"{kind[:60]} has no exact words here; {', '.join(SIGNATURES)} have")
    for name, value in list(options.items()):
        if name not in SIGNATURES[kind]:
            # qkeras-v3 has options that 0.9.0 has not.
            if value not in (None, False):
                raise Refusal(where, f"{kind} with {name}={value!r:.40}, which is not known")
            del options[name]
        elif value is not None and not isinstance(value, int | float | str):
            raise Refusal(where, f"{kind} with {name}={str(value)[:40]}: expected a number")
    if options.get("use_stochastic_rounding") or options.get("qnoise_factor", 1) != 1:
        raise Refusal(where, f"{kind} rounds at random, or in part: it has no words")
    for name in ("bits", "integer"):
        if not isinstance(options.get(name, 0), int) or abs(options.get(name, 0)) > LARGEST:
            raise Refusal(where, f"{kind} with {name}={options[name]!r:.40}")
    return Quantizer(kind, options)


def read_rounding(where: str, quantizer: Quantizer) -> Rounding:
    """Return what the quantizer of an activation does, with halves to even as all of QKeras's.

    Raises
    ------
    Refusal
        If no fixed-point type has just its words.
    """
    options = quantizer.options
    bits, integer = int(options.get("bits", 8)), int(options.get("integer", 0))
    try:
        if quantizer.kind == "quantized_bits":
            return _bits(where, quantizer, bits, integer)
        if quantizer.kind == "quantized_relu":
            return _relu(where, quantizer, bits, integer)
    except ValueError as error:
        raise Refusal(where, f"{quantizer}: {error}") from error
    raise Refusal(where, f"{quantizer} of an activation has words that are no fixed-point type")


def _bits(where: str, quantizer: Quantizer, bits: int, integer: int) -> Rounding:
    signed = bool(quantizer.options.get("keep_negative", True))
    if bits - signed < 1:
        raise Refusal(where, f"{quantizer}: of one bit, which is a sign and rounds nothing")
    if quantizer.options.get("alpha") not in (None, 1):
        raise Refusal(where, f"{quantizer}: activations with another alpha than 1")
    least = -(1 << (bits - 1)) + 1 if signed and quantizer.options.get("symmetric") else None
    output = FixedType(signed, bits, integer + signed, "RND_CONV", "SAT")
    return Rounding("linear", output, least=least)


def _relu(where: str, quantizer: Quantizer, bits: int, integer: int) -> Rounding:
    options = quantizer.options
    if options.get("use_sigmoid"):
        raise Refusal(where, f"{quantizer}: a sigmoid has no exact words")
    if options.get("is_quantized_clip", True) is not True or options.get("relu_upper_bound"):
        raise Refusal(where, f"{quantizer}: an upper bound of its own")
    slope = float(options.get("negative_slope") or 0)
    if not slope:
        return Rounding("relu", FixedType(False, bits, integer, "RND_CONV", "SAT"))
    shift = slope_shift(where, slope)
    output = FixedType(True, bits, integer + 1, "RND_CONV", "SAT")
    # QKeras clips what leaks at the slope times the range, not at the range.
    return Rounding("leaky_relu", output, shift, least=-((1 << (bits - 1)) >> shift))


def _of_text(where: str, text: str) -> tuple[str, dict[str, Any]]:
    """Return name and arguments of a text such as ``quantized_bits(6, 0, alpha=1)``."""
    try:
        call = ast.parse(text[:1000], mode="eval").body
        if isinstance(call, ast.Name):
            return call.id, {}
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("no call")
        kind = call.func.id
        values = [ast.literal_eval(argument) for argument in call.args]
        named = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refusal(where, f"{text!r:.80} is no quantizer") from error
    names = SIGNATURES.get(kind, ())
    if len(values) > len(names) and names:
        raise Refusal(where, f"{text!r:.80}: {len(values)} arguments, {kind} has {len(names)}")
    return kind, {**dict(zip(names, values, strict=False)), **named}
