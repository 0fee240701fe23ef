from dataclasses import replace

import pytest

from aefpga.errors import ToolError
from aefpga.firmware import open_flow
from aefpga.firmware.parts import find_part
from aefpga.firmware.plot import plot_report
from aefpga.firmware.rtl import trace, write_project
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.fixedpoint.example import random_spec


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rtl") / "rtl"
    rtl = trace(random_spec((8, 6, 4), 6), 5.0)
    write_project(rtl, folder, "xcvu9p-flga2104-2L-e")
    return rtl, RtlSimulation(rtl, folder), folder


def synthesize(project, part):
    rtl, simulation, folder = project
    return open_flow.synthesize_open(rtl, simulation, folder, find_part(part))


@pytest.fixture(scope="module")
def report(project):
    return synthesize(project, "xc7z020")


def test_without_yosys_the_cost_model_stands_in_and_says_so(project, monkeypatch):
    def missing(*arguments):
        raise ToolError("no Yosys here")

    monkeypatch.setattr(open_flow, "synthesize", missing)
    report = synthesize(project, "xcvu9p")
    assert (report.tool, report.kind) == ("da4ml", "cost model")
    assert report.resources.lut == project[0].cost
    assert any("no Yosys here" in note for note in report.notes)
    # Its words are linear.
    assert not any("registered-inputs" in note for note in report.notes)
    assert report.latency_cycles == project[0].stages + 1


def test_yosys_counts_and_the_plot(project, report, tmp_path):
    assert (report.tool, report.kind) == ("Yosys", "logic synthesis")
    assert 0.7 * project[0].cost < report.resources.lut < 1.4 * project[0].cost
    assert report.resources.dsp == 0
    assert report.frequency.low_mhz < report.frequency.mhz < report.frequency.high_mhz
    plot_report(report, tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 10_000


def test_each_family_has_an_estimate_of_its_own(project):
    rtl = project[0]
    fast, between, slow = (
        open_flow.estimate_frequency(rtl, rtl.cost, family) for family in ("xcup", "xcu", "xc7")
    )
    assert fast.mhz > between.mhz > slow.mhz
    for estimate in (fast, between, slow):
        assert estimate.low_mhz < estimate.mhz < estimate.high_mhz
    assert between.high_mhz == pytest.approx(fast.high_mhz)
    assert between.low_mhz == pytest.approx(slow.low_mhz)
    assert "FloPoCo" in slow.method
    assert "FloPoCo" not in fast.method


def test_companders_limit_the_clock_and_where_they_are_is_said():
    plain = random_spec((4, 3), 6, input_bits=9)
    companded = random_spec((4, 3), 6, input_bits=9, companded=3)
    first, second = (
        open_flow.estimate_frequency(trace(spec, 5.0, adders=1), 1e4) for spec in (plain, companded)
    )
    assert second.mhz == pytest.approx(first.mhz / open_flow.COMPANDER_ADDERS)
    assert "1 adder(s) in a row in a stage" in first.method
    assert "1.5 adder(s) in a row at the ports" in second.method
    # With two adders a stage it is these.
    third = open_flow.estimate_frequency(trace(companded, 5.0, adders=2), 1e4)
    assert third.mhz == pytest.approx(first.mhz / 2)


def test_a_part_too_small_and_a_clock_too_fast_are_told(report):
    full = replace(report, available=replace(report.available, lut=10), clock_period_ns=0.5)
    warnings = list(open_flow._warnings(full))
    assert "does not fit" in warnings[0]
    assert "may not reach it" in warnings[1]
