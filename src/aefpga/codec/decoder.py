"""The decoder as ONNX: written without TensorFlow, run by onnxruntime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import RunError
from aefpga.files import atomic_path

SCHEMA_VERSION = 1
# Old enough for every onnxruntime that the package allows.
OPSET, IR_VERSION = 17, 8
# Jets decoded together; bounds the memory of the activations.
BATCH = 65_536

Floats = NDArray[np.float32]


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


def export_network(
    layers: Sequence[FloatLayer],
    path: Path,
    scale: NDArray[Any],
    metadata: Mapping[str, str],
    linear_path: FloatLayer | None = None,
    latent: int = 0,
) -> None:
    """Write dense layers as an ONNX model from scaled numbers to normalised variables.

    Parameters
    ----------
    layers : sequence of FloatLayer
        In order.
    path : Path
        File to write.
    scale : ndarray, shape (n_in,)
        Multiplied with the input: the value of a latent word's least significant bit for a decoder
        of words.
    metadata : Mapping
        Strings kept in the model, such as the hash of the encoder that it belongs to.
    linear_path : FloatLayer or None
        Added to the last layer's output; reads what layer number `latent` reads.
    latent : int
        The first layer of the decoder.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    n_in, n_out = layers[0].weight.shape[0], layers[-1].weight.shape[1]
    constants = {"scale": np.asarray(scale, np.float32)}
    nodes = [
        helper.make_node("Cast", ["words"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "scale"], ["value_0"]),
    ]
    for i, layer in enumerate(layers):
        constants[f"weight_{i}"] = np.asarray(layer.weight, np.float32)
        constants[f"bias_{i}"] = np.asarray(layer.bias, np.float32)
        inputs = [f"value_{i}", f"weight_{i}", f"bias_{i}"]
        nodes.append(helper.make_node("Gemm", inputs, [f"sum_{i}"]))
        nodes.append(_activation(layer, f"sum_{i}", f"value_{i + 1}"))
    output = f"value_{len(layers)}"
    if linear_path is None:
        nodes.append(helper.make_node("Identity", [output], ["normalised"]))
    else:
        constants["weight_linear"] = np.asarray(linear_path.weight, np.float32)
        constants["bias_linear"] = np.asarray(linear_path.bias, np.float32)
        inputs = [f"value_{latent}", "weight_linear", "bias_linear"]
        nodes.append(helper.make_node("Gemm", inputs, ["linear"]))
        nodes.append(helper.make_node("Add", [output, "linear"], ["normalised"]))
    graph = helper.make_graph(
        nodes,
        "decoder",
        [helper.make_tensor_value_info("words", TensorProto.DOUBLE, ["jets", n_in])],
        [helper.make_tensor_value_info("normalised", TensorProto.FLOAT, ["jets", n_out])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    helper.set_model_props(model, {"schema": str(SCHEMA_VERSION), **metadata})
    # The full check infers shapes, so layers that do not fit each other are found here.
    onnx.checker.check_model(model, full_check=True)
    with atomic_path(path) as temporary:
        onnx.save(model, temporary)


def read_layers(path: Path) -> list[FloatLayer]:
    """Return the layers of a model that `export_network` wrote, without a linear path.

    Raises
    ------
    RunError
        If the file cannot be read.
    """
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(path).graph
    except Exception as error:  # protobuf's exceptions share no public base class with onnx's
        raise RunError(f"{path} cannot be loaded as ONNX ({error}); train again") from error
    constants = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    after = {node.input[0]: node for node in graph.node if node.input[0].startswith("sum_")}
    layers = []
    for i in range(len(after)):
        node = after[f"sum_{i}"]
        kind = {"Identity": "linear", "Relu": "relu", "LeakyRelu": "leaky_relu"}[node.op_type]
        slope = node.attribute[0].f if kind == "leaky_relu" else 0.0
        layers.append(FloatLayer(constants[f"weight_{i}"], constants[f"bias_{i}"], kind, slope))
    return layers


def _activation(layer: FloatLayer, source: str, target: str) -> Any:
    from onnx import helper

    kinds: dict[str, tuple[str, dict[str, float]]] = {
        "linear": ("Identity", {}),
        "relu": ("Relu", {}),
        "leaky_relu": ("LeakyRelu", {"alpha": layer.negative_slope}),
    }
    kind, options = kinds[layer.activation]
    return helper.make_node(kind, [source], [target], **options)


class Decoder:
    """A network loaded from ONNX; calling it runs onnxruntime.

    Parameters
    ----------
    path : Path
        File that `export_network` wrote.
    encoder_hash : str or None
        Hash of the encoder whose words will be decoded; checked where given.

    Raises
    ------
    RunError
        If the file is missing, damaged, of another schema, or of another encoder.
    """

    def __init__(self, path: Path, encoder_hash: str | None = None) -> None:
        import onnxruntime

        try:
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            raise RunError(f"{path} cannot be loaded as ONNX ({error}); train again") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if metadata.get("schema") != str(SCHEMA_VERSION):
            raise RunError(
                f"{path} has decoder schema {metadata.get('schema')}, expected {SCHEMA_VERSION}"
            )
        if encoder_hash is not None and metadata.get("encoder") != encoder_hash:
            raise RunError(
                f"{path} decodes words of encoder {metadata.get('encoder', '?')[:16]}…, not of "
                f"{encoder_hash[:16]}…; use the decoder of the same run"
            )
        self._path = path

    def __call__(self, words: NDArray[Any]) -> Floats:
        """Return normalised variables, shape (n_jets, n_variables), of words (n_jets, n_latent)."""
        (declared,) = self._session.get_inputs()
        if words.ndim != 2 or words.shape[1] != declared.shape[1]:
            raise RunError(
                f"{self._path} takes {declared.shape[1]} words a jet, found shape {words.shape}"
            )
        words = words.astype(np.float64)
        parts = [
            self._session.run(None, {"words": words[i : i + BATCH]})[0]
            for i in range(0, max(len(words), 1), BATCH)
        ]
        return np.concatenate(parts)
