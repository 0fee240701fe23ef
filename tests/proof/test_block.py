"""The `valid` of an encoder's block: proven, or why not."""

import shutil

import pytest

from aefpga.firmware.rtl import TOP, trace, write_project
from aefpga.fixedpoint.example import random_spec
from aefpga.proof.block import prove_block


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("block") / "rtl"
    rtl = trace(random_spec((3, 4, 2), 4, input_bits=5), 5.0, adders=2)
    write_project(rtl, folder, "xcvu9p-flga2104-2L-e")
    assert rtl.latency_cycles == 4
    return folder


def proof_of(project):
    return prove_block(*(project / f"src/{TOP}_{n}.v" for n in ("block", "wrapper")), 4)


def test_valid_is_proven(project):
    assert proof_of(project).verdict == "proven"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("valid[3];", "valid[2];", "after 3 registers or more instead of 4"),
        ("valid[2:0], in_valid}", "valid[2:1], in_valid, in_valid}", "after 3 registers"),
        ("valid[2:0], in_valid}", "valid[2:0], ~in_valid}", "4 registers before out_valid is none"),
        ("valid[2:0], in_valid}", "valid}", "after 5 registers or more"),
        ("valid <= 4'b0", "valid <= 4'b1000", "0 registers before out_valid is none that is 0"),
        ("if (rst)", "if (in_x0[0])", "0 registers before"),
        ("posedge clk", "negedge clk", "0 registers before"),
        (".in_x1(in_x1)", ".in_x1({in_x1[1:0], in_x1[4:2]})", "data ports are not those of one"),
        ("encoder (", "twice (.clk(clk)), encoder (", "data ports are not those of one"),
        ("assign out_valid", "assign latent_0[0] = in_x0[0]; assign out_valid", "one driver"),
        ("input in_valid", "input [1:0] in_valid", "of one bit"),
    ],
)
def test_changes_are_found(project, tmp_path, old, new, reason):
    folder = shutil.copytree(project, tmp_path / "rtl")
    block = folder / f"src/{TOP}_block.v"
    text = block.read_text()
    assert old in text
    block.write_text(text.replace(old, new, 1))
    found = proof_of(folder)
    assert found.verdict == "not proven"
    assert reason in found.reason
