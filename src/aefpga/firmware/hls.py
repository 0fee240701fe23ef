"""The HLS project: hls4ml from the specification, every precision spelled out and verified.

The layers are handed to hls4ml as its own list of layers. No Keras parser and no `auto` precision
takes part, so nothing can be inferred wrongly or dropped: see docs/firmware.md.
"""

import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import ToolError, UsageError
from aefpga.files import atomic_path
from aefpga.fixedpoint import EncoderSpec, FixedType
from aefpga.quiet import quiet

Strategy = Literal["Latency", "Resource", "distributed_arithmetic"]
Words = NDArray[np.int64]
PROJECT = "encoder"
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
    """

    part: str = "xcvu9p-flga2104-2L-e"
    clock_period_ns: float = 5.0
    reuse_factor: int = 1
    strategy: Strategy = "Latency"
    backend: Literal["Vitis", "Vivado"] = "Vitis"

    def __post_init__(self) -> None:
        if self.strategy not in get_args(Strategy):
            raise UsageError(
                f"unknown strategy {self.strategy}; expected {', '.join(get_args(Strategy))}"
            )
        if self.strategy == "distributed_arithmetic" and self.reuse_factor != 1:
            raise UsageError("distributed_arithmetic unrolls everything: reuse factor must be 1")


def port_type(spec: EncoderSpec) -> FixedType:
    """Return the one type of HLS's input array, which holds the words of all variables exactly.

    HLS arrays are homogeneous: a word narrower than the widest is padded with zeros on the right
    or with its sign on the left.
    """
    types = spec.input.network_type.broadcast((len(spec.input.variables),))
    signed = bool(types.signed.any())
    fraction = int(types.fraction.max())
    # An unsigned word needs a sign bit more where others are signed.
    integer = int((types.integer + (signed & ~types.signed)).max())
    return FixedType(signed, integer + fraction, integer)


def write_project(
    spec: EncoderSpec, folder: Path, options: HlsOptions, words: Words | None = None
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
    words : ndarray of int64, shape (n_jets, n_variables), or None
        Input words for the test bench; its expected outputs come from the integer emulator.
    """
    with atomic_path(folder) as temporary:
        with quiet():
            _graph(spec, temporary, options).write()
        if words is not None:
            _write_test_bench(spec, temporary / "tb_data", words[:TEST_BENCH_JETS])
        (temporary / "README.md").write_text(_readme(spec, options))
        for text in temporary.glob("*.yml"):
            text.write_text(text.read_text().replace(str(temporary), "."))
        for archive in temporary.parent.glob("*.tar.gz"):
            archive.unlink()


class CSimulation:
    """hls4ml's C simulation of the project, compiled with g++; words in and words out.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder.
    folder : Path
        Scratch folder for the sources and the library.
    options : HlsOptions
        As for `write_project`.
    """

    name = "C simulation"

    def __init__(self, spec: EncoderSpec, folder: Path, options: HlsOptions | None = None) -> None:
        if shutil.which("g++") is None:
            raise ToolError("the C simulation needs g++; install it (Debian: apt install g++)")
        self._spec = spec
        self._port = port_type(spec)
        self._graph = _graph(spec, folder, options or HlsOptions())
        try:
            with quiet() as said:
                self._graph.write()
                self._graph.compile()
        except Exception as error:  # hls4ml raises bare exceptions
            raise ToolError(
                f"g++ could not compile the C simulation in {folder}: {error}\n{said[0][-2000:]}"
            ) from error

    def __call__(self, words: Words) -> Words:
        """Return latent words, shape (n_jets, n_latent), of input words (n_jets, n_variables)."""
        with quiet():
            values = self._graph.predict(self._inputs(words))
        layer = self._spec.layers[-1]
        return _words(np.reshape(values, (len(words), layer.n_out)), layer.output)

    def trace(self, words: Words) -> list[Words]:
        """Return the output words of every layer; compiles again, with probes."""
        with quiet():
            outputs = self._graph.trace(self._inputs(words))[1]
        return [
            _words(np.reshape(outputs[f"{x.name}_activation"], (len(words), x.n_out)), x.output)
            for x in self._spec.layers
        ]

    def _inputs(self, words: Words) -> NDArray[np.float64]:
        # float64 carries every word exactly; hls4ml's float32 interface would round wide ones.
        return np.ascontiguousarray(self._spec.input.network_type.to_values(words))


def _words(values: NDArray[np.float64], kind: FixedType) -> Words:
    scaled = np.ldexp(values, kind.fraction)
    if not np.array_equal(scaled, np.rint(scaled)):
        raise ToolError(f"the C simulation's outputs are not words of {kind}")
    # HLS's ports are as wide as the widest word: narrower ones that wrap do it here.
    return kind.to_words(values)


def _graph(spec: EncoderSpec, folder: Path, options: HlsOptions) -> Any:
    """Build hls4ml's model and check that its optimizers kept every type."""
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
    config["HLSConfig"] = _precisions(spec, options)
    layers, expected = _layer_list(spec)
    # hls4ml stamps libraries from a global generator; a fixed name would collide on recompiling.
    with quiet():
        graph = ModelGraph.from_layer_list(config, layers, ["jet"], [layers[-1]["name"]])
    found = {
        layer.name: str(layer.get_output_variable().type.precision) for layer in graph.get_layers()
    }
    if found != expected:
        raise ToolError(f"hls4ml changed the precision of a layer: {found}, expected {expected}")
    return graph


def _layer_list(spec: EncoderSpec) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return hls4ml's list of layers, and the output type that each must end with."""
    n_inputs = len(spec.input.variables)
    layers: list[dict[str, Any]] = [
        {"name": "jet", "class_name": "InputLayer", "input_shape": [n_inputs]}
    ]
    expected = {"jet": _hls_type(port_type(spec), exact=True)}
    for layer in spec.layers:
        shape = {"n_in": layer.n_in, "n_out": layer.n_out}
        layers.append(
            {
                "name": layer.name,
                "class_name": "Dense",
                "data_format": "channels_last",
                "weight_data": layer.weight.values,
                "bias_data": np.broadcast_to(layer.bias.values, layer.n_out).copy(),
                **shape,
            }
        )
        activation: dict[str, Any] = {
            "name": f"{layer.name}_activation",
            "class_name": "Activation",
            "activation": layer.activation,
            "n_in": layer.n_out,
        }
        if layer.activation == "leaky_relu":
            slope = 2.0**-layer.negative_slope_shift
            activation |= {
                "class_name": "LeakyReLU",
                "activation": "LeakyReLU",
                "activ_param": slope,
            }
        layers.append(activation)
        expected[layer.name] = _hls_type(layer.accumulator, exact=True)
        expected[f"{layer.name}_activation"] = _hls_type(layer.output)
    return layers, expected


def _precisions(spec: EncoderSpec, options: HlsOptions) -> dict[str, Any]:
    """Return hls4ml's configuration with the precision of every tensor given by the spec."""
    implementation = {"ReuseFactor": options.reuse_factor, "Strategy": options.strategy}
    names: dict[str, Any] = {
        "jet": {"Precision": {"result": _hls_type(port_type(spec), exact=True)}, "Trace": True}
    }
    for layer in spec.layers:
        sums = _hls_type(layer.accumulator, exact=True)
        names[layer.name] = {
            "Precision": {
                "weight": _hls_type(_common(layer.weight.type), exact=True),
                "bias": _hls_type(_common(layer.bias.type), exact=True),
                "accum": sums,
                "result": sums,
            },
            **implementation,
        }
        # 2**-shift, exactly; the product with a sum is exact in C++ until it is assigned.
        shift = layer.negative_slope_shift
        names[f"{layer.name}_activation"] = {
            "Precision": {
                "result": _hls_type(layer.output),
                "param": f"ufixed<{shift + 1},1>",
            },
            "Trace": True,
        }
    # The model's defaults are never used for a dense layer; distributed arithmetic may not be one.
    model = {"Precision": {"default": "fixed<32,16>"}, "ReuseFactor": 1, "Strategy": "Latency"}
    return {"Model": model, "LayerName": names}


def _common(kind: FixedType) -> FixedType:
    """Return the one type that holds every word of a tensor with a type for each element."""
    if kind.is_uniform:
        return FixedType(
            kind.signed.flat[0], kind.width.flat[0], kind.integer.flat[0], kind.rounding
        )
    fraction, integer = int(kind.fraction.max()), int(kind.integer.max())
    return FixedType(bool(kind.signed.any()), fraction + integer, integer)


def _hls_type(kind: FixedType, *, exact: bool = False) -> str:
    """Return a type in hls4ml's spelling; `exact` ones never round or overflow."""
    uniform = _common(kind)
    mode = "TRN,WRAP" if exact else f"{kind.rounding},{kind.overflow}"
    sign = "" if uniform.signed else "u"
    return f"{sign}fixed<{int(uniform.width)},{int(uniform.integer)},{mode},0>"


def _write_test_bench(spec: EncoderSpec, folder: Path, words: Words) -> None:
    from aefpga.fixedpoint import Emulator

    folder.mkdir(parents=True, exist_ok=True)
    latent = spec.latent_type.to_values(Emulator(spec)(words))
    for name, values in (
        ("tb_input_features.dat", spec.input.network_type.to_values(words)),
        ("tb_output_predictions.dat", latent),
    ):
        np.savetxt(folder / name, values, fmt="%.17g")


def _readme(spec: EncoderSpec, options: HlsOptions) -> str:
    pairs = zip(spec.input.variables, spec.input.is_companded, strict=True)
    companded = [name for name, is_companded in pairs if is_companded]
    front_end = (
        "\nThe inputs are words on a logarithmic scale where the run says so "
        f"({', '.join(companded)}): the RTL project's `src/encoder_front_end.v` makes them of "
        "linear quantities.\n"
        if companded
        else ""
    )
    text = textwrap.dedent(f"""\
        # HLS project of encoder {spec.layout}

        Encoder hash `{spec.hash}`; part {options.part}, {options.clock_period_ns:g} ns, reuse
        factor {options.reuse_factor}, strategy {options.strategy}; written by aefpga with hls4ml.

        Synthesize it where the vendor's tool is installed:

            vitis-run --mode hls --tcl build_prj.tcl    # Vitis HLS 2024.1 and later
            vitis_hls -f build_prj.tcl                  # Vitis HLS before that
            vivado_hls -f build_prj.tcl                 # Vivado HLS (backend Vivado)

        `tb_data/` holds input words of test jets as numbers, and what the encoder must answer.
        """)
    return text + front_end
