"""What an encoder would cost, and how long it would take, before any of it is built."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aefpga.firmware.calibration import OCTAVE_LUTS
from aefpga.firmware.rtl import trace_each
from aefpga.fixedpoint import EncoderInput, EncoderSpec


@dataclass(frozen=True)
class Estimate:
    """LUTs by da4ml's cost and those of the companders; latency by da4ml's pipeline.

    Parameters
    ----------
    luts : float
        Before placement and routing.
    clock_period_ns : float
        The clock that it is made for.
    latency_cycles : int
        From the edge that takes a record in to the edge that can take its words on.
    """

    luts: float
    clock_period_ns: float
    latency_cycles: int

    @property
    def latency_ns(self) -> float:
        """Latency in ns at that clock."""
        return self.latency_cycles * self.clock_period_ns


def estimate(
    spec: EncoderSpec, clock_periods_ns: Sequence[float], adders: int | None = None
) -> Estimate:
    """Estimate an encoder at the one of some clock periods at which its latency is least.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder.
    clock_periods_ns : sequence of float
        To choose from; of two as good, the longer one is easier to reach.
    adders : int or None
        Adders between registers; None takes as many as surely fit into the period.
    """
    companders = compander_luts(spec.input)
    found = [
        Estimate(rtl.cost + companders, rtl.clock_period_ns, rtl.latency_cycles)
        for rtl in trace_each(spec, clock_periods_ns, adders)
    ]
    return min(found, key=lambda x: (x.latency_ns, -x.clock_period_ns))


def compander_luts(source: EncoderInput) -> float:
    """Return about how many LUTs the companders of an encoder's inputs take."""
    octaves = np.broadcast_to(source.type.width, source.mantissa.shape) - source.mantissa
    return OCTAVE_LUTS * float(octaves[source.mantissa >= 0].sum())
