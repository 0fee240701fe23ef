"""The RTL project: da4ml turns the specification into pipelined Verilog.

da4ml (arXiv:2507.04535) computes each matrix product by shifts and adds, with common terms shared;
there are no multipliers, block RAMs or weights in memory. One jet enters every clock cycle.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import localcontext
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga import __version__
from aefpga.errors import ToolError
from aefpga.files import atomic_path, sha256_of, write_json
from aefpga.firmware.bench import write_benches
from aefpga.firmware.board import Interface, write_board
from aefpga.firmware.calibration import adders_per_stage
from aefpga.firmware.parts import PARTS
from aefpga.firmware.ports import front_end, input_ports, output_ports, test_bench, wrapper
from aefpga.firmware.rounding import quantize
from aefpga.firmware.score import scored
from aefpga.firmware.vhdl import vhdl
from aefpga.fixedpoint import Emulator, EncoderSpec, Layer
from aefpga.fixedpoint.example import adversarial_words

Words = NDArray[np.int64]
TOP = "encoder"
# da4ml's code of an operation that defines a constant.
CONSTANT = 5
MANIFEST = "project.json"
# da4ml's matrices are float32: wider weights would be rounded.
MAX_WEIGHT_BITS = 24
# Of a sum or product of doubles of moderate size, written as a decimal; 28 were too few.
EXACT_DIGITS = 400
# Trying every decomposition takes four times as long; a 24-64-32-15 encoder cost the same.
SOLVER_OPTIONS = {"search_all_decompose_dc": False}


@dataclass(frozen=True)
class Rtl:
    """A traced encoder, pipelined.

    Parameters
    ----------
    spec : EncoderSpec
        What it computes.
    pipeline : da4ml Pipeline
        Its combinational logic, cut into register stages.
    clock_period_ns : float
        The clock period that it is made for.
    adders : int
        Adders in a row, at most, in a stage.
    registered_inputs : bool
        Whether registers take the ports over before companders and offsets.
    """

    spec: EncoderSpec
    pipeline: Any
    clock_period_ns: float
    adders: int
    registered_inputs: bool = False

    @property
    def stages(self) -> int:
        """Number of register stages that da4ml made."""
        return len(self.pipeline.solutions)

    @property
    def latency_cycles(self) -> int:
        """Registers on the way: the ports' if there are some, the core's first, one a stage."""
        return self.registered_inputs + 1 + self.stages

    @property
    def cost(self) -> float:
        """da4ml's own estimate of the number of LUTs."""
        return float(self.pipeline.cost)

    @property
    def register_bits(self) -> int:
        """da4ml's own estimate of the number of flip-flops."""
        return int(self.pipeline.reg_bits)


def trace(
    spec: EncoderSpec, clock_period_ns: float, adders: int | None = None, *, dsp: bool = False
) -> Rtl:
    """Trace the encoder with da4ml and cut it into stages that fit the clock period.

    `adders` in a row go into a stage; None takes as many as `adders_per_stage` says. With `dsp` the
    squares of a score are products, for DSPs; else they are shifts and adds.

    da4ml's own interpreter of the integer logic is compared with the emulator before anything is
    written.

    Raises
    ------
    ToolError
        If weights are wider than da4ml computes exactly, or its logic is not exact.
    """
    (rtl,) = trace_each(spec, [clock_period_ns], adders, dsp=dsp)
    return rtl


def trace_each(
    spec: EncoderSpec,
    clock_periods_ns: Sequence[float],
    adders: int | None = None,
    *,
    dsp: bool = False,
) -> list[Rtl]:
    """Trace the encoder once, and cut it for each of the clock periods; as `trace`."""
    from da4ml.trace.pipeline import to_pipeline

    for layer in spec.layers:
        if layer.matrix.type.width.max() > MAX_WEIGHT_BITS:
            raise ToolError(
                f"layer {layer.name} has weights of {layer.matrix.type.width.max()} bits; "
                f"da4ml computes with at most {MAX_WEIGHT_BITS}"
            )
    logic = _trace_logic(spec, dsp)
    if not _is_exact(spec, logic):
        raise ToolError(
            "da4ml's logic does not compute the words of this encoder; no RTL was written. Please "
            "report it with encoder.json and encoder.npz. The HLS project is not affected"
        )
    found = []
    for period in clock_periods_ns:
        n_adders = adders or adders_per_stage(period, logic.cost)
        pipeline = to_pipeline(logic, latency_cutoff=n_adders, verbose=False)
        found.append(Rtl(spec, pipeline, period, n_adders))
    return found


def estimated_luts(spec: EncoderSpec) -> float:
    """Return da4ml's estimate of the encoder's LUTs, before any pipelining."""
    return float(_trace_logic(spec, dsp=False).cost)


def _trace_logic(spec: EncoderSpec, dsp: bool) -> Any:
    """Return the encoder as da4ml's logic.

    da4ml reckons intervals and constants in decimals and cuts them to integers: with the usual 28
    digits -62816, scaled by 2^-50 and back, became -62815, in a 10-bit 24-200-100-50-15 encoder.
    """
    with localcontext(prec=EXACT_DIGITS):
        return _trace_outputs(spec, dsp)


def _trace_outputs(spec: EncoderSpec, dsp: bool) -> Any:
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace

    n_inputs = len(spec.input.variables)
    hardware = HWConfig(1, -1, -1)
    port = FixedVariableArrayInput((n_inputs,), hwconf=hardware, solver_options=SOLVER_OPTIONS)
    types = spec.input.network_type.broadcast((n_inputs,))
    x = port.quantize(types.signed, types.integer - types.signed, types.fraction)
    for layer in spec.layers:
        matrix = layer.matrix.values
        products = [x[inputs] @ matrix[inputs, outputs] for inputs, outputs in layer.blocks]
        x = np.concatenate(products) + layer.bias.values
        x = _activated(x, layer)
    if spec.trigger is not None:
        x = scored(x, spec.trigger, dsp=dsp)
    logic = comb_trace(port, x)
    return logic._replace(ops=[_shortest(op) if op.opcode == CONSTANT else op for op in logic.ops])


def _activated(sums: Any, layer: Layer) -> Any:
    """Return da4ml's variables of a layer's words."""
    kind = layer.output.broadcast((layer.n_out,))
    if layer.activation == "relu":
        sums = sums.relu()
    if layer.activation != "leaky_relu":
        return quantize(sums, kind)
    # The slope is below one, so the larger is the leaky ReLU.
    leaking = sums * 2.0**-layer.negative_slope_shift
    if kind.overflow == "WRAP":
        return quantize(np.maximum(sums, leaking), kind)
    # Rounding and saturation keep the order: the larger word is the word of the larger, and words
    # are narrower than sums.
    return np.maximum(quantize(sums, kind), quantize(leaking, kind))


def _shortest(constant: Any) -> Any:
    """Return one of da4ml's constants without zeros at its low end.

    da4ml keeps a value as an integer times a power of two, which grows with the bits that each
    layer drops, but writes constants in steps of at most 2^31: in a trained 24-200-100-50-15
    encoder words that should saturate, in steps of 2^38, became zero.
    """
    zeros = (constant.data & -constant.data).bit_length() - 1 if constant.data else 0
    interval = constant.qint._replace(step=constant.qint.step * 2.0**zeros)
    return constant._replace(data=constant.data >> zeros, qint=interval)


def _is_exact(spec: EncoderSpec, logic: Any) -> bool:
    words = adversarial_words(spec, n_random=2000)
    found = logic.predict(spec.input.network_type.to_values(words))
    expected = spec.output_type.to_values(Emulator(spec).outputs(words))
    return np.array_equal(np.reshape(found, expected.shape), expected)


def write_project(rtl: Rtl, folder: Path, part: str, lanes: int = 1) -> None:
    """Write Verilog, constraints, Vivado script, test benches, complete or not at all.

    `lanes` are the records in a beat of the AXI4-Stream.
    """
    from da4ml.codegen import RTLModel

    spec = rtl.spec
    with atomic_path(folder) as temporary:
        model = RTLModel(
            rtl.pipeline, TOP, temporary, part_name=part, clock_period=rtl.clock_period_ns
        )
        model.write()
        _build_the_wrapper(temporary)
        if any(other.name == part and other.is_open for other in PARTS):
            for script in temporary.glob("build_*_prj.tcl"):
                script.unlink()
        # A primitive that no encoder uses, whose ROM style Yosys refuses.
        if not list((temporary / "src/memfiles").iterdir()):
            (temporary / "src/static/lookup_table.v").unlink(missing_ok=True)
        ports = input_ports(spec, rtl.pipeline), output_ports(spec, rtl.pipeline)
        (temporary / f"src/{TOP}_wrapper.v").write_text(
            wrapper(TOP, *ports, registered=rtl.registered_inputs)
        )
        if front := front_end(TOP, ports[0]):
            (temporary / f"src/{TOP}_front_end.v").write_text(front)
        (temporary / f"sim/{TOP}_wrapper_binder.cc").write_text(test_bench(TOP, *ports))
        interface = Interface(spec, TOP, *ports, rtl.latency_cycles, lanes)
        write_board(interface, temporary / "src")
        (temporary / f"src/{TOP}_vhdl.vhd").write_text(vhdl(interface))
        write_benches(interface, temporary / "bench")
        # Named after the sources that they were compiled from: good for as long as those are.
        for library in folder.glob("sim/*.so"):
            shutil.copy(library, temporary / "sim")


def _build_the_wrapper(project: Path) -> None:
    """Have da4ml's script for Vivado build the wrapper and keep the manifest with its reports."""
    changes = {
        "build_vivado_prj.tcl": {
            'set top_module "${project_name}"': 'set top_module "${project_name}_wrapper"',
            'file mkdir "${output_dir}/reports"': 'file mkdir "${output_dir}/reports"\n'
            f'file copy -force "${{prj_root}}/{MANIFEST}" "${{output_dir}}/reports"',
        },
        f"src/{TOP}.xdc": {
            "[get_ports {model_inp[*]}]": "[get_ports -filter {DIRECTION == IN && NAME != clk}]",
            "[get_ports {model_out[*]}]": "[get_ports -filter {DIRECTION == OUT}]",
        },
    }
    for name, edits in changes.items():
        text = (project / name).read_text()
        for old, new in edits.items():
            text = text.replace(old, new)
        (project / name).write_text(text)


def make_project(
    spec: EncoderSpec,
    clock_period_ns: float,
    folder: Path,
    part: str,
    adders: int | None = None,
    *,
    dsp: bool = False,
    registered_inputs: bool = False,
    lanes: int = 1,
) -> Rtl:
    """Return the project in `folder` if it was made for just this and is unchanged, else write it.

    Raises
    ------
    ToolError
        As for `trace`.
    """
    origin = _origin(spec, clock_period_ns, part, adders, dsp)
    origin |= {"registered_inputs": registered_inputs, "lanes": lanes}
    if found := _project_of(spec, folder, origin):
        return found
    rtl = trace(spec, clock_period_ns, adders, dsp=dsp)
    rtl = replace(rtl, registered_inputs=registered_inputs)
    write_project(rtl, folder, part, lanes)
    made = {
        **origin,
        "adders": rtl.adders,
        "latency_cycles": rtl.latency_cycles,
        "sources": stamp(folder),
    }
    write_json(folder / MANIFEST, made)
    return rtl


def last_project(spec: EncoderSpec, folder: Path) -> Rtl | None:
    """Return the project of an encoder in `folder`, for whatever part and clock, if unchanged."""
    return _project_of(spec, folder, _maker(spec))


def _project_of(spec: EncoderSpec, folder: Path, origin: dict[str, Any]) -> Rtl | None:
    """Return the unchanged project in `folder`, if this is what its files follow from."""
    from da4ml.types import Pipeline

    try:
        made = json.loads((folder / MANIFEST).read_text())
        if not origin.items() <= made.items() or made["sources"] != stamp(folder):
            return None
        how = made["clock_period_ns"], made["adders"], made["registered_inputs"]
        return Rtl(spec, Pipeline.load(folder / "model/pipeline.json"), *how)
    except (OSError, ValueError, KeyError, AttributeError):
        return None  # nothing there, or from another version


def _origin(
    spec: EncoderSpec, clock_period_ns: float, part: str, adders: int | None, dsp: bool
) -> dict[str, Any]:
    """What the files of a project follow from."""
    return {
        **_maker(spec),
        "part": part,
        "clock_period_ns": clock_period_ns,
        "adders_asked_for": adders,
        "squares": "DSPs" if dsp else "shifts and adds",
    }


def _maker(spec: EncoderSpec) -> dict[str, Any]:
    """What the files of a project follow from whatever part and clock they are for."""
    return {
        "aefpga": __version__,
        "da4ml": version("da4ml"),
        "encoder": spec.hash,
        "layout": spec.layout,
    }


def stamp(folder: Path) -> str:
    """Return what identifies the sources of a project, of which all else is made."""
    sources = sorted(
        p for p in folder.glob("[ms]*/**/*") if p.suffix in (".v", ".mem", ".cc", ".json")
    )
    return sha256("".join(sha256_of(p) for p in sources).encode()).hexdigest()[:16]
