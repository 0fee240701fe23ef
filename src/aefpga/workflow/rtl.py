"""The RTL project of an encoder, as a configuration of the firmware says."""

from pathlib import Path

from aefpga.config import FirmwareConfig
from aefpga.firmware.parts import find_part
from aefpga.firmware.rtl import Rtl, last_project, make_project
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


def last_rtl_of(spec: EncoderSpec, firmware: FirmwareConfig, folder: Path) -> Rtl:
    """Return the RTL of an encoder as it was last made in `folder`, for whatever part and clock.

    It is made as the configuration says if there is none, or it was changed.

    Raises
    ------
    ToolError
        As for `make_project`.
    """
    return last_project(spec, folder) or rtl_of(spec, firmware, folder)
