"""The RTL project of a run, as its configuration says."""

from pathlib import Path

from aefpga.firmware.parts import find_part
from aefpga.firmware.rtl import Rtl, make_project
from aefpga.runs import Run


def rtl_of(run: Run, folder: Path) -> Rtl:
    """Return the RTL of a run, made in `folder` unless it is there.

    Raises
    ------
    ToolError
        As for `make_project`.
    """
    firmware = run.firmware
    return make_project(
        run.spec,
        firmware.clock_period_ns,
        folder,
        find_part(firmware.part).name,
        firmware.adders_per_stage,
        dsp=firmware.dsp,
        registered_inputs=firmware.registered_inputs,
        lanes=firmware.lanes,
    )
