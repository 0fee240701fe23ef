import pytest

from aefpga.errors import UsageError
from aefpga.firmware.parts import OPEN_FAMILIES, PARTS, find_part

# Vivado 2025.1's "Available" column for xcvu13p, in the reports of da4ml's examples.
XCVU13P = (1_728_000, 3_456_000, 12_288, 5_376)


def test_short_names_in_any_case_give_the_default_package():
    assert find_part("xcvu9p").name == "xcvu9p-flga2104-2L-e"
    assert find_part(" XCVU9P ") == find_part("xcvu9p-flga2104-2l-e") == find_part("xcvu9p")


def test_another_package_of_a_known_device_is_taken_as_vivado_spells_it():
    other = find_part("XCVU9P-FLGB2104-2l-E")
    assert other.name == "xcvu9p-flgb2104-2L-e"
    assert other.available == find_part("xcvu9p").available


def test_seven_series_names_have_no_hyphen_before_the_package():
    assert find_part("xc7z020clg484-1").name == find_part("xc7z020-clg484-1").name
    assert find_part("xc7z020clg484-1").name == "xc7z020clg484-1"
    assert find_part("xc7vx690tffg1927-2") == find_part("xc7vx690t")


def test_parts_of_others_are_found_by_either_name():
    assert find_part("LFE5UM5G-85F").name == "LFE5UM5G-85F-8BG756C"
    assert find_part("lfe5um5g-85f-8bg756c") == find_part("lfe5um5g-85f")
    assert find_part("gw2a-lv18pg256c8/i7") == find_part("GW2A-18")
    with pytest.raises(UsageError, match="nearest are lfe5um5g-85f"):
        find_part("lfe5um5g-85f-8bg381c")


def test_unknown_part_names_the_nearest_and_the_known():
    with pytest.raises(UsageError, match=r"xcvu99p; the nearest are xcvu9p.*known are .*xcku115"):
        find_part("xcvu99p")
    with pytest.raises(UsageError, match="unknown part banana; known are"):
        find_part("banana")


def test_totals_are_those_that_vivado_states():
    part = find_part("xcvu13p")
    assert (part.lut, part.ff, part.dsp, part.bram) == XCVU13P


@pytest.mark.parametrize("part", PARTS, ids=lambda p: p.device)
def test_every_part_is_complete(part):
    assert find_part(part.device) == find_part(part.name) == part
    assert part.family in ("xc7", "xcu", "xcup", *OPEN_FAMILIES)
    if not part.is_open:
        # Two flip-flops for each look-up table, in every family of AMD's.
        assert part.ff == 2 * part.lut
    assert part.source.startswith(("AMD DS", "Lattice FPGA-DS", "Gowin DS"))
    assert min(part.lut, part.dsp, part.bram) > 0
    assert (part.uram > 0) <= (part.family == "xcup")


def test_the_parts_that_were_promised_are_there():
    promised = "xcvu9p xcvu13p xcku115 xcku060 xc7vx690t xc7z020 xcu250 xcu55c"
    assert set(promised.split()) <= {p.device for p in PARTS}
