"""Float networks as ONNX: written, and read again only if they are what is written here.

A file may come from anywhere, and ONNX can say things that never end or fill any memory. So what
is read is a list of dense layers; whoever runs a network gets a graph that was made of those.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import RunError
from aefpga.files import atomic_path

SCHEMA_VERSION = 1
# Old enough for every onnxruntime that the package allows.
OPSET, IR_VERSION = 17, 8
# What a file may hold besides weights: names, nodes, metadata.
MAX_OVERHEAD = 1_000_000

Floats = NDArray[np.float32]

# ONNX's names of activations.
_OPERATORS = {"linear": "Identity", "relu": "Relu", "leaky_relu": "LeakyRelu"}
_GLUE = ("Cast", "Mul", "Gemm", "Add")
_PARTS_THAT_COUNT = ("graph", "opset_import", "ir_version", "functions")
_ACTIVATIONS = {operator: activation for activation, operator in _OPERATORS.items()}


@dataclass(frozen=True)
class FloatLayer:
    """A dense layer: weight of shape (n_in, n_out), bias (n_out,), and activation."""

    weight: Floats
    bias: Floats
    activation: str = "linear"
    negative_slope: float = 0.0

    def __call__(self, x: Floats) -> Floats:
        """Return the layer's output, shape (n_jets, n_out)."""
        sums: Floats = x @ self.weight + self.bias
        if self.activation == "linear":
            return sums
        return np.asarray(np.maximum(sums, np.float32(self.negative_slope) * sums))


@dataclass(frozen=True)
class Network:
    """Dense layers from scaled numbers to normalised variables.

    Parameters
    ----------
    layers : sequence of FloatLayer
        In order.
    scale : ndarray of float32, shape (n_in,) or ()
        Multiplied with the input: the value of a latent word's least significant bit for a decoder
        of words.
    linear_path : FloatLayer or None
        Added to the last layer's output; reads what layer number `latent` reads.
    latent : int
        The first layer of the decoder.
    metadata : Mapping
        Strings kept with the network, such as the hash of the encoder that it belongs to.

    Raises
    ------
    ValueError
        If layers do not fit each other.
    """

    layers: Sequence[FloatLayer]
    scale: Floats
    linear_path: FloatLayer | None = None
    latent: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shapes."""
        if not self.layers or not 0 <= self.latent < len(self.layers):
            raise ValueError("a network has at least one layer")
        shapes = [(x.weight.shape, x.bias.shape) for x in self.layers]
        # Numbers before the first layer and after each.
        sizes = [self.layers[0].weight.shape[0], *(layer.bias.size for layer in self.layers)]
        expected = [((n, m), (m,)) for n, m in pairwise(sizes)]
        if self.linear_path:
            shapes.append((self.linear_path.weight.shape, self.linear_path.bias.shape))
            expected.append(((sizes[self.latent], sizes[-1]), (sizes[-1],)))
        if self.scale.shape not in ((), (sizes[0],)) or 0 in sizes or shapes != expected:
            raise ValueError(f"shapes {self.scale.shape}, {shapes} do not fit each other")

    @property
    def n_in(self) -> int:
        """Numbers that it takes."""
        return len(self.layers[0].weight)

    @property
    def n_out(self) -> int:
        """Variables that it returns."""
        return len(self.layers[-1].bias)

    @property
    def widest(self) -> int:
        """The most numbers between two layers."""
        return max(self.n_in, *(len(layer.bias) for layer in self.layers))

    def to_onnx(self) -> Any:
        """Return an ONNX model."""
        from onnx import helper

        model = helper.make_model(
            _graph(self), opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        helper.set_model_props(model, {"schema": str(SCHEMA_VERSION), **self.metadata})
        return model


def export_network(network: Network, path: Path) -> None:
    """Write a network as an ONNX file."""
    import onnx

    model = network.to_onnx()
    onnx.checker.check_model(model, full_check=True)
    with atomic_path(path) as temporary:
        onnx.save(model, temporary)


def read_network(path: Path) -> Network:
    """Return the network in a file that `export_network` wrote.

    Raises
    ------
    RunError
        If the file cannot be read, is of another schema, or holds anything else.
    """
    import onnx

    try:
        content = path.read_bytes()
        overhead = len(content) - _bytes_of_weights(memoryview(content))
        if overhead > MAX_OVERHEAD:
            raise ValueError(f"{overhead:,} bytes of it are no weights")
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's exceptions share no public base class with onnx's
        raise RunError(f"{path} cannot be loaded as ONNX ({error}); train again") from error
    metadata = {x.key: x.value for x in model.metadata_props}
    if metadata.get("schema") != str(SCHEMA_VERSION):
        raise RunError(
            f"{path} has decoder schema {metadata.get('schema')}, expected {SCHEMA_VERSION}"
        )
    try:
        network = _network(model.graph, metadata)
        expected = network.to_onnx()
        same = all(getattr(model, x) == getattr(expected, x) for x in _PARTS_THAT_COUNT)
        if not same:
            raise ValueError("its graph is wired otherwise, or has more in it")
    except (ValueError, KeyError, IndexError, StopIteration) as error:
        raise RunError(
            f"{path} is no network that this program writes ({error}); train again"
        ) from error
    return network


def _graph(network: Network) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    n_in, n_out = network.n_in, network.n_out
    constants = {"scale": np.asarray(network.scale, np.float32)}
    nodes = [
        helper.make_node("Cast", ["words"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "scale"], ["value_0"]),
    ]
    for i, layer in enumerate(network.layers):
        constants[f"weight_{i}"] = np.asarray(layer.weight, np.float32)
        constants[f"bias_{i}"] = np.asarray(layer.bias, np.float32)
        inputs = [f"value_{i}", f"weight_{i}", f"bias_{i}"]
        nodes.append(helper.make_node("Gemm", inputs, [f"sum_{i}"]))
        nodes.append(_activation(layer, f"sum_{i}", f"value_{i + 1}"))
    output = f"value_{len(network.layers)}"
    if network.linear_path is None:
        nodes.append(helper.make_node("Identity", [output], ["normalised"]))
    else:
        constants["weight_linear"] = np.asarray(network.linear_path.weight, np.float32)
        constants["bias_linear"] = np.asarray(network.linear_path.bias, np.float32)
        inputs = [f"value_{network.latent}", "weight_linear", "bias_linear"]
        nodes.append(helper.make_node("Gemm", inputs, ["linear"]))
        nodes.append(helper.make_node("Add", [output, "linear"], ["normalised"]))
    return helper.make_graph(
        nodes,
        "decoder",
        [helper.make_tensor_value_info("words", TensorProto.DOUBLE, ["jets", n_in])],
        [helper.make_tensor_value_info("normalised", TensorProto.FLOAT, ["jets", n_out])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )


def _activation(layer: FloatLayer, source: str, target: str) -> Any:
    from onnx import helper

    options = {"alpha": layer.negative_slope} if layer.activation == "leaky_relu" else {}
    return helper.make_node(_OPERATORS[layer.activation], [source], [target], **options)


def _network(graph: Any, metadata: Mapping[str, str]) -> Network:
    """Return what a graph must be if `_graph` made it; what else is in it is not looked at."""
    if strange := {node.op_type for node in graph.node} - {*_ACTIVATIONS, *_GLUE}:
        raise ValueError(f"it has operators {', '.join(sorted(strange))[:200]}")
    constants = {x.name: _array(x) for x in graph.initializer}
    made_by = {output: node for node in graph.node for output in node.output}
    layers: list[FloatLayer] = []
    while (i := len(layers)) < len(graph.node) and f"weight_{i}" in constants:
        node = made_by[f"value_{i + 1}"]
        slope = next(x.f for x in node.attribute) if node.op_type == "LeakyRelu" else 0.0
        weight, bias = constants[f"weight_{i}"], constants[f"bias_{i}"]
        layers.append(FloatLayer(weight, bias, _ACTIVATIONS[node.op_type], slope))
    linear_path, latent = None, 0
    if "linear" in made_by:
        linear_path = FloatLayer(constants["weight_linear"], constants["bias_linear"])
        latent = int(made_by["linear"].input[0].removeprefix("value_"))
    return Network(layers, constants["scale"], linear_path, latent, metadata)


def _array(tensor: Any) -> Floats:
    # Weights that are missing, or are somewhere else, have other lengths.
    return np.frombuffer(tensor.raw_data, "<f4").reshape(tuple(tensor.dims))


# Where weights are in a protobuf message: the model's graph, its initializers, their raw data.
_WEIGHTS = (7, 5, 9)


def _bytes_of_weights(message: memoryview, path: Sequence[int] = _WEIGHTS) -> int:
    """Return how many bytes of a protobuf message are weights: all else takes much more memory.

    Raises
    ------
    ValueError
        If it is no such message.
    """
    wanted, *rest = path
    found = (part for number, part in _parts(message) if number == wanted)
    return sum(_bytes_of_weights(part, rest) if rest else len(part) for part in found)


def _parts(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the fields of a protobuf message that have a length, with their numbers."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        match tag & 7:
            case 0:
                _, position = _varint(message, position)
            case 1:
                position += 8
            case 2:
                size, position = _varint(message, position)
                yield tag >> 3, message[position : position + size]
                position += size
            case 5:
                position += 4
            case kind:
                raise ValueError(f"a field of wire type {kind}")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for i, byte in enumerate(message[position : position + 10]):
        value |= (byte & 127) << (7 * i)
        if byte < 128:
            return value, position + i + 1
    raise ValueError("it ends amid a number")
