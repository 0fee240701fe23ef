"""The benches that go with an RTL project, run as its user runs them; what they would find."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from aefpga.firmware.rtl import make_project, trace, write_project
from aefpga.firmware.verilator import check
from aefpga.fixedpoint import Score, Trigger
from aefpga.fixedpoint.example import random_spec

PART = "xcvu9p-flga2104-2L-e"
RECORDS = 2000


def project(folder, spec, lanes):
    write_project(trace(spec, 5.0), folder, PART, lanes)
    return folder


def benches(folder, records=RECORDS):
    """Run `make`; return its exit code and what it says."""
    pytest.importorskip("cocotbext.axi", reason="benches need the extra `bench`")
    done = subprocess.run(
        ["make", "-j2", f"PYTHON={sys.executable}", f"RECORDS={records}"],
        cwd=folder / "bench",
        env={k: v for k, v in os.environ.items() if not k.startswith("COCOTB")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_the_benches_of_a_project_pass_and_find_what_is_broken(tmp_path):
    folder = project(tmp_path / "rtl", random_spec((3, 2), 4, companded=2), lanes=2)
    code, said = benches(folder)
    assert code == 0, said[-3000:]
    assert "TESTS=7 PASS=7" in said
    equal, dropped = map(int, re.search(r"(\d+) records equal, (\d+) dropped", said).groups())
    assert equal > RECORDS / 2
    assert dropped > 0
    fifo = folder / "src/static/credit_fifo.v"
    fifo.write_text(fifo.read_text().replace("ready <= used < ", "ready <= used <= "))
    code, said = benches(folder)
    assert code != 0
    assert "a_beat_a_cycle" in said


@pytest.fixture(scope="module", params=[1, 3])
def with_trigger(request, tmp_path_factory):
    spec = random_spec((3, 2), 4)
    spec = replace(spec, trigger=Trigger(Score.exact("absolutes", spec.latent_type), 5))
    return project(tmp_path_factory.mktemp("board") / "rtl", spec, request.param)


def test_verilator_finds_no_error_in_streams_of_any_lanes(with_trigger):
    folder = with_trigger
    check("encoder_bench", [*(folder / "src").rglob("*.v"), *(folder / "bench").glob("*.v")])


def test_a_project_of_other_lanes_is_made_anew(tmp_path):
    spec, stream = random_spec((3, 2), 4), tmp_path / "rtl/src/encoder_stream.v"
    for lanes in (1, 2, 1):
        make_project(spec, 5.0, tmp_path / "rtl", PART, lanes=lanes)
        assert stream.read_text().count("encoder_block") == lanes


def test_ghdl_finds_no_error_in_the_vhdl(with_trigger, tmp_path):
    if shutil.which("ghdl") is None:
        pytest.skip("GHDL is not installed")
    source = with_trigger / "src/encoder_vhdl.vhd"
    for command in (["-a", "--std=93", str(source)], ["-e", "--std=93", "encoder_vhdl"]):
        done = subprocess.run(
            ["ghdl", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert "trigger : out unsigned(0 downto 0)" in source.read_text()
