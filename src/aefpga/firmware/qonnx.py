"""The encoder as QONNX: ONNX whose `Quant` nodes say of how many bits each number is.

For flows that start there (FINN, hls4ml's own parser). What is written is compared with the
emulator before, by ONNX's reference evaluator. QONNX (arXiv:2206.07527) knows saturation, rounding
to even or down, one width and sign for a tensor, and a scale for each of its columns.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga import __version__
from aefpga.errors import ToolError
from aefpga.files import atomic_path
from aefpga.fixedpoint import Emulator, EncoderSpec, FixedType, Layer
from aefpga.fixedpoint.example import adversarial_words

DOMAIN, OPSET = "qonnx.custom_op.general", 17
# Bits of a float32's mantissa; where sums may need more, numbers are float64.
FLOAT32_BITS = 24
INPUT, OUTPUT = "inputs", "latent"


def write_qonnx(spec: EncoderSpec, path: Path) -> np.dtype[Any]:
    """Write an encoder, complete or not at all, and return the type of its numbers.

    Input are the numbers that the network's words stand for, shape (n, n_inputs); output those that
    the latent words stand for.

    Raises
    ------
    ToolError
        If QONNX cannot say what a layer computes; which, and why, is named.
    """
    import onnx

    exact = all(layer.bits_needed <= FLOAT32_BITS for layer in spec.layers)
    dtype = np.dtype(np.float32 if exact else np.float64)
    model = _Graph(spec, dtype).model()
    words = adversarial_words(spec)
    found = evaluate(model, spec.input.network_type.to_values(words).astype(dtype))
    if not np.array_equal(found, spec.latent_type.to_values(Emulator(spec)(words))):
        raise ToolError("the QONNX model does not compute the encoder's words; please report it")
    with atomic_path(path) as temporary:
        onnx.save(model, temporary)
    return dtype


def evaluate(model: Any, values: NDArray[Any]) -> NDArray[Any]:
    """Return what ONNX's reference evaluator makes of a model's inputs."""
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class Quant(OpRun):  # type: ignore[misc]
        """As QONNX defines it."""

        op_domain = DOMAIN

        def _run(self, x: Any, scale: Any, zero: Any, bits: Any, **options: Any) -> tuple[Any]:
            signed = options["signed"]
            low, high = -signed * 2 ** (bits - signed), 2 ** (bits - signed) - 1
            rounded = np.rint if options["rounding_mode"] == "ROUND" else np.floor
            words = rounded(np.clip(x / scale + zero, low, high))
            return (((words - zero) * scale).astype(x.dtype),)

    found = ReferenceEvaluator(model, new_ops=[Quant]).run(None, {INPUT: values})
    return np.asarray(found[0])


@dataclass
class _Graph:
    """Nodes and constants, layer after layer."""

    spec: EncoderSpec
    dtype: np.dtype[Any]
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)

    def model(self) -> Any:
        """Return the whole as an ONNX model."""
        from onnx import helper, numpy_helper

        value = INPUT
        for layer in self.spec.layers:
            value = self._layer(layer, value)
        self.nodes.append(helper.make_node("Identity", [value], [OUTPUT]))
        kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        graph = helper.make_graph(
            self.nodes,
            "encoder",
            [helper.make_tensor_value_info(INPUT, kind, ["n", self.spec.layers[0].n_in])],
            [helper.make_tensor_value_info(OUTPUT, kind, ["n", self.spec.layers[-1].n_out])],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        model = helper.make_model(
            graph,
            producer_name="aefpga",
            producer_version=__version__,
            ir_version=8,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
        )
        helper.set_model_props(model, {"encoder": self.spec.hash})
        return model

    def _layer(self, layer: Layer, value: str) -> str:
        """Add the nodes of a layer, and return the name of its outputs."""
        name = layer.name
        weight, bias = layer.matrix, layer.bias
        kernel = self._constant(f"{name}_weight", weight.values)
        kernel = self._quant(name, kernel, f"{name}_weight_words", weight.type, "ROUND")
        shift = self._constant(f"{name}_bias", bias.values)
        shift = self._quant(name, shift, f"{name}_bias_words", bias.type, "ROUND")
        value = self._node("MatMul", [value, kernel], f"{name}_product")
        value = self._node("Add", [value, shift], f"{name}_sum")
        if layer.activation == "relu":
            value = self._node("Relu", [value], f"{name}_activated")
        elif layer.activation == "leaky_relu":
            slope = 2.0**-layer.negative_slope_shift
            value = self._node("LeakyRelu", [value], f"{name}_activated", alpha=slope)
        return self._output(layer, value)

    def _output(self, layer: Layer, value: str) -> str:
        name, output = layer.name, layer.output
        if output.overflow == "WRAP" and not _never_wraps(layer):
            raise ToolError(f"layer {name}: words of {output} may wrap, and QONNX's saturate")
        if output.rounding == "RND":
            # Half a step more, rounded down, is to the nearest with halves up.
            half = self._constant(f"{name}_half", np.asarray(output.lsb / 2))
            value = self._node("Add", [value, half], f"{name}_raised")
        mode = "ROUND" if output.rounding == "RND_CONV" else "FLOOR"
        return self._quant(name, value, f"{name}_words", output, mode)

    def _quant(self, layer: str, value: str, name: str, kind: FixedType, mode: str) -> str:
        """Add a `Quant` node, of one sign and width."""
        if any(np.unique(x).size > 1 for x in (kind.signed, kind.width)):
            raise ToolError(
                f"layer {layer}: {name} has words of several widths or signs; a Quant node of "
                "QONNX has one of each"
            )
        signed, width = (int(np.ravel(x)[0]) for x in (kind.signed, kind.width))
        if signed and width == 1:
            raise ToolError(f"layer {layer}: {name} has one bit, which for QONNX is a sign")
        inputs = [
            value,
            self._constant(f"{name}_scale", np.asarray(kind.lsb)),
            self._constant("zero", np.zeros(())),
            self._constant(f"{name}_bits", np.asarray(float(width))),
        ]
        options = {"signed": signed, "narrow": 0, "rounding_mode": mode}
        return self._node("Quant", inputs, name, domain=DOMAIN, **options)

    def _node(self, operator: str, inputs: list[str], output: str, **options: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **options))
        return output

    def _constant(self, name: str, values: NDArray[np.float64]) -> str:
        self.constants[name] = values.astype(self.dtype)
        return name


def _never_wraps(layer: Layer) -> bool:
    """Return whether the output holds every sum there can be, activated."""
    sums, output = layer.accumulator, layer.output
    least = 0.0 if layer.activation == "relu" else float(sums.min)
    if layer.activation == "leaky_relu":
        least = float(np.ldexp(least, -layer.negative_slope_shift))
    return bool(np.all(output.min <= least) and np.all(output.max >= sums.max))
