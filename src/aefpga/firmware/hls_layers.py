"""The encoder as hls4ml's own list of layers, with the type of every tensor spelled out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aefpga.errors import ToolError
from aefpga.firmware.hls_score import WRITTEN, bit_code, score_code
from aefpga.fixedpoint import EncoderSpec, FixedType, Layer, Trigger
from aefpga.fixedpoint.types import EXACT_BITS

INPUT = "jet"
SCORE, BIT = "trigger_score", "trigger_bit"


@dataclass(frozen=True)
class Node:
    """One of hls4ml's layers.

    Parameters
    ----------
    name : str
        In hls4ml's graph and configuration.
    result : str
        Type of its outputs, in hls4ml's spelling; what hls4ml's optimizers must not change.
    attributes : Mapping
        What hls4ml's list of layers says of it.
    precision : Mapping
        Types of its other tensors.
    """

    name: str
    result: str
    attributes: Mapping[str, Any]
    precision: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_quantizer(self) -> bool:
        """Whether all it does is to give each number a type of its own."""
        return bool(self.attributes["class_name"] == "FixedPointQuantizer")


def nodes(spec: EncoderSpec, *, dsp: bool) -> list[Node]:
    """Return hls4ml's layers, from the input to the latent words, and score and bit."""
    port = {"class_name": "InputLayer", "input_shape": [len(spec.input.variables)]}
    first = Node(INPUT, hls_type(port_type(spec), exact=True), port)
    layers = [first, *(node for layer in spec.layers for node in layer_nodes(layer))]
    return layers if spec.trigger is None else layers + _trigger_nodes(spec.trigger, dsp=dsp)


def output_nodes(spec: EncoderSpec) -> dict[str, FixedType]:
    """Return the names of hls4ml's layers whose results come out, with the types of their words."""
    layer = spec.layers[-1]
    latent = {layer_nodes(layer)[-1].name: layer.output}
    if spec.trigger is None:
        return latent
    return {**latent, SCORE: spec.trigger.score.type, BIT: FixedType(False, 1, 1)}


def _trigger_nodes(trigger: Trigger, *, dsp: bool) -> list[Node]:
    score, bit = score_code(SCORE, trigger.score, dsp=dsp), bit_code(BIT, trigger)
    kind = hls_type(trigger.score.type)
    return [
        Node(SCORE, kind, {"class_name": WRITTEN, "code": score}),
        Node(
            BIT, hls_type(FixedType(False, 1, 1), exact=True), {"class_name": WRITTEN, "code": bit}
        ),
    ]


def layer_nodes(layer: Layer) -> list[Node]:
    """Return hls4ml's layers for one of the encoder's; the outputs of the last are its words.

    That is a matrix product whose sums are exact, the activation, and where neurons have types of
    their own a quantizer. hls4ml removes a linear activation that changes nothing.
    """
    return list(_layer_nodes(layer))


def _layer_nodes(layer: Layer) -> Iterator[Node]:
    sums = hls_type(layer.accumulator, exact=True)
    product = {
        "class_name": "Dense",
        "data_format": "channels_last",
        "weight_data": layer.matrix.values,
        "bias_data": layer.bias.values,
        "n_in": layer.n_in,
        "n_out": layer.n_out,
    }
    precision = {
        "weight": hls_type(common_type(layer.matrix.type), exact=True),
        "bias": hls_type(common_type(layer.bias.type), exact=True),
        "accum": sums,
    }
    yield Node(layer.name, sums, product, precision)
    result = _activation_type(layer)
    if layer.activation != "linear" or result != sums:
        shift = layer.negative_slope_shift
        activation: dict[str, Any] = {
            "class_name": "Activation",
            "activation": layer.activation,
            "n_in": layer.n_out,
        }
        if layer.activation == "leaky_relu":
            activation["class_name"] = activation["activation"] = "LeakyReLU"
            activation["activ_param"] = 2.0**-shift
        # 2**-shift, exactly; the product with a sum is exact in C++ until it is assigned.
        slope = {"param": f"ufixed<{shift + 1},1>"}
        yield Node(f"{layer.name}_activation", result, activation, slope)
    if not layer.output.is_uniform:
        words = hls_type(common_type(layer.output), exact=True)
        yield Node(f"{layer.name}_words", words, _quantizer(layer.output, layer.n_out))


def _activation_type(layer: Layer) -> str:
    """Return the type of the activation's result: the words, or what they are quantized from."""
    if layer.output.is_uniform:
        return hls_type(layer.output)
    held, shift = layer.accumulator, layer.negative_slope_shift
    return hls_type(FixedType(held.signed, held.width + shift, held.integer), exact=True)


def _quantizer(output: FixedType, n: int) -> dict[str, Any]:
    """Return hls4ml's layer that rounds each of `n` numbers to a type of its own."""
    kind = output.broadcast((1, n))
    return {
        "class_name": "FixedPointQuantizer",
        "mask_kbi": (kind.signed.astype(int), kind.width, kind.integer),
        "RND": kind.rounding,
        "SAT": kind.overflow,
        "overrides": {},
        "fusible": False,
    }


def port_type(spec: EncoderSpec) -> FixedType:
    """Return the one type of HLS's input array, which holds the words of all variables exactly.

    HLS arrays are homogeneous: a word narrower than the widest is padded with zeros on the right
    or with its sign on the left.
    """
    return common_type(spec.input.network_type)


def common_type(kind: FixedType) -> FixedType:
    """Return the one type that holds every word of a tensor with a type for each element.

    Raises
    ------
    ToolError
        If it has more than 53 bits: words go in and come out as float64.
    """
    signed = bool(kind.signed.any())
    fraction = int(kind.fraction.max())
    # An unsigned word needs a sign bit more where others are signed.
    integer = int((kind.integer + (signed & ~kind.signed)).max())
    width = max(fraction + integer, 1)
    if width > EXACT_BITS:
        raise ToolError(
            f"HLS needs one type for all words of a layer, which here has {width} bits; at most "
            f"{EXACT_BITS} can be simulated. The RTL, where each word has its own, is not affected"
        )
    return FixedType(signed, width, width - fraction, kind.rounding, kind.overflow)


def hls_type(kind: FixedType, *, exact: bool = False) -> str:
    """Return a type in hls4ml's spelling; `exact` ones never round or overflow."""
    one = common_type(kind)
    mode = "TRN,WRAP" if exact else f"{one.rounding},{one.overflow}"
    return f"{'' if one.signed else 'u'}fixed<{int(one.width)},{int(one.integer)},{mode},0>"
