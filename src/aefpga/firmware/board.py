"""What a board's design instantiates: the encoder with `valid`, and an AXI4-Stream around that."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aefpga.firmware.ports import Port, declarations, input_port, output_port
from aefpga.fixedpoint import EncoderSpec
from aefpga.links.packing import Packing

# Goes along with what `stream` returns.
CREDIT_FIFO = Path(__file__).parent / "verilog" / "credit_fifo.v"


@dataclass(frozen=True)
class Interface:
    """What an encoder's surroundings know of it.

    Parameters
    ----------
    spec : EncoderSpec
        What it computes.
    module : str
        Its name; ``<module>_wrapper`` has the ports.
    inputs, outputs : sequence of Port
        Its ports.
    latency : int
        Registers between inputs and outputs, in clock cycles.
    lanes : int
        Records in a beat of the stream: encoders side by side.
    """

    spec: EncoderSpec
    module: str
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    latency: int
    lanes: int

    @property
    def arriving(self) -> Packing:
        """The bytes of a record's quantities."""
        return Packing(self.spec.input.port)

    @property
    def leaving(self) -> Packing:
        """The bytes of a record's words."""
        return Packing(self.spec.output_type)

    @property
    def block_ports(self) -> list[str]:
        """The Verilog that declares the ports of ``<module>_block``."""
        before = ["input clk", "input rst", "input in_valid", *map(input_port, self.inputs)]
        return [*before, "output out_valid", *map(output_port, self.outputs)]

    @property
    def stream_ports(self) -> list[str]:
        """The Verilog that declares both streams; those of several lanes have `tkeep`."""
        return [
            *self._side("s", "input", "output", self.arriving.n_bytes),
            *self._side("m", "output", "input", self.leaving.n_bytes),
        ]

    def _side(self, side: str, along: str, against: str, n_bytes: int) -> Iterator[str]:
        yield f"{along} [{8 * self.lanes * n_bytes - 1}:0] {side}_axis_tdata"
        if self.lanes > 1:
            yield f"{along} [{self.lanes * n_bytes - 1}:0] {side}_axis_tkeep"
        yield f"{along} {side}_axis_tlast"
        yield f"{along} {side}_axis_tvalid"
        yield f"{against} {side}_axis_tready"


def write_board(interface: Interface, sources: Path) -> None:
    """Write block and stream into the folder of an encoder's Verilog."""
    shutil.copy(CREDIT_FIFO, sources / "static")
    (sources / f"{interface.module}_block.v").write_text(block(interface))
    (sources / f"{interface.module}_stream.v").write_text(stream(interface))


def block(interface: Interface) -> str:
    """Return the Verilog of ``<module>_block``: the encoder, and `valid` that follows the data."""
    latency = interface.latency
    names = [port.name for port in (*interface.inputs, *interface.outputs)]
    return f"""\
`timescale 1 ns / 1 ps
// The encoder, a record a cycle. `out_valid` is `in_valid` {latency} cycles before, as the outputs
// are of the inputs then. `rst` (synchronous) makes invalid what is on its way; the data need none.

module {interface.module}_block (
{declarations(interface.block_ports)}
);
    reg [{latency - 1}:0] valid;

    always @(posedge clk)
        if (rst)
            valid <= {latency}'b0;
        else
            valid <= {{valid[{latency - 2}:0], in_valid}};

    assign out_valid = valid[{latency - 1}];

    {interface.module}_wrapper encoder ({connections(["clk", *names])});
endmodule
"""


def stream(interface: Interface) -> str:
    """Return the Verilog of ``<module>_stream``: packed quantities in, packed words out."""
    arriving, leaving = interface.arriving.n_bytes, interface.leaving.n_bytes
    bits = 8 * interface.lanes * leaving
    lines = [line for lane in range(interface.lanes) for line in _lane(interface, lane)]
    tags_in, tags_out = ["s_axis_tlast"], ["m_axis_tlast"]
    if interface.lanes > 1:
        last_first = range(interface.lanes - 1, -1, -1)
        tags_in += [f"s_axis_tkeep[{arriving * lane}]" for lane in last_first]
        tags_out += [f"keep[{lane}]" for lane in last_first]
        bytes_kept = ", ".join(f"{{{leaving}{{keep[{lane}]}}}}" for lane in last_first)
        lines.append(f"assign m_axis_tkeep = {{{bytes_kept}}};")
    body = "\n".join(f"    {line}" for line in lines)
    kept = f"\n    wire [{interface.lanes - 1}:0] keep;" if interface.lanes > 1 else ""
    return f"""\
`timescale 1 ns / 1 ps
// The encoder on an AXI4-Stream, {interface.lanes} record(s) in a beat.
// A record: {arriving} bytes of quantities in, {leaving} bytes of words out.

module {interface.module}_stream (
    // verilator lint_off UNUSEDSIGNAL
{declarations(["input aclk", "input aresetn", *interface.stream_ports])}
    // verilator lint_on UNUSEDSIGNAL
);
    wire rst = ~aresetn;
    wire accept;
    wire done;
    wire [{bits - 1}:0] words;{kept}

    credit_fifo #(.LATENCY({interface.latency}), .TAGS({len(tags_in)}), .WIDTH({bits})) fifo (
        .clk(aclk), .rst(rst), .accept(accept), .done(done), .data(words),
        .in_valid(s_axis_tvalid), .in_ready(s_axis_tready), .in_tags({{{", ".join(tags_in)}}}),
        .out_valid(m_axis_tvalid), .out_ready(m_axis_tready), .out_tags({{{", ".join(tags_out)}}}),
        .out_data(m_axis_tdata)
    );

{body}
endmodule
"""


def connections(names: Iterable[str]) -> str:
    """Return the Verilog that connects ports to wires of the same names."""
    return ", ".join(f".{name}({name})" for name in names)


def _lane(interface: Interface, lane: int) -> Iterator[str]:
    """Yield the lines of one record of a beat; the first says when the beat comes out."""
    start, end = (8 * p.n_bytes * lane for p in (interface.arriving, interface.leaving))
    wires = ["clk(aclk)", "rst(rst)", "in_valid(accept)"]
    wires += [
        f"{p.name}(s_axis_tdata[{start + low + p.port_width - 1}:{start + low}])"
        for p, low in zip(interface.inputs, interface.arriving.lows, strict=True)
    ]
    wires += ["out_valid(done)" if lane == 0 else "out_valid()"]
    wires += [
        f"{p.name}(words[{end + low + p.width - 1}:{end + low}])"
        for p, low in zip(interface.outputs, interface.leaving.lows, strict=True)
    ]
    yield f"{interface.module}_block lane_{lane} ({', '.join(f'.{wire}' for wire in wires)});"
    used = sum(interface.leaving.widths)
    if left := 8 * interface.leaving.n_bytes - used:
        yield f"assign words[{end + used + left - 1}:{end + used}] = {left}'b0;"
