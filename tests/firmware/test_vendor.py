import os
import stat

import pytest

from aefpga.errors import ToolError, UsageError
from aefpga.firmware import vendor
from aefpga.firmware.hls import HlsOptions, write_project
from aefpga.firmware.parts import find_part
from aefpga.firmware.vendor_reports import read_csynth, read_timing, read_utilization
from aefpga.fixedpoint.example import random_spec

VU9P = find_part("xcvu9p")
REPORT_FOLDER = "encoder_wrapper_prj/solution1/syn/report"


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a program of this name on PATH that runs these shell lines."""

    def make(name: str, *lines: str):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / name
        program.write_text("\n".join(("#!/bin/sh", "echo called: $0 $*", *lines)) + "\n")
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return make


@pytest.fixture
def project(tmp_path):
    pytest.importorskip("hls4ml", reason="the HLS project needs the extra `firmware`")
    spec, folder = random_spec((24, 8, 4), 6), tmp_path / "project"
    write_project(spec, folder, HlsOptions())
    return spec, folder


def test_auto_falls_back_to_the_open_flow():
    assert vendor.choose_tool("auto", VU9P).name == "open"


@pytest.mark.parametrize(
    ("program", "name", "backend"),
    [
        ("vitis-run", "vitis", "Vitis"),
        ("vitis_hls", "vitis", "Vitis"),
        ("vivado_hls", "vivado", "Vivado"),
    ],
)
def test_auto_takes_what_is_on_path(stand_in, program, name, backend):
    stand_in(program)
    tool = vendor.choose_tool("auto", VU9P)
    assert (tool.name, tool.backend) == (name, backend)
    assert tool.command[0].endswith(program)


def test_missing_and_unknown_tools():
    with pytest.raises(ToolError, match="vitis-run or vitis_hls is not on PATH"):
        vendor.choose_tool("vitis", VU9P)
    with pytest.raises(UsageError, match="expected auto, vitis, vivado or open"):
        vendor.choose_tool("quartus", VU9P)


def test_parts_of_others_are_no_matter_of_vendor_tools(stand_in):
    stand_in("vitis_hls")
    part = find_part("lfe5um5g-85f")
    assert vendor.choose_tool("auto", part).name == "open"
    with pytest.raises(UsageError, match="--tool vitis is AMD's and does not know LFE5UM5G"):
        vendor.choose_tool("vitis", part)


def test_vitis_answers_with_a_real_report(stand_in, project, shared_data):
    report = shared_data / "vendor_reports/da4ml_examples/vitis_example_model/reports"
    report = report / "hmodel_fn_csynth.rpt"
    target = f"{REPORT_FOLDER}/encoder_wrapper_csynth.rpt"
    stand_in("vitis-run", f"mkdir -p {REPORT_FOLDER}", f"cp {report} {target}")
    spec, folder = project
    found = vendor.synthesize_hls(
        spec, folder, vendor.choose_tool("vitis", VU9P), find_part("xcvu13p")
    )
    assert (found.tool, found.tool_version, found.kind) == ("Vitis HLS", "2025.1", "HLS estimate")
    assert (found.latency_cycles, found.interval_cycles) == (3, 1)
    assert (found.resources.lut, found.resources.ff, found.resources.dsp) == (8851, 494, 20)
    assert found.available.lut == 1_728_000
    assert found.frequency.mhz == pytest.approx(1e3 / 4.803)
    assert "--mode hls --tcl build_prj.tcl" in (folder / "synthesis.log").read_text()


def test_vivado_hls_answers_with_a_real_report(stand_in, project, shared_data):
    report = shared_data / "vendor_reports/hls4ml_vivado_hls/myproject_csynth.xml"
    stand_in(
        "vivado_hls",
        f"mkdir -p {REPORT_FOLDER}",
        f"cp {report} {REPORT_FOLDER}/encoder_wrapper_csynth.xml",
    )
    spec, folder = project
    found = vendor.synthesize_hls(
        spec, folder, vendor.choose_tool("vivado", VU9P), find_part("xc7z020")
    )
    assert (found.tool, found.tool_version, found.part) == (
        "Vivado HLS",
        "2020.1",
        "xc7z020-clg400-1",
    )
    assert (found.latency_cycles, found.interval_cycles) == (10, 8)
    assert found.percent("lut") == pytest.approx(100 * 2532 / 53200)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["echo ERROR: no licence", "exit 3"], "exit code 3"),
        (["exit 0"], "no report in"),
        (
            [
                f"mkdir -p {REPORT_FOLDER}",
                f"echo '<oops' > {REPORT_FOLDER}/encoder_wrapper_csynth.xml",
            ],
            "not a C synthesis report",
        ),
    ],
)
def test_failures_are_told(stand_in, project, lines, expected):
    stand_in("vitis-run", *lines)
    spec, folder = project
    with pytest.raises(ToolError, match=expected):
        vendor.synthesize_hls(spec, folder, vendor.choose_tool("vitis", VU9P), find_part("xcvu9p"))


def test_text_and_xml_of_one_report_agree(shared_data):
    folder = shared_data / "vendor_reports/hls4ml_vivado_hls"
    assert read_csynth(folder / "myproject_csynth.rpt") == read_csynth(
        folder / "myproject_csynth.xml"
    )


def test_vivado_utilization_and_slack(shared_data):
    reports = (
        shared_data / "vendor_reports/da4ml_examples/vivado_example_verilog_model_lc_2/reports"
    )
    routed = read_utilization(reports / "vmodel_post_route_util.rpt")
    assert (routed.lut, routed.ff, routed.dsp, routed.carry) == (5804, 3420, 80, 666)
    assert read_timing(reports / "vmodel_post_route_timing.rpt").setup_slack == 0.822
    with pytest.raises(ToolError, match="no complete report_utilization"):
        read_utilization(reports / "vmodel_post_route_timing.rpt")
