"""The encoder on five pins: a part has fewer pins than the encoder's ports have bits.

A record is shifted in, bit by bit, and stays while `shift` is low; words that `load` takes are
shifted out. So every path of the encoder, the companders at its ports included, begins and ends in
a register, and its clock is one of place and route alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aefpga.firmware.ports import Port


@dataclass(frozen=True)
class Harness:
    """Shift registers around ``<module>_wrapper``.

    Parameters
    ----------
    module : str
        The encoder's name.
    inputs, outputs : sequence of Port
        What the wrapper has beside its clock.
    """

    module: str
    inputs: Sequence[Port]
    outputs: Sequence[Port]

    @property
    def top(self) -> str:
        """Name of the module."""
        return f"{self.module}_harness"

    @property
    def bits(self) -> tuple[int, int]:
        """Number of bits of a record, and of its words: one register each."""
        return sum(p.port_width for p in self.inputs), sum(p.width for p in self.outputs)

    @property
    def verilog(self) -> str:
        """The Verilog of the module; first of the first port, highest bit first."""
        n_in, n_out = self.bits
        connections = ",\n        ".join([".clk(clk)", *self._connections()])
        return f"""\
`timescale 1 ns / 1 ps
// The encoder between two shift registers, for parts with fewer pins than it has ports.

module {self.top} (
    input clk,
    input shift,
    input serial_in,
    input load,
    output serial_out
);
    reg [{n_in - 1}:0] record;
    wire [{n_out - 1}:0] words;
    reg [{n_out - 1}:0] sent;

    {self.module}_wrapper wrapper (
        {connections}
    );
    always @(posedge clk) begin
        if (shift) record <= {{record[{n_in - 2}:0], serial_in}};
        sent <= load ? words : {{sent[{n_out - 2}:0], 1'b0}};
    end
    assign serial_out = sent[{n_out - 1}];
endmodule
"""

    def _connections(self) -> Iterator[str]:
        for register, ports, bits in zip(
            ("record", "words"), (self.inputs, self.outputs), self.bits, strict=True
        ):
            top = bits - 1
            for p in ports:
                width = p.port_width
                yield f".{p.name}({register}[{top}:{top - width + 1}])"
                top -= width
