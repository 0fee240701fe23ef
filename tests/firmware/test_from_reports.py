"""Reports of real tools as reports of an encoder: its own are read, others refused."""

import json
import re
import shutil

import pytest

from aefpga.errors import ToolError
from aefpga.firmware.from_reports import reports_from
from aefpga.firmware.vendor_reports import read_timing, read_vivado
from aefpga.fixedpoint.example import random_spec

UTILIZATION, TIMING = "vmodel_post_route_util.rpt", "vmodel_post_route_timing.rpt"


@pytest.fixture(scope="module")
def spec():
    return random_spec((4, 3, 2), 4)


@pytest.fixture(scope="module")
def examples(shared_data):
    return shared_data / "vendor_reports/da4ml_examples"


@pytest.fixture
def project(examples, spec, tmp_path):
    """An encoder's project after Vivado: a real design's reports, under the encoder's name."""
    reports = tmp_path / "rtl/output_encoder/reports"
    reports.mkdir(parents=True)
    for path in (examples / "vivado_example_verilog_model_lc_2/reports").iterdir():
        text = re.sub(r": vmodel$", ": encoder_wrapper", path.read_text(), flags=re.MULTILINE)
        (reports / path.name).write_text(text)
    made = {"encoder": spec.hash, "part": "xcvu13p-flga2577-2-e", "latency_cycles": 12}
    (tmp_path / "rtl/project.json").write_text(json.dumps(made))
    return tmp_path / "rtl"


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_routed_and_synthesized_designs_are_read(project, spec):
    routed, synthesized = reports_from(spec, project, 4.0, None)
    assert (routed.kind, synthesized.kind) == ("post-route", "post-synthesis")
    assert (routed.tool, routed.tool_version, routed.part) == (
        "Vivado",
        "2025.1",
        "xcvu13p-flga2577-2-e",
    )
    assert (routed.resources.lut, routed.resources.ff, routed.resources.dsp) == (5804, 3420, 80)
    assert (routed.resources.carry, routed.resources.carry_kind) == (666, "CARRY8")
    assert (routed.available.lut, routed.available.bram) == (1_728_000, 5_376)
    # 5 ns less 0.822 ns of slack; the hold slack is negative.
    assert routed.frequency.mhz == pytest.approx(1e3 / 4.178)
    assert (routed.clock_period_ns, routed.latency_cycles) == (5.0, 12)
    assert routed.notes == ("hold times are violated, by 0.267 ns at worst",)
    assert routed.encoder_hash == spec.hash
    assert synthesized.resources.lut == 4855


@pytest.mark.parametrize(
    ("name", "luts"),
    [
        ("vivado_example_verilog_model_lc_2", [5804, 4855]),
        ("vitis_example_model", [3837, 3866]),
        ("vivado_example_verilog_model_lc_comb", [4337, 4339]),
    ],
)
def test_routed_folders_as_they_are(examples, name, luts):
    results = read_vivado(examples / name / "reports")
    assert [result.kind for result in results] == ["post-route", "post-synthesis"]
    # The last one has no registers, which Vivado says as slacks "NA".
    periods = [result.timing and result.timing.period for result in results]
    assert periods == [None, None] if name.endswith("comb") else [5.0, 5.0]
    assert [result.resources.lut for result in results] == luts


def test_a_7_series_report_of_an_older_vivado(shared_data):
    (result,) = read_vivado(shared_data / "vendor_reports/hls4ml_vivado_hls")
    assert (result.kind, result.header.part) == ("post-synthesis", "xc7z020clg400-1")
    assert (result.resources.lut, result.resources.carry) == (1526, 295)
    assert (result.available.bram, result.timing) == (280, None)


def test_what_cannot_be_checked_is_said_first(project, spec):
    (project / "project.json").unlink()
    routed, _ = reports_from(spec, project, 4.0, None)
    assert routed.notes[0].startswith("not checked: whether the reports are of this encoder")
    assert routed.latency_cycles > 1


def test_reports_copied_out_with_their_manifest(project, spec, tmp_path):
    shutil.copytree(project / "output_encoder/reports", tmp_path / "copied")
    shutil.copy(project / "project.json", tmp_path / "copied")
    routed, _ = reports_from(spec, tmp_path / "copied", 4.0, None)
    assert routed.latency_cycles == 12


def test_those_of_something_else_are_refused(project, examples, spec):
    with pytest.raises(ToolError, match="is of the design vmodel, not of encoder_wrapper"):
        reports_from(spec, examples / "vivado_example_verilog_model_lc_2/reports", 4.0, None)
    change(project / "project.json", "xcvu13p-flga2577-2-e", "xcvu9p-flga2104-2L-e")
    with pytest.raises(ToolError, match=r"is of xcvu13p.*was made for xcvu9p"):
        reports_from(spec, project, 4.0, None)
    with pytest.raises(ToolError, match=r"are of encoder .*, the run's is"):
        reports_from(random_spec((4, 3, 3), 4), project, 4.0, None)


def test_two_designs_in_one_folder_are_refused(project, spec):
    reports = project / "output_encoder/reports"
    shutil.copy(reports / UTILIZATION, reports / "again.rpt")
    with pytest.raises(ToolError, match="both report_utilization of encoder_wrapper, routed"):
        reports_from(spec, project, 4.0, None)
    (reports / "again.rpt").unlink()
    change(reports / TIMING, "xcvu13p-flga2577", "xcvu9p-flga2104")
    with pytest.raises(ToolError, match="they are not of one design"):
        reports_from(spec, project, 4.0, None)


def test_damaged_reports_are_refused(project, spec):
    reports = project / "output_encoder/reports"
    whole = (reports / UTILIZATION).read_text()
    for text, expected in (
        (whole[:2500], "no complete report_utilization"),
        (
            whole.replace(
                "| CLB LUTs                   | 5804", "| CLB LUTs                   | 58x4"
            ),
            "58x4",
        ),
        (whole.replace("| Device ", "| Devixe "), "its head has no Device"),
    ):
        (reports / UTILIZATION).write_text(text)
        with pytest.raises(ToolError, match=expected):
            reports_from(spec, project, 4.0, None)
    (reports / UTILIZATION).write_text(whole)
    (reports / TIMING).write_text((reports / TIMING).read_text()[:5000])
    with pytest.raises(ToolError, match="states no slack with its clock"):
        reports_from(spec, project, 4.0, None)


def test_without_timing_there_is_no_clock(project, spec):
    (project / "output_encoder/reports" / TIMING).unlink()
    routed, _ = reports_from(spec, project, 4.0, None)
    assert routed.frequency is None
    assert "no report_timing_summary, post-route" in routed.notes[0]


def test_c_synthesis_beside_it_and_alone(project, spec, examples, tmp_path):
    report = examples / "vitis_example_model/reports/hmodel_fn_csynth.rpt"
    target = project / "encoder_wrapper_csynth.rpt"
    target.write_text(report.read_text())
    with pytest.raises(ToolError, match="is of the function hmodel_fn, not of encoder_wrapper"):
        reports_from(spec, project, 4.0, None)
    change(target, "HLS Report for 'hmodel_fn'", "HLS Report for 'encoder_wrapper'")
    *_, estimate = reports_from(spec, project, 4.0, None)
    assert (estimate.kind, estimate.tool, estimate.tool_version) == (
        "HLS estimate",
        "Vitis HLS",
        "2025.1",
    )
    assert (estimate.latency_cycles, estimate.clock_period_ns) == (3, 5.0)
    # Without a manifest they are taken for one project's.
    (project / "project.json").unlink()
    assert {found.latency_cycles for found in reports_from(spec, project, 4.0, None)} == {3}


def test_an_empty_folder_says_what_to_run(spec, tmp_path):
    with pytest.raises(ToolError, match="run `vivado -mode batch"):
        reports_from(spec, tmp_path, 4.0, None)
    with pytest.raises(ToolError, match="no such folder"):
        reports_from(spec, tmp_path / "none", 4.0, None)


def test_a_slack_that_was_missed_is_negative(project):
    path = project / "output_encoder/reports" / TIMING
    change(path, "      0.822 ", "     -0.822 ")
    assert read_timing(path).setup_slack == -0.822
