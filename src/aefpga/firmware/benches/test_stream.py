"""The encoder on an AXI4-Stream: gaps in front, stalls behind, resets in the middle."""

import logging
import os
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamSink, AxiStreamSource
from vectors import LAYOUT, QUANTITIES, WORDS, pauses, shuffled

RECORDS = int(os.environ["RECORDS"])
# Records of an event, each of which is a frame: the last beat may hold fewer than there are lanes.
MOST_RECORDS = 12
RESETS = 12
# In ns; a record that is lost would be waited for.
LIMIT = 5 * (20_000 + 20 * RECORDS)
SIDES = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.4))


class Bench:
    """A device between a source and a sink."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        wires = dut.clk, dut.rst
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *wires)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *wires)
        for end in (self.source, self.sink):
            end.log.setLevel(logging.ERROR)

    async def start(self) -> None:
        """Start the clock, reset, and watch what leaves."""
        Clock(self.dut.clk, 5, unit="ns").start()
        await self.reset()
        cocotb.start_soon(self._watch())

    async def reset(self) -> None:
        """Reset for some cycles; whatever was on its way is gone."""
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 2)
        for _ in range(random.randint(1, 3)):
            assert self.dut.m_axis_tvalid.value == 0, "valid in reset"
            assert self.dut.s_axis_tready.value == 0, "ready in reset"
            await RisingEdge(self.dut.clk)
        self.source.clear()
        self.sink.clear()
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def _watch(self) -> None:
        """Check that what is offered stays until it is taken."""
        dut, offered = self.dut, None
        while True:
            await RisingEdge(dut.clk)
            if dut.rst.value == 1:
                offered = None
                continue
            here = int(dut.m_axis_tdata.value), int(dut.m_axis_tlast.value)
            is_valid = dut.m_axis_tvalid.value == 1
            if offered is not None:
                assert is_valid, "an offer was withdrawn"
                assert here == offered, "an offer was changed"
            offered = here if is_valid and dut.m_axis_tready.value == 0 else None

    def send(self, n: int) -> list[bytes]:
        """Send `n` records in events of random lengths; return the bytes that shall come out."""
        records, expected = shuffled(n), []
        while records:
            length = random.randint(1, MOST_RECORDS)
            event, records = records[:length], records[length:]
            self.source.send_nowait(b"".join(QUANTITIES[r] for r in event))
            expected.append(b"".join(WORDS[r] for r in event))
        return expected

    async def receive(self, expected: list[bytes]) -> None:
        """Compare every event that comes out, and see that no other does."""
        for number, words in enumerate(expected):
            frame = await self.sink.recv()
            assert bytes(frame.tdata) == words, f"event {number}"
        self.sink.pause = False
        await ClockCycles(self.dut.clk, 4 * LAYOUT["latency"])
        assert self.sink.empty(), "more came out than went in"


@cocotb.test(timeout_time=LIMIT, timeout_unit="ns")
@cocotb.parametrize((("gaps", "stalls"), SIDES))
async def nothing_is_lost_or_doubled(dut: Any, gaps: float, stalls: float) -> None:
    """Words, order and events are kept, whoever pauses."""
    bench = Bench(dut)
    await bench.start()
    if gaps:
        bench.source.set_pause_generator(pauses(gaps))
    if stalls:
        bench.sink.set_pause_generator(pauses(stalls))
    await bench.receive(bench.send(RECORDS // len(SIDES)))


@cocotb.test(timeout_time=LIMIT, timeout_unit="ns")
async def a_beat_a_cycle(dut: Any) -> None:
    """Where nobody pauses, beats come two cycles after the block's, without a gap."""
    bench = Bench(dut)
    await bench.start()
    beats = 100
    bench.source.send_nowait(b"".join(QUANTITIES[r] for r in shuffled(beats * LAYOUT["lanes"])))
    while not (dut.s_axis_tvalid.value and dut.s_axis_tready.value):
        await RisingEdge(dut.clk)
    for _ in range(LAYOUT["latency"] + 2):
        assert dut.m_axis_tvalid.value == 0, "too early"
        await RisingEdge(dut.clk)
    for _ in range(beats):
        assert dut.m_axis_tvalid.value == 1, "a gap"
        await RisingEdge(dut.clk)
    assert dut.m_axis_tvalid.value == 0


@cocotb.test(timeout_time=LIMIT, timeout_unit="ns")
async def a_reset_drops_what_is_on_its_way(dut: Any) -> None:
    """After a reset in the middle, what is sent from then on comes out, and nothing else."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(RESETS):
        bench.source.set_pause_generator(pauses(random.choice((0.0, 0.4))))
        bench.sink.set_pause_generator(pauses(random.choice((0.0, 0.4))))
        bench.send(60)
        await ClockCycles(dut.clk, random.randint(1, 80))
        await bench.reset()
        await bench.receive(bench.send(20))
