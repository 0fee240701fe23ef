"""QKeras and Keras models as specifications: what a layer computes, and that it is exact."""

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from aefpga.config.loading import problems_of
from aefpga.config.section import Section
from aefpga.errors import DataError, ToolError
from aefpga.fixedpoint import Activation, Convolution, FixedType, Tensor, exact_accumulator
from aefpga.importing import keras_reference
from aefpga.importing.chain import (
    Chain,
    Comparison,
    Imported,
    exact_tensor,
    no_bias,
    plain_input,
    slope_shift,
    smallest_tensor,
)
from aefpga.importing.keras_file import KerasLayer, KerasModel, read_keras_file
from aefpga.importing.keras_reference import (
    IDLE,
    activation_of,
    convolution_of,
    leaky_slope,
    quantizer_of,
)
from aefpga.importing.quantizers import Quantizer, Rounding, read_rounding
from aefpga.importing.refusal import Refusal
from aefpga.importing.spelling import read_type
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.yaml_files import read_yaml

Floats = NDArray[np.float64]
# Bits of a weight, at most; da4ml computes with 32.
MOST_BITS = 32
# Bits of a float32's mantissa: with them Keras computes every sum exactly, in any order.
KERAS_BITS = 24


class LayerTypes(Section):
    """Types of a layer that has no quantizers of its own; `output` comes after its activation."""

    weight: str | None = None
    bias: str | None = None
    output: str | None = Field(None, description="none: the sums as they are")


class GivenTypes(Section):
    """Types of the input, and of layers by name, in a YAML file."""

    input: str | None = None
    layers: dict[str, LayerTypes] = Field(default_factory=dict)


def read_types(path: Path) -> GivenTypes:
    """Read types from a YAML file; UsageError or DataError if it is none of types."""
    try:
        return GivenTypes.model_validate(read_yaml(path) or {})
    except ValidationError as error:
        raise DataError(f"{path} does not give types:\n{problems_of(error)}") from error


def read_keras_model(path: Path, types: GivenTypes) -> Imported:
    """Read an encoder from the file of a QKeras or Keras model, and compare it with that.

    Parameters
    ----------
    path : Path
        An `.h5` or `.keras` file.
    types : GivenTypes
        Of the input, unless the model begins with a quantizer; of layers without quantizers, whose
        weights are rounded to them.

    Raises
    ------
    DataError
        If the file is damaged.
    Refusal
        If a layer cannot be represented exactly.
    ToolError
        If TensorFlow and QKeras are not installed, or words differ that are proven to be equal.
    """
    model = read_keras_file(path)
    if unknown := types.layers.keys() - {layer.name for layer in model.layers}:
        raise Refusal("types", f"there are no layers {', '.join(sorted(unknown))}")
    built = keras_reference.build(model)
    reader = _Reader(model, types)
    for layer, made in zip(model.layers, built.layers, strict=True):
        reader.read(layer, made)
    spec = reader.finished().spec(keras=model.version)
    notes: list[str] = []
    if types.layers:
        notes.append(
            f"weights of {', '.join(types.layers)} are rounded to the types given, by at most "
            f"{reader.largest_change:.3g}: words are theirs, not those of Keras's floats"
        )
        return Imported(spec, _format(model), notes=tuple(notes), files=(path,))
    compared = keras_reference.compare(built, model.shape, spec)
    unproven = [x.name for x in spec.layers if x.bits_needed > KERAS_BITS]
    if unproven:
        notes.append(_rounded_by_keras(unproven, compared))
    elif compared.equal < compared.words:
        raise ToolError(f"only {compared}, which should not happen; please report it with {path}")
    return Imported(spec, _format(model), compared, tuple(notes), (path,))


def _format(model: KerasModel) -> str:
    kind = "QKeras" if any(x.kind.startswith("Q") for x in model.layers) else "Keras"
    return f"{kind} model, Keras {model.version[:40]}"


def _rounded_by_keras(layers: list[str], compared: Comparison) -> str:
    return (
        f"sums of {', '.join(layers)} may need more than the {KERAS_BITS} bits of a float32, in "
        "which Keras predicts, and which rounds them; the words here are those of exact sums, and "
        f"{compared.words - compared.equal:,} of {compared.words:,} differ from Keras's"
    )


@dataclass
class _Product:
    """A product whose activation and rounding come later; `bias` has a word for each filter."""

    layer: KerasLayer
    weight: Tensor
    bias: Tensor
    convolution: Convolution | None = None
    activation: Activation = "linear"
    shift: int = 0
    output: FixedType | None = None
    normalised: KerasLayer | None = None

    @property
    def matrix(self) -> Tensor:
        """The weights, or what a kernel makes of them."""
        return self.weight if (found := self.convolution) is None else found.lowered(self.weight)

    @property
    def biases(self) -> Tensor:
        """A word for each output."""
        repeats = self.matrix.words.shape[1] // self.bias.words.size
        return Tensor(np.tile(self.bias.words, repeats), self.bias.type)


class _Reader:
    """Goes from layer to layer; keeps a product until it is known what happens to its sums."""

    def __init__(self, model: KerasModel, types: GivenTypes) -> None:
        self._shape, self._types = model.shape, types
        self._chain: Chain | None = None
        self._product: _Product | None = None
        self.largest_change = 0.0
        if types.input is not None:
            self._chain = self._starting(_type("input", types.input))

    def read(self, layer: KerasLayer, made: Any) -> None:
        """Take the next layer, and Keras's own that was made of it."""
        if layer.kind in IDLE:
            return
        if layer.kind == "Flatten":
            self._shape = (prod(self._shape),)
        elif layer.kind in ("Dense", "QDense"):
            self._dense(layer, made)
            self._activate(layer)
        elif layer.kind in ("Conv2D", "QConv2D"):
            self._convolve(layer, made)
            self._activate(layer)
        elif layer.kind == "BatchNormalization":
            self._normalise(layer, made)
        elif layer.kind == "LeakyReLU":
            slope = leaky_slope(layer)
            self._round(layer, Rounding("leaky_relu", shift=slope_shift(layer.where, slope)))
        elif layer.kind == "ReLU":
            self._round(layer, Rounding("relu"))
        else:
            self._activate(layer)

    def finished(self) -> Chain:
        """Return the layers, the last one's words being its sums if nothing rounds them."""
        self._flush()
        if self._chain is None or not self._chain.layers:
            raise Refusal("the model", "it has no layer with weights")
        return self._chain

    def _starting(self, kind: FixedType) -> Chain:
        return Chain(plain_input(kind, prod(self._shape)))

    def _started(self, layer: KerasLayer) -> Chain:
        if self._chain is None:
            raise Refusal(
                layer.where,
                "the type of the words that go in is not known, as the model begins with no "
                "QActivation(quantized_bits(…)); give it with --input-type, such as "
                "'ap_fixed<8,6,AP_RND_CONV,AP_SAT>'",
            )
        return self._chain

    def _dense(self, layer: KerasLayer, made: Any) -> None:
        self._flush()
        chain = self._started(layer)
        if len(self._shape) != 1:
            raise Refusal(
                layer.where, f"words of shape {self._shape} arrive; put a Flatten before it"
            )
        weight, bias = self._tensors(layer, made)
        if weight.words.shape[0] != chain.width:
            raise Refusal(layer.where, f"{chain.width} words arrive at {weight.words.shape[0]}")
        self._shape = (weight.words.shape[1],)
        self._product = _Product(layer, weight, bias)

    def _convolve(self, layer: KerasLayer, made: Any) -> None:
        """Take a convolution."""
        self._flush()
        self._started(layer)
        convolution = convolution_of(layer, self._shape)
        kernel, bias = self._tensors(layer, made)
        self._shape = convolution.shape(kernel.words.shape)
        self._product = _Product(layer, kernel, bias, convolution)

    def _tensors(self, layer: KerasLayer, made: Any) -> tuple[Tensor, Tensor]:
        """Return kernel and bias as the model computes with them."""
        given = self._types.layers.get(layer.name, LayerTypes())
        kernel = self._tensor(layer, made, "kernel", given.weight)
        if len(layer.weights) < 2:
            return kernel, no_bias(kernel.words.shape[-1])
        return kernel, self._tensor(layer, made, "bias", given.bias)

    def _tensor(self, layer: KerasLayer, made: Any, part: str, given: str | None) -> Tensor:
        where = f"{layer.where}, {part}"
        quantizer = quantizer_of(layer, f"{part}_quantizer")
        floats = np.asarray(getattr(made, part), np.float64)
        if given is not None:
            if quantizer is not None:
                raise Refusal(where, f"it has {quantizer}, and a type is given; leave that out")
            kind = _type(where, given)
            rounded = replace(kind, overflow="SAT").quantized(floats)
            self.largest_change = max(self.largest_change, float(np.abs(rounded - floats).max()))
            return exact_tensor(where, rounded, kind)
        if quantizer is None:
            if not floats.any():
                return smallest_tensor(where, floats, MOST_BITS)
            raise Refusal(
                where,
                f"it has no {part}_quantizer, so its floats are of no type; give one with --types",
            )
        quantize = getattr(made, f"{part}_quantizer_internal")
        try:
            values = np.asarray(quantize(getattr(made, part)), np.float64)
        except Exception as error:  # QKeras raises what comes
            raise Refusal(where, f"QKeras cannot apply {quantizer} ({error})") from error
        return smallest_tensor(where, values, MOST_BITS)

    def _normalise(self, layer: KerasLayer, made: Any) -> None:
        """Fold a batch normalisation into the product before it, if that is exact in float32."""
        product = self._product
        if product is None or product.activation != "linear":
            raise Refusal(layer.where, "it can be folded right after a layer of products only")
        if made.moving_mean.shape[0] != self._shape[-1]:
            raise Refusal(layer.where, f"it is not of the {self._shape[-1]} channels that arrive")
        sums = exact_accumulator(self._started(layer).arriving, product.matrix, product.biases)
        # As Keras has it: x * factor + offset, all in float32.
        factor = tensorflow().math.rsqrt(made.moving_variance + made.epsilon)
        factor = np.asarray(factor if made.gamma is None else factor * made.gamma, np.float32)
        offset = np.asarray(-made.moving_mean * factor, np.float32)
        offset = offset if made.beta is None else np.asarray(made.beta + offset)
        factors = factor.astype(np.float64)
        values = product.weight.values * factors, product.bias.values * factors + offset
        try:
            weight, bias = (smallest_tensor(layer.where, x, MOST_BITS) for x in values)
        except Refusal as error:
            raise _inexact(layer) from error
        if sums.width > KERAS_BITS:
            raise _inexact(layer)
        self._product = replace(product, weight=weight, bias=bias, normalised=layer)

    def _activate(self, layer: KerasLayer) -> None:
        activation = activation_of(layer)
        if activation == "relu":
            self._round(layer, Rounding("relu"))
        elif isinstance(activation, Quantizer):
            rounding = read_rounding(layer.where, activation)
            if self._chain is None and self._product is None:
                self._begin(layer, rounding)
            else:
                self._round(layer, rounding)

    def _begin(self, layer: KerasLayer, rounding: Rounding) -> None:
        """Take the type of the input's words from the quantizer that a model begins with."""
        if rounding.activation == "leaky_relu" or rounding.least is not None:
            raise Refusal(
                layer.where,
                "what a model begins with must hand on each word of its type; a leaky or symmetric "
                "quantizer does not. Give the words' type with --input-type",
            )
        assert rounding.output is not None
        self._chain = self._starting(rounding.output)

    def _round(self, layer: KerasLayer, rounding: Rounding) -> None:
        """Let sums be activated, and rounded if there is a type."""
        chain = self._started(layer)
        product = self._product or _Product(layer, chain.wires(layer.name), no_bias(chain.width))
        both = {product.activation, rounding.activation} - {"linear"}
        if len(both) > 1 or product.activation == rounding.activation == "leaky_relu":
            raise Refusal(
                layer.where, f"{rounding.activation} comes after {product.activation} at once"
            )
        self._product = product = replace(
            product,
            activation=next(iter(both), "linear"),
            shift=product.shift or rounding.shift,
            output=rounding.output,
        )
        if rounding.least is not None and _least_word(chain.arriving, product) < rounding.least:
            raise Refusal(
                layer.where,
                f"its quantizer clips at the word {rounding.least}, and sums may go below, where a "
                "fixed-point type of as many bits goes on. Give it more integer bits, or make it "
                "neither symmetric nor leaky",
            )
        if rounding.output is not None:
            self._flush()

    def _flush(self) -> None:
        """Add the product that was kept, if there is one."""
        product = self._product
        if product is None:
            return
        name, output = product.layer.name, product.output
        given = self._types.layers.get(name)
        if output is None and given is not None and given.output is not None:
            output = _type(product.layer.where, given.output)
        added = self._started(product.layer).add(
            name,
            product.weight,
            product.biases,
            product.activation,
            product.shift,
            output,
            product.convolution,
        )
        if product.normalised is not None and added.bits_needed > KERAS_BITS:
            raise _inexact(product.normalised)
        self._product = None


def _least_word(arriving: FixedType, product: _Product) -> int:
    """Return the least word that a product's sums are rounded to, were words unlimited."""
    assert product.output is not None
    weight = product.matrix.values
    low, high = arriving.min[:, None], arriving.max[:, None]
    least = np.minimum(low * weight, high * weight).sum(axis=0) + product.biases.values
    if product.activation == "relu":
        least = np.maximum(least, 0)
    leaking = np.ldexp(least, -product.shift)
    return int(np.rint(np.ldexp(leaking, product.output.fraction)).min())


def _inexact(layer: KerasLayer) -> Refusal:
    return Refusal(
        layer.where,
        "its factor gamma / sqrt(variance + epsilon) or its offset has too many bits: Keras rounds "
        "what it returns, so that no words are exactly the same. Train without it, or fold it into "
        "the weights before those are quantized",
    )


def _type(where: str, text: str) -> FixedType:
    try:
        return read_type(text)
    except ValueError as error:
        raise Refusal(where, str(error)) from error
