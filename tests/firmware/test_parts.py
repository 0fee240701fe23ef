import pytest

from aefpga.errors import UsageError
from aefpga.firmware.parts import PARTS, find_part
from aefpga.firmware.vendor import read_csynth

ASKED_FOR = ["xcvu9p", "xcvu13p", "xcku115", "xcku060", "xc7vx690t", "xc7z020", "xcu250", "xcu55c"]


@pytest.mark.parametrize("device", ASKED_FOR)
def test_short_and_full_names(device):
    part = find_part(device.upper())
    assert part.device == device
    assert find_part(part.name) == part
    assert part.lut > 0
    assert part.source


def test_another_package_keeps_the_totals():
    part = find_part("xcvu9p-flgb2104-2-e")
    assert part.name == "xcvu9p-flgb2104-2-e"
    assert part.lut == find_part("xcvu9p").lut


def test_unknown_parts_name_the_nearest():
    with pytest.raises(UsageError, match="nearest are xcvu9p"):
        find_part("xcvu9q")
    with pytest.raises(UsageError, match="known are"):
        find_part("banana")


def test_totals_of_vu13p_are_vivados(shared_data):
    reports = shared_data / "vendor_reports/da4ml_examples/vitis_example_model/reports"
    assert read_csynth(reports / "hmodel_fn_csynth.rpt").available == find_part("xcvu13p").available


def test_families_are_yosyss():
    assert {p.family for p in PARTS} == {"xc7", "xcu", "xcup"}
