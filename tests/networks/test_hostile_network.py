"""ONNX files that are no network of ours: refused before anything runs or unpacks them."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from aefpga.errors import RunError
from aefpga.networks.decoder import Decoder
from aefpga.networks.network import FloatLayer, Network, export_network, read_network


@pytest.fixture
def model(tmp_path):
    """A network of two layers and a linear path, as a file and as a message to be changed."""
    rng = np.random.default_rng(1)

    def layer(n_in, n_out, activation="linear"):
        weight, bias = rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)
        return FloatLayer(weight.astype("f4"), bias.astype("f4"), activation, 0.125)

    path = tmp_path / "d.onnx"
    layers = [layer(3, 4, "leaky_relu"), layer(4, 2)]
    export_network(Network(layers, np.ones(3), layer(3, 2), metadata={"encoder": "a"}), path)
    return path, onnx.load(path)


def add_loop(model):
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["more"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("more", TensorProto.BOOL, [])],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(1 << 62), "trips"))
    model.graph.node.insert(0, helper.make_node("Loop", ["trips", ""], [], body=body))


def add_constant(model):
    size = numpy_helper.from_array(np.array([30_000, 30_000]), "size")
    model.graph.initializer.append(size)
    model.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["large"]))


def widen(model):
    model.graph.initializer[1].dims[:] = [3, 1 << 40]


def point_elsewhere(model):
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def change_type(model):
    model.graph.initializer[1].data_type = TensorProto.INT32


def rewire(model):
    model.graph.node[2].input[0] = "numbers"


def read_the_output(model):
    next(n for n in model.graph.node if n.output[0] == "linear").input[0] = "normalised"


def add_function(model):
    node = helper.make_node("Identity", ["a"], ["b"])
    model.functions.append(helper.make_function("x", "Gemm", ["a"], ["b"], [node], []))


def say_sparse(model):
    values = numpy_helper.from_array(np.ones(1, np.float32), "sparse")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "indices")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1 << 40]))


def change_opset(model):
    model.opset_import[0].version = 1


def double(model):
    model.graph.initializer.append(model.graph.initializer[1])


def drop_layer(model):
    del model.graph.initializer[1:]


def scale_a_product(model):
    model.graph.node[2].attribute.add(name="alpha", f=2.0, type=onnx.AttributeProto.FLOAT)


def lose_the_slope(model):
    node = next(n for n in model.graph.node if n.op_type == "LeakyRelu")
    del node.attribute[:]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (add_loop, "operators Loop"),
        (add_constant, "operators ConstantOfShape"),
        (widen, "reshape"),
        (point_elsewhere, "reshape"),
        (drop_layer, "weight_linear"),
        *(
            (change, "no network that this program writes")
            for change in (
                change_type, rewire, read_the_output, add_function, say_sparse, change_opset,
                double, scale_a_product, lose_the_slope,
            )
        ),
    ],
)  # fmt: skip
def test_other_graphs_are_refused(model, change, found):
    path, message = model
    assert Decoder(path).n_out == 2
    change(message)
    path.write_bytes(message.SerializeToString())
    with pytest.raises(RunError, match=found):
        Decoder(path)


def test_what_is_no_weight_has_little_room(model):
    path, message = model
    # An empty node takes two bytes here, and a hundred in memory.
    path.write_bytes(message.SerializeToString() + b"\x3a\x84\x80\x7a" + b"\x0a\x00" * 1_000_002)
    with pytest.raises(RunError, match="no weights"):
        read_network(path)
    message.graph.doc_string = "x" * 2_000_000
    path.write_bytes(message.SerializeToString())
    with pytest.raises(RunError, match="no weights"):
        read_network(path)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x3b", b"\x3a\xff\xff\xff\xff\x7f"])
def test_other_bytes_are_refused(tmp_path, content):
    (tmp_path / "d.onnx").write_bytes(content)
    with pytest.raises(RunError, match=r"d\.onnx"):
        Decoder(tmp_path / "d.onnx")


def test_wide_layers_are_computed_in_smaller_batches(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    layers = [
        FloatLayer(rng.normal(size=s).astype("f4"), rng.normal(size=s[1]).astype("f4"), "relu")
        for s in ((15, 128), (128, 128), (128, 24))
    ]
    export_network(Network(layers, np.ones(15)), tmp_path / "d.onnx")
    words = rng.integers(-99, 99, (5000, 15))
    whole = Decoder(tmp_path / "d.onnx")(words)
    monkeypatch.setattr("aefpga.networks.decoder.MAX_ACTIVATIONS", 128 * 777)
    np.testing.assert_array_equal(Decoder(tmp_path / "d.onnx")(words), whole)
