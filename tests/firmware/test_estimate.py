"""What is estimated of an encoder, against what is then built of it."""

from aefpga.firmware.calibration import OCTAVE_LUTS
from aefpga.firmware.estimate import compander_luts, estimate
from aefpga.firmware.rtl import trace
from aefpga.fixedpoint.example import random_spec


def test_the_clock_is_the_one_of_least_latency():
    spec = random_spec((6, 8, 4), 8)
    periods = (2.0, 5.0, 6.0)
    found = estimate(spec, periods)
    each = {p: (trace(spec, p).stages + 1) * p for p in periods}
    assert found.latency_ns == min(each.values())
    assert found.latency_ns == each[found.clock_period_ns]
    assert found.luts == trace(spec, 5.0).cost


def test_of_clocks_as_good_the_longer_is_taken():
    spec = random_spec((3, 2), 4)
    slow = estimate(spec, (3.0, 6.0), adders=100)
    assert (slow.clock_period_ns, slow.latency_cycles) == (3.0, 2)
    # Twice as many stages at half the period.
    fast = [estimate(spec, (period,), adders=1) for period in (2.0, 4.0)]
    assert fast[0].latency_cycles == fast[1].latency_cycles


def test_companders_cost_by_their_octaves():
    plain, spec = random_spec((4, 3), 8), random_spec((4, 3), 8, companded=3)
    mantissa, width = spec.input.mantissa, spec.input.type.broadcast((4,)).width
    octaves = sum(int(w) - int(m) for w, m in zip(width, mantissa, strict=True) if m >= 0)
    assert octaves > 0
    assert compander_luts(plain.input) == 0
    assert compander_luts(spec.input) == OCTAVE_LUTS * octaves
    assert estimate(spec, (5.0,)).luts == trace(spec, 5.0).cost + OCTAVE_LUTS * octaves
