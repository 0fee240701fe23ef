"""The encoder with `valid`: random gaps, and resets in the middle."""

import os
import random
from collections import deque
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge
from vectors import LAYOUT, QUANTITIES, WORDS, pauses, shuffled

RECORDS = int(os.environ["RECORDS"])
RESET_SHARE = 0.01


@cocotb.test()
async def valid_follows_the_data(dut: Any) -> None:
    """Every valid record comes out `latency` edges later, unless a reset comes between."""
    Clock(dut.clk, 5, unit="ns").start()
    inputs = [(getattr(dut, name), low, width) for name, low, width in LAYOUT["inputs"]]
    outputs = [(getattr(dut, name), low) for name, low, _ in LAYOUT["outputs"]]
    # What each register of the pipeline holds, the last to come in first: a record, or nothing.
    held: deque[int | None] = deque([None] * LAYOUT["latency"], LAYOUT["latency"])
    dut.rst.value, dut.in_valid.value = 1, 0
    await FallingEdge(dut.clk)
    gaps, compared, dropped = pauses(0.3), 0, 0
    for record in shuffled(RECORDS):
        while True:
            reset, is_gap = random.random() < RESET_SHARE, next(gaps)
            dut.rst.value, dut.in_valid.value = reset, not is_gap
            quantities = int.from_bytes(QUANTITIES[record], "little")
            for port, low, width in inputs:
                port.value = quantities >> low & ((1 << width) - 1)
            await FallingEdge(dut.clk)
            held.appendleft(None if is_gap else record)
            if reset:
                dropped += len(held) - held.count(None)
                held = deque([None] * len(held), len(held))
            shown = held[-1]
            assert dut.out_valid.value == (shown is not None)
            if shown is not None:
                words = sum(int(port.value) << low for port, low in outputs)
                assert words == int.from_bytes(WORDS[shown], "little"), f"record {shown}"
                compared += 1
            if not is_gap:
                break
    dut._log.info("%d records equal, %d dropped by resets", compared, dropped)
    assert compared > RECORDS // 2
