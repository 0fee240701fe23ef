"""What cells compute, and how Verilog's widths and signs are read: as Verilator has it."""

import ctypes

import numpy as np

from aefpga.firmware.verilator import compile_module
from aefpga.proof.cells import KNOWN
from aefpga.proof.design import pipeline
from aefpga.proof.equality import CLOCK
from aefpga.proof.netlist import read_verilog
from aefpga.proof.simulation import simulate

WIDTHS = {"a": 7, "b": 7, "u": 5, "v": 6}
BINARY = ("+", "-", "*", "&", "|", "^", "<", "<=", ">", ">=", "==", "!=")
EXPRESSIONS = [
    *(f"{x} {operator} {y}" for operator in BINARY
      for x, y in (("a", "b"), ("u", "v"), ("a", "v"))),
    *(f"{operator}{x}" for operator in ("-", "~", "!", "+", "|") for x in ("a", "u")),
    *(f"{x} {operator} {y}" for operator in ("<<<", ">>>", "<<") for x in ("a", "v")
      for y in ("3", "u[2:0]", "0")),
    "u[0] ? a : b",
    "u ? a : v",
    "{u[3:1], a[2]}",
    "{{2{a[6]}}, a, 1'b1}",
    "{{3{u[1]}}, v[5:4], {2{u[1]}}}",
    "$signed(v[3:1]) + b",
    "$signed({1'b0, u}) - b",
    "-3'sd2 * a",
]  # fmt: skip


def test_every_operator_is_what_verilator_makes_of_it(tmp_path):
    outputs = [f"y{i}" for i in range(len(EXPRESSIONS))]
    ports = ["input clk"]
    ports += [f"input {'signed ' * (x in 'ab')}[{n - 1}:0] {x}" for x, n in WIDTHS.items()]
    ports += [f"output [11:0] {y}" for y in outputs]
    body = [f"assign {y} = {x};" for y, x in zip(outputs, EXPRESSIONS, strict=True)]
    path = tmp_path / "operators.v"
    path.write_text(f"module operators({', '.join(ports)});\n" + "\n".join(body) + "\nendmodule\n")
    netlist = read_verilog([path], "operators")
    assert {cell.kind for cell in netlist.cells} == KNOWN.keys()

    rng = np.random.default_rng(0)
    inputs = {x: rng.integers(0, 1 << n, 2000) for x, n in WIDTHS.items()}
    design = pipeline(netlist, CLOCK)
    found = simulate(design, [inputs[name] for name in design.inputs])
    expected = verilated(tmp_path, np.column_stack(list(inputs.values())), outputs)
    for i, (name, expression) in enumerate(zip(outputs, EXPRESSIONS, strict=True)):
        np.testing.assert_array_equal(found[name], expected[:, i], err_msg=expression)


def verilated(folder, inputs, outputs):
    drive = "".join(f"dut.{x} = in[{i}]; " for i, x in enumerate(WIDTHS))
    read = "".join(f"out[{i}] = dut.{y}; " for i, y in enumerate(outputs))
    binder = folder / "binder.cc"
    binder.write_text(
        '#include "Voperators.h"\n#include <cstdint>\n'
        'extern "C" void run(const int64_t *in, int64_t *out, size_t n) {\n'
        f"    Voperators dut;\n    for (; n--; in += {len(WIDTHS)}, out += {len(outputs)}) {{\n"
        f"        {drive}dut.eval(); {read}\n    }}\n}}\n"
    )
    compile_module("operators", folder, binder, folder / "operators.so")
    found = np.empty((len(inputs), len(outputs)), np.int64)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (np.ascontiguousarray(inputs), found)]
    ctypes.CDLL(str(folder / "operators.so")).run(*pointers, ctypes.c_size_t(len(inputs)))
    return found
