"""The open figures against designs that Vivado has routed: what is stated is measured."""

import json

import numpy as np
import pytest

from aefpga.firmware import calibration, yosys
from aefpga.firmware.vendor_reports import read_timing, read_utilization


@pytest.fixture(scope="module")
def routed_networks(shared_data):
    """The 20 JEDI-linear networks: da4ml's cost, and what Vivado made of them."""
    files = sorted((shared_data / "vendor_reports/jedi_linear").glob("*.json"))
    rows = [row for f in files for row in json.loads(f.read_text()).values()]
    assert len(rows) == calibration.COST_LUT.designs == 20
    return {key: np.array([row[key] for row in rows]) for key in ("cost", "LUT", "actual_period")}


def test_cost_against_routed_luts(routed_networks):
    ratio = routed_networks["LUT"] / routed_networks["cost"]
    stated = calibration.COST_LUT
    found = np.median(ratio), ratio.min(), ratio.max()
    assert np.allclose(found, (stated.median, stated.low, stated.high), atol=0.005)


def test_delay_of_an_adder_against_routed_periods(routed_networks):
    stated = calibration.ADDER_DELAY
    per_adder = routed_networks["actual_period"] / 2
    log_lut = np.log(routed_networks["LUT"])
    slope, offset = np.polyfit(log_lut, per_adder, 1)
    assert (slope, offset) == pytest.approx((stated.slope, stated.offset), abs=0.005)
    residual = per_adder - (slope * log_lut + offset)
    assert (residual.min(), residual.max()) == pytest.approx((stated.low, stated.high), abs=0.006)
    # They have two adders a stage. The rule puts two there at no clock that one of them missed,
    # and does at every clock longer than its period by what the fit leaves open.
    spread = 2 * (stated.high - stated.low)
    for lut, period in zip(routed_networks["LUT"], routed_networks["actual_period"], strict=True):
        assert calibration.adders_per_stage(period - 0.02, lut) == 1
        assert calibration.adders_per_stage(period + spread + 0.02, lut) >= 2


def test_adders_in_a_stage_where_open_tools_route():
    assert calibration.adders_where_routed(5.0, "xcup") is None
    found = [calibration.adders_where_routed(period, "ecp5") for period in (2.0, 5.0, 6.3, 50.0)]
    assert found == [1, 1, 2, 3]
    assert calibration.adders_where_routed(5.0, "gowin") == 1


@pytest.mark.slow
def test_yosys_against_vivado_on_a_design_from_its_ir(shared_data, tmp_path):
    from da4ml.codegen import RTLModel
    from da4ml.types import Pipeline

    example = shared_data / "vendor_reports/da4ml_examples/vivado_example_verilog_model_lc_2"
    design = Pipeline.load(example / "pipeline.json")
    RTLModel(design, "vmodel", tmp_path).write()
    found = yosys.synthesize(tmp_path, "vmodel", "xcup").resources
    routed = read_utilization(example / "reports/vmodel_post_route_util.rpt")
    assert routed.lut / found.lut == pytest.approx(calibration.YOSYS_LUT.median, abs=0.01)
    assert routed.ff / found.ff == pytest.approx(calibration.YOSYS_FF.median, abs=0.01)
    assert routed.dsp == found.dsp
    assert (routed.carry_kind, found.carry_kind) == ("CARRY8", "CARRY8")
    assert routed.carry / found.carry == pytest.approx(calibration.YOSYS_CARRY8.median, abs=0.01)
    # 5 ns less the slack, with two adders a stage, lies within the range that is stated.
    period = 5.0 - read_timing(example / "reports/vmodel_post_route_timing.rpt").setup_slack
    assert 2 * calibration.ADDER_DELAY.ns(routed.lut) < period
