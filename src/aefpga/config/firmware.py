"""For which hardware."""

from pydantic import Field

from aefpga.choices import Strategy
from aefpga.config.section import Section


class FirmwareConfig(Section):
    """For which hardware."""

    part: str = "xcvu9p"
    clock_period_ns: float = Field(5.0, gt=0)
    reuse_factor: int = Field(1, gt=0)
    strategy: Strategy = "Latency"
    adders_per_stage: int | None = Field(
        None, gt=0, description="RTL: adders between registers; none: as many as surely fit"
    )
    registered_inputs: bool = Field(
        False, description="RTL: registers at the ports, before companders: a cycle more"
    )
    lanes: int = Field(
        1, gt=0, le=64, description="RTL: records in a beat of the AXI4-Stream, an encoder for each"
    )
    dsp: bool = Field(
        False, description="squares of a score in DSPs; without, they are shifts and adds"
    )
