"""The HLS project: hls4ml from the specification, every precision spelled out and verified.

The layers are handed to hls4ml as its own list of layers. No Keras parser and no `auto` precision
takes part, so nothing can be inferred wrongly or dropped: see docs/firmware.md. Around what hls4ml
writes stands a top with the RTL's ports (`hls_top.py`).
"""

import os
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import ToolError, UsageError
from aefpga.files import atomic_path
from aefpga.firmware.hls_layers import INPUT, Node, layer_nodes, nodes, output_nodes
from aefpga.firmware.hls_score import register
from aefpga.firmware.hls_top import PROJECT, QUANTITIES, SCRIPT, SIMULATION, TOP, WORDS, write_top
from aefpga.firmware.ports import input_names
from aefpga.fixedpoint import Emulator, EncoderSpec, FixedType, Layer
from aefpga.fixedpoint.example import adversarial_counts
from aefpga.legacy_keras import ask_for_legacy_keras
from aefpga.quiet import quiet

Strategy = Literal["Latency", "Resource", "distributed_arithmetic"]
Words = NDArray[np.int64]
TEST_BENCH_JETS = 200


@dataclass(frozen=True)
class HlsOptions:
    """What the HLS tool is asked for.

    Parameters
    ----------
    backend : {"Vitis", "Vivado"}
        For Vitis HLS, or the older Vivado HLS.
    part : str
        Full part name.
    clock_period_ns : float
        Target clock period.
    reuse_factor : int
        How often each multiplier is used for one jet; more saves resources and costs latency.
    strategy : {"Latency", "Resource", "distributed_arithmetic"}
        hls4ml's implementation of matrix products.
    dsp : bool
        Whether squares of a score are products, for DSPs; else they are shifts and adds.
    """

    part: str = "xcvu9p-flga2104-2L-e"
    clock_period_ns: float = 5.0
    reuse_factor: int = 1
    strategy: Strategy = "Latency"
    backend: Literal["Vitis", "Vivado"] = "Vitis"
    dsp: bool = False

    def __post_init__(self) -> None:
        if self.strategy not in get_args(Strategy):
            raise UsageError(
                f"unknown strategy {self.strategy}; expected {', '.join(get_args(Strategy))}"
            )
        if self.strategy == "distributed_arithmetic" and self.reuse_factor != 1:
            raise UsageError("distributed_arithmetic unrolls everything: reuse factor must be 1")


def write_project(
    spec: EncoderSpec, folder: Path, options: HlsOptions, counts: Words | None = None
) -> None:
    """Write the HLS project, complete or not at all.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder.
    folder : Path
        Becomes the project folder; an older one is replaced.
    options : HlsOptions
        Part, clock and implementation.
    counts : ndarray of int64, shape (n_jets, n_variables), or None
        Quantities on the ports for the test bench, whose expected words come from the integer
        emulator; None takes adversarial ones.
    """
    given = adversarial_counts(spec) if counts is None else counts
    with atomic_path(folder) as temporary:
        with quiet():
            graph = _graph(spec, temporary, options)
            graph.write()
        write_top(spec, graph, temporary)
        _write_test_data(spec, temporary, given[:TEST_BENCH_JETS])
        (temporary / "README.md").write_text(_readme(spec, options))
        for text in temporary.glob("*.yml"):
            text.write_text(text.read_text().replace(str(temporary), "."))
        for archive in temporary.parent.glob("*.tar.gz"):
            archive.unlink()


class CSimulation:
    """The C simulation of the HLS project, compiled by its own script.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder.
    folder : Path
        Becomes the project folder, as by `write_project`.
    options : HlsOptions
        As for `write_project`.
    counts : ndarray of int64 or None
        As for `write_project`.
    """

    name = "C simulation"

    def __init__(
        self,
        spec: EncoderSpec,
        folder: Path,
        options: HlsOptions | None = None,
        counts: Words | None = None,
    ) -> None:
        if shutil.which(os.environ.get("CXX", "g++")) is None:
            raise ToolError("the C simulation needs g++; install it (Debian: apt install g++)")
        self._spec, self._folder, self._options = spec, folder.resolve(), options or HlsOptions()
        write_project(spec, folder, self._options, counts)
        self._run(["sh", SCRIPT, os.devnull, os.devnull])

    def __call__(self, words: Words) -> Words:
        """Return latent words, shape (n_jets, n_latent), of input words (n_jets, n_variables)."""
        counts = self._spec.input.to_counts(words)
        return self.encode(counts)[:, self._spec.outputs["latent words"]]

    def encode(self, counts: Words) -> Words:
        """Return all outputs, shape (n_jets, n_outputs), of quantities on the ports."""
        with tempfile.TemporaryDirectory() as scratch:
            given, found = (str(Path(scratch) / name) for name in ("quantities", "words"))
            np.savetxt(given, counts, fmt="%d")
            self._run([f"./{SIMULATION}", given, found])
            return np.loadtxt(found, np.int64, ndmin=2)

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ToolError(
                f"the C simulation in {self._folder} failed; it says:\n{done.stderr[-2000:]}"
            )

    def trace(self, words: Words) -> list[Words]:
        """Return the output words of every layer, from hls4ml's function with probes in it."""
        with tempfile.TemporaryDirectory() as scratch, quiet():
            graph = _graph(self._spec, Path(scratch) / "hls", self._options)
            # float64 carries every word exactly; hls4ml's float32 interface would round wide ones.
            values = np.ascontiguousarray(self._spec.input.network_type.to_values(words))
            outputs = graph.trace(values)[1]
        return [self._traced(layer, outputs, len(words)) for layer in self._spec.layers]

    @staticmethod
    def _traced(layer: Layer, outputs: Mapping[str, Any], n: int) -> Words:
        found = [outputs[node.name] for node in layer_nodes(layer) if node.name in outputs]
        values = np.reshape(found[-1], (n, layer.n_out))
        if layer_nodes(layer)[-1].name not in outputs:
            return layer.output.to_words(values)  # rounded in the next matrix product
        return _words(values, layer.output)


def _words(values: NDArray[np.float64], kind: FixedType) -> Words:
    words = kind.to_words(values)
    if not np.array_equal(kind.to_values(words), values):
        raise ToolError(f"the C simulation's outputs are not words of {kind}")
    return words


def _graph(spec: EncoderSpec, folder: Path, options: HlsOptions) -> Any:
    """Build hls4ml's model and check that its optimizers kept every type."""
    # It imports TensorFlow when it writes, which a trainer in this process must find as it needs.
    ask_for_legacy_keras()
    try:
        with quiet():
            from hls4ml.model.graph import ModelGraph
            from hls4ml.utils.config import create_config
    except ImportError as error:
        raise ToolError(
            f"the HLS project needs hls4ml ({error}); install it with "
            "`pip install 'aefpga[firmware]'`"
        ) from error
    config = create_config(
        output_dir=str(folder),
        project_name=PROJECT,
        backend=options.backend,
        part=options.part,
        clock_period=options.clock_period_ns,
        io_type="io_parallel",
    )
    register()
    layers = nodes(spec, dsp=options.dsp)
    outputs = list(output_nodes(spec))
    config["HLSConfig"] = _configuration(layers, options)
    expected = {node.name: node.result for node in layers}
    if options.strategy == "distributed_arithmetic":
        # hls4ml rounds at the input of the next matrix product instead, to the same types.
        fused = [node.name for node in layers if node.is_quantizer and node.name not in outputs]
        expected = {name: kind for name, kind in expected.items() if name not in fused}
    # hls4ml stamps libraries from a global generator; a fixed name would collide on recompiling.
    with quiet():
        graph = ModelGraph.from_layer_list(
            config,
            [{"name": node.name, **node.attributes} for node in layers],
            [INPUT],
            outputs,
        )
    found = {
        layer.name: str(layer.get_output_variable().type.precision) for layer in graph.get_layers()
    }
    if found != expected:
        raise ToolError(f"hls4ml changed the precision of a layer: {found}, expected {expected}")
    return graph


def _configuration(layers: Sequence[Node], options: HlsOptions) -> dict[str, Any]:
    """Return hls4ml's configuration with the precision of every tensor given by the spec."""
    names = {node.name: _node_configuration(node, options) for node in layers}
    # The model's defaults are never used for a dense layer; distributed arithmetic may not be one.
    # `BitExact` would derive all types again where neurons have types of their own.
    model = {
        "Precision": {"default": "fixed<32,16>"},
        "ReuseFactor": 1,
        "Strategy": "Latency",
        "BitExact": False,
    }
    return {"Model": model, "LayerName": names}


def _node_configuration(node: Node, options: HlsOptions) -> dict[str, Any]:
    content = {"Precision": {**node.precision, "result": node.result}, "Trace": True}
    if "weight" not in node.precision:
        return content
    return {**content, "ReuseFactor": options.reuse_factor, "Strategy": options.strategy}


def _write_test_data(spec: EncoderSpec, folder: Path, counts: Words) -> None:
    words = Emulator(spec).outputs(spec.input.of_counts(counts))
    (folder / QUANTITIES).parent.mkdir(exist_ok=True)
    np.savetxt(folder / QUANTITIES, counts, fmt="%d")
    np.savetxt(folder / WORDS, words, fmt="%d")


def _readme(spec: EncoderSpec, options: HlsOptions) -> str:
    port = spec.input.port
    rows = "\n".join(
        f"    {name:<24} {width:>2} bits, {'' if signed else 'un'}signed, {step:g} {unit}".rstrip()
        for name, width, signed, step, unit in zip(
            input_names(spec), port.width, port.signed, port.lsb, spec.input.units, strict=True
        )
    )
    text = textwrap.dedent(f"""\
        # HLS project of encoder {spec.layout}

        Encoder hash `{spec.hash}`; part {options.part}, {options.clock_period_ns:g} ns, reuse
        factor {options.reuse_factor}, strategy {options.strategy}; written by aefpga, the network
        by hls4ml.

        Synthesize it where the vendor's tool is installed:

            vitis-run --mode hls --tcl build_prj.tcl    # Vitis HLS 2024.1 and later
            vitis_hls -f build_prj.tcl                  # Vitis HLS before that
            vivado_hls -f build_prj.tcl                 # Vivado HLS (backend Vivado)

        The top is `{TOP}`, in `firmware/{TOP}.cpp`. It has the data ports of the RTL
        project's module of this name: same names, widths and order.

        `{QUANTITIES}` holds test quantities as integers on these ports, `{WORDS}` what
        the encoder must answer. `sh {SCRIPT}` compiles top and test bench with g++ and compares;
        so does C simulation in the vendor's tool.

        A quantity's word counts steps, of the size that is given last:

        """)
    trigger = f"\nScore and trigger bit come last: {spec.trigger}.\n" if spec.trigger else ""
    divided = (
        "\nQuantities are cells' shares of their sum. The division, and the sum's own word, sent "
        "beside the latent words, are made before them: not in this project.\n"
        if spec.input.total is not None
        else ""
    )
    return f"{text}{rows}\n{trigger}{divided}"
