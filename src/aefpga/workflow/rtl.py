"""The RTL project of an encoder, as a configuration of the firmware says."""

from pathlib import Path

from aefpga.config import FirmwareConfig
from aefpga.firmware.parts import find_part
from aefpga.firmware.rtl import Rtl, make_project
from aefpga.fixedpoint import EncoderSpec


def rtl_of(spec: EncoderSpec, firmware: FirmwareConfig, folder: Path) -> Rtl:
    """Return the RTL of an encoder, made in `folder` unless it is there.

    Raises
    ------
    ToolError
        As for `make_project`.
    """
    return make_project(
        spec,
        firmware.clock_period_ns,
        folder,
        find_part(firmware.part).name,
        firmware.adders_per_stage,
        dsp=firmware.dsp,
        registered_inputs=firmware.registered_inputs,
        lanes=firmware.lanes,
    )
