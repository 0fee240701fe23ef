"""How far the open figures are from Vivado's, measured on designs that Vivado has routed.

`tests/firmware/test_calibration.py` measures all of this again from the reports and checks that the
constants still hold; docs/synthesis.md shows the tables.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Vivado's post-route figure over the open one: median, least and largest of `designs`."""

    median: float
    low: float
    high: float
    designs: int
    source: str

    def __str__(self) -> str:
        if self.designs == 1:
            return (
                f"Vivado's post-route figure was {self.median:.2f} times this on the one design "
                f"that could be compared ({self.source})"
            )
        return (
            f"Vivado's post-route figure was {self.low:.2f} to {self.high:.2f} times this "
            f"(median {self.median:.2f}, {self.designs} designs: {self.source})"
        )


JEDI = "JEDI-linear, Vivado, xcvu13p, 2 ns"
EXAMPLE = "da4ml example, Vivado 2025.1, xcvu13p, 5 ns"

# Post-route LUTs over da4ml's cost.
COST_LUT = Ratio(1.05, 0.97, 1.13, 20, JEDI)
# Post-route LUTs, flip-flops and carries over Yosys's, as `yosys.py` counts them.
YOSYS_LUT = Ratio(0.98, 0.98, 0.98, 1, EXAMPLE)
YOSYS_FF = Ratio(0.90, 0.90, 0.90, 1, EXAMPLE)
YOSYS_CARRY8 = Ratio(0.86, 0.86, 0.86, 1, EXAMPLE)

# LUTs that Yosys finds a compander takes for each octave: 2 to 6, fewer where there are few.
OCTAVE_LUTS = 5.0


@dataclass(frozen=True)
class AdderDelay:
    """ns that an adder and its wires take in a pipeline stage: ``slope * ln(LUTs) + offset``.

    Fitted to the clock periods (target less slack) that 20 routed networks reached with two adders
    a stage (`latency_cutoff=2` in the networks' own `src/syn_test.py`); larger designs have longer
    wires. `low` and `high` are the extreme residuals of the fit.
    """

    slope: float
    offset: float
    low: float
    high: float
    source: str

    def ns(self, lut: float) -> float:
        """Return the delay of one adder in a design of `lut` LUTs, at least that of the fit's."""
        return self.slope * math.log(max(lut, self.smallest)) + self.offset

    # The fit ends at the smallest of the routed networks.
    smallest: float = 35_000.0


ADDER_DELAY = AdderDelay(0.365, -2.525, -0.23, 0.39, JEDI)


@dataclass(frozen=True)
class Slowness:
    """How many times as long an adder takes as in UltraScale+: likely, least and most."""

    likely: float
    low: float
    high: float
    source: str


# FloPoCo's models of parts (src/Targets) have delays of Vivado's timing reports. A look-up table,
# the first and the last carry: 0.543 ns in a Kintex-7 of grade 3, 0.281 ns in a Virtex UltraScale+
# of grade 2; at 16 bits, with the carries between, 0.690 and 0.307 ns: 2.25 times. With 0.5 ns of
# wires to both, which is what it takes for either, 1.47 times; likely is the geometric mean.
FLOPOCO = (
    "FloPoCo's delays of an adder in Kintex-7 and Virtex UltraScale+, from Vivado's reports; no "
    "routed design"
)
SLOWNESS = {
    "xcup": Slowness(1.0, 1.0, 1.0, "the same family"),
    "xcu": Slowness(
        1.35, 1.0, 2.25, "nothing is known of it here but what is on either side of it"
    ),
    "xc7": Slowness(1.82, 1.47, 2.25, FLOPOCO),
}
# Companders take as long as so many adders of the same encoder: 0.96 to 1.5 where open tools routed
# them (docs/synthesis.md). An offset is subtracted, rounded and compared with its bounds: at most
# three carry chains.
COMPANDER_ADDERS = 1.5
OFFSET_ADDERS = 3
# Clock periods in ns that the slower of two encoders, default and modulo words, had after routing
# with 1, 2, 3 adders a stage: docs/synthesis.md.
ROUTED_PERIODS = {"ecp5": (4.40, 6.30, 7.54), "gowin": (4.81, 7.34)}


def adders_per_stage(clock_period_ns: float, lut: float) -> int:
    """Return how many adders in a row fit into a clock period even for the slowest known design.

    In UltraScale+: other families of AMD's need a longer period for as many.
    """
    return max(1, int(clock_period_ns / (ADDER_DELAY.ns(lut) + ADDER_DELAY.high)))


def adders_where_routed(clock_period_ns: float, family: str) -> int | None:
    """Return how many adders fit into a clock period in a family that open tools route.

    None for the others.
    """
    if family not in ROUTED_PERIODS:
        return None
    return max(1, sum(period <= clock_period_ns for period in ROUTED_PERIODS[family]))
