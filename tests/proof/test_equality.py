"""What is proven of real RTL, what is refuted, and what is not proven and says so."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from aefpga.errors import ToolError
from aefpga.firmware.ports import input_names
from aefpga.firmware.rtl import TOP, trace, write_project
from aefpga.fixedpoint import Emulator, FixedType, Score, Trigger
from aefpga.fixedpoint.example import adversarial_words, random_spec
from aefpga.proof.design import Refused, pipeline
from aefpga.proof.equality import CLOCK, prove
from aefpga.proof.forms import Atom, Form
from aefpga.proof.functions import Functions
from aefpga.proof.netlist import read_verilog, verilog_files
from aefpga.proof.simulation import simulate
from aefpga.proof.symbolic import Reader, causes

MODULE = f"{TOP}_wrapper"


def make(folder, **options):
    """A small encoder's RTL; returns its specification and latency."""
    spec = random_spec((4, 5, 3), 5, input_bits=6, companded=2, **options)
    rtl = trace(spec, 5.0, adders=2)
    write_project(rtl, folder, "xcvu9p-flga2104-2L-e")
    return spec, rtl.stages + 1


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proof") / "rtl"
    return folder, *make(folder, rounding="RND_CONV", per_neuron=True)


def proof_of(small, tmp_path, file, old, new):
    """Prove a copy of the small encoder with one change in a file."""
    folder, spec, latency = small
    changed = shutil.copytree(folder, tmp_path / "rtl")
    path = changed / "src" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return prove(spec, verilog_files(changed), MODULE, latency, seconds=60)


def test_registers_at_the_ports_are_proven(tmp_path):
    spec = random_spec((4, 3), 5, input_bits=6, companded=2)
    rtl = replace(trace(spec, 5.0, adders=2), registered_inputs=True)
    write_project(rtl, tmp_path / "rtl", "xcvu9p-flga2104-2L-e")
    files = verilog_files(tmp_path / "rtl")
    found = prove(spec, files, MODULE, rtl.latency_cycles, seconds=60)
    assert (found.verdict, found.latency_cycles) == ("proven", rtl.stages + 2)


@pytest.mark.parametrize(
    ("activation", "rounding", "overflow", "per_neuron", "offset"),
    [
        ("leaky_relu", "RND", "SAT", False, False),
        ("relu", "RND_CONV", "WRAP", True, True),
        ("leaky_relu", "TRN", "WRAP", True, False),
        ("linear", "RND_CONV", "SAT", True, False),
    ],
)
def test_rtl_is_proven(activation, rounding, overflow, per_neuron, offset, tmp_path):
    spec, latency = make(
        tmp_path / "rtl",
        activation=activation,
        rounding=rounding,
        overflow=overflow,
        per_neuron=per_neuron,
        offset=offset,
    )
    found = prove(spec, verilog_files(tmp_path / "rtl"), MODULE, latency, seconds=60)
    assert found.verdict == "proven", found.outputs
    assert [o.name for o in found.outputs] == ["latent_0", "latent_1", "latent_2"]
    assert found.latency_cycles == latency
    assert found.counterexample is None


def test_an_offset_that_needs_no_rounding_is_proven(tmp_path):
    """Of a difference that is cut to the word's own steps; Verilog shifts it by nothing."""
    spec = random_spec((4, 2), 5, input_bits=6, offset=True)
    cut = spec.input.offset.shifted
    offset = replace(spec.input.offset, shifted=replace(cut, width=cut.width - 1))
    spec = replace(spec, input=replace(spec.input, offset=offset))
    rtl = trace(spec, 5.0)
    write_project(rtl, tmp_path / "rtl", "xcvu9p-flga2104-2L-e")
    assert "<<< 0" in (tmp_path / f"rtl/src/{TOP}_front_end.v").read_text()
    found = prove(spec, verilog_files(tmp_path / "rtl"), MODULE, rtl.stages + 1, seconds=60)
    assert found.verdict == "proven", found.outputs


def test_the_design_that_is_read_computes_the_emulators_words(small):
    """Concretely, too: what the proof follows symbolically is what the cells compute."""
    folder, spec, latency = small
    design = pipeline(read_verilog(verilog_files(folder), MODULE), CLOCK)
    words = adversarial_words(spec)
    ports = dict(zip(input_names(spec), spec.input.to_counts(words).T, strict=True))
    drained = np.zeros(latency, np.int64)
    found = simulate(design, [np.append(ports[name], drained) for name in design.inputs])
    for i, expected in enumerate(Emulator(spec)(words).T):
        bits = (1 << int(spec.latent_type.width[i])) - 1
        np.testing.assert_array_equal(found[f"latent_{i}"][latency:], expected & bits)


def test_a_wrong_constant_is_refuted_by_quantities(small, tmp_path):
    _, spec, _ = small
    found = proof_of(small, tmp_path, f"{TOP}_stage1.v", "8'b10000000", "8'b10000001")
    assert found.verdict == "refuted"
    example = found.counterexample
    counts = np.array([[example.inputs[name] for name in input_names(spec)]])
    column = int(example.port.removeprefix("latent_"))
    word = Emulator(spec)(spec.input.of_counts(counts))[0, column]
    assert example.expected == word & ((1 << int(spec.latent_type.width[column])) - 1)
    assert example.found != example.expected


def test_a_change_that_few_records_show_is_not_proven(small, tmp_path):
    """Of 64 words on a port, one is wrong."""
    old, new = "in_x3[5] ?", "in_x3 == 6'd57 ? 5'd3 : in_x3[5] ?"
    found = proof_of(small, tmp_path, f"{TOP}_front_end.v", old, new)
    assert found.verdict in ("refuted", "not proven")


def test_errors_that_yosys_forgives_are_none_to_be_proven(small, tmp_path):
    """A bit that is repeated -4 times, where nothing uses it."""
    with pytest.raises(ToolError, match="Replication"):
        proof_of(small, tmp_path, "static/mux.v", "(SHIFT1 > 0) ? SHIFT1 : 0", "-4")


def test_a_dropped_register_is_found(small, tmp_path):
    old = "stage2_inp <= stage1_out;"
    dropped = proof_of(small, tmp_path, f"{TOP}.v", old, "")
    assert dropped.verdict != "proven"


def test_a_stage_without_registers_has_the_wrong_latency(small, tmp_path):
    folder, spec, latency = small
    changed = shutil.copytree(folder, tmp_path / "rtl")
    path = changed / f"src/{TOP}.v"
    text = path.read_text().replace("        stage2_inp <= stage1_out;\n", "")
    path.write_text(
        text.replace("] stage2_inp;", "] stage2_inp = stage1_out;").replace(
            "reg [46:0] stage2_inp", "wire [46:0] stage2_inp"
        )
    )
    found = prove(spec, verilog_files(changed), MODULE, latency, seconds=60)
    assert f"after {latency - 1} registers instead of {latency}" in found.outputs[0].reason
    assert found.latency_cycles == latency - 1


def test_what_there_was_no_time_for_is_not_proven(small):
    folder, spec, latency = small
    found = prove(spec, verilog_files(folder), MODULE, latency, seconds=0)
    assert {o.verdict for o in found.outputs} == {"not proven"}
    assert "time was over" in found.outputs[0].reason


def test_ports_of_another_encoder_are_named(small):
    folder, spec, latency = small
    other = replace(spec, layers=spec.layers[:1])
    found = prove(other, verilog_files(folder), MODULE, latency, seconds=60)
    assert "output port latent_0 has 6 bits, the specification 7" in found.outputs[0].reason


@pytest.mark.parametrize("kind", ["absolutes", "squares", "largest"])
@pytest.mark.parametrize("overflow", ["SAT", "WRAP"])
def test_score_and_trigger_bit_are_proven(kind, overflow, tmp_path):
    spec = random_spec((4, 5), 5, input_bits=6, per_neuron=True)
    exact = Score.exact(kind, spec.latent_type)
    narrow = FixedType(False, int(exact.type.width) - 3, exact.type.integer - 1, "TRN", overflow)
    spec = replace(spec, trigger=Trigger(replace(exact, type=narrow), 5))
    rtl = trace(spec, 5.0, adders=2, dsp=overflow == "SAT")
    write_project(rtl, tmp_path / "rtl", "xcvu9p-flga2104-2L-e")
    files = verilog_files(tmp_path / "rtl")
    found = prove(spec, files, MODULE, rtl.stages + 1, seconds=60)
    assert [o.name for o in found.outputs][-2:] == ["score", "trigger"]
    assert found.verdict == "proven", found.outputs
    # Another threshold is another encoder.
    other = replace(spec, trigger=replace(spec.trigger, threshold=6))
    last = prove(other, files, MODULE, rtl.stages + 1, seconds=60).outputs[-1]
    assert last.name == "trigger"
    assert last.verdict != "proven"


def test_what_a_latch_holds_is_another_number_each_cycle(tmp_path):
    path = tmp_path / "odd.v"
    path.write_text(
        "module odd(input clk, input [3:0] a, output [3:0] y); reg [3:0] s, t;"
        "always @* if (a[0]) s = a; always @(posedge clk) t <= s; assign y = s - t; endmodule"
    )
    design = pipeline(read_verilog([path], "odd"), CLOCK)
    reader = Reader(design, [Form.of(Atom("a", 0, 15))], Functions(60))
    value, _ = reader.output(design.outputs["y"])
    assert "different clock cycles" in causes(value)[0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("reg [3:0] s; always @(posedge clk) s <= s + a; assign y = s;", "depends on itself"),
        ("wire [3:0] s = y + a; assign y = s;", "depends on itself"),
        ("assign y = a + b; assign y[0] = a[1];", "more than one driver"),
        ("reg [3:0] s; always @(posedge b[0]) s <= a; assign y = s;", "clock of its own"),
    ],
)
def test_what_is_no_pipeline_is_refused(body, reason, tmp_path):
    path = tmp_path / "odd.v"
    ports = "input clk, input [3:0] a, input [3:0] b, output [3:0] y"
    path.write_text(f"module odd({ports}); {body} endmodule")
    with pytest.raises(Refused, match=reason):
        pipeline(read_verilog([path], "odd"), CLOCK)


def test_verilog_that_cannot_be_read(tmp_path):
    path = tmp_path / "odd.v"
    path.write_text("module odd(input clk; endmodule")
    with pytest.raises(ToolError, match="syntax error"):
        read_verilog([path], "odd")
