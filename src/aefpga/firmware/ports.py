"""The firmware's ports: one for each word, as wide as its type, and a test bench that drives them.

da4ml packs its ports into one bus and drops from it every bit that the result does not need: inputs
with no weight, latent words that are constant. A board needs ports that depend on nothing but the
specification's types, so a module of the toolkit's own stands around da4ml's.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from aefpga.errors import ToolError
from aefpga.firmware.front_end import combinational, statements
from aefpga.fixedpoint import EncoderSpec, FixedType


@dataclass(frozen=True)
class Port:
    """A word on the firmware's boundary, and the bits of it that da4ml's bus carries.

    Parameters
    ----------
    name : str
        In Verilog.
    width : int
        Of the word.
    signed : bool
        Whether the word is in two's complement.
    low : int
        Position on da4ml's bus of the first of the bits that it carries.
    bits : int
        How many it carries; 0 for a word that is always zero or never looked at.
    dropped : int
        Low bits of the word that it does not carry, because they are always zero.
    bus_signed : bool
        Whether the highest bit carried is a sign.
    port_width, port_signed : int, bool
        Of what arrives; the word's own where nothing stands in front of the network.
    front : tuple of str
        Verilog that makes the word of what arrives; none where that is the word.
    """

    name: str
    width: int
    signed: bool
    low: int
    bits: int
    dropped: int
    bus_signed: bool
    port_width: int
    port_signed: bool
    front: tuple[str, ...] = ()

    @property
    def wire(self) -> str:
        """Name of the wire that carries the word."""
        return f"word_{self.name}" if self.front else self.name

    @property
    def register(self) -> str:
        """Name of a register that takes the port over."""
        return f"taken_{self.name}"


def input_ports(spec: EncoderSpec, pipeline: Any) -> list[Port]:
    """Return the ports of the input quantities, in the order of the variables.

    Raises
    ------
    ToolError
        If no input has any influence on the latent words.
    """
    names = input_names(spec)
    arriving = spec.input.port
    ports = []
    for i, p in enumerate(_ports(names, spec.input.network_type, pipeline.inp_qint)):
        if front := statements(spec.input, i, p.name, f"word_{p.name}"):
            width, signed = int(arriving.width[i]), bool(arriving.signed[i])
            p = replace(p, port_width=width, port_signed=signed, front=tuple(front))
        ports.append(p)
    if not any(p.bits for p in ports):
        raise ToolError(
            "the latent words do not depend on the inputs: all weights on some layer are zero, or "
            "it always saturates; there is nothing to make firmware of, train again"
        )
    return ports


def input_names(spec: EncoderSpec) -> list[str]:
    """Return the port of each variable; where two names would be the same, all are numbered."""
    variables = spec.input.variables
    names = [f"in_{re.sub(r'[^0-9A-Za-z]+', '_', v).strip('_')}" for v in variables]
    # VHDL takes no notice of case.
    if len({name.lower() for name in names}) == len(names):
        return names
    return [f"in_{i}_{name.removeprefix('in_')}" for i, name in enumerate(names)]


def output_ports(spec: EncoderSpec, pipeline: Any) -> list[Port]:
    """Return the ports of the latent words, in their order, and of score and trigger bit."""
    return _ports(output_names(spec), spec.output_type, pipeline.out_qint)


def output_names(spec: EncoderSpec) -> list[str]:
    """Return the port of each latent word, and of score and trigger bit."""
    latent = [f"latent_{i}" for i in range(spec.layers[-1].n_out)]
    return latent if spec.trigger is None else [*latent, "score", "trigger"]


def _ports(names: Sequence[str], words: FixedType, intervals: Sequence[Any]) -> list[Port]:
    from da4ml.types import minimal_kif

    words = words.broadcast((len(names),))
    kifs = [minimal_kif(interval) for interval in intervals]
    bits = [int(sum(kif)) for kif in kifs]
    lows = accumulate(bits[:-1], initial=0)
    return [
        Port(
            name=name,
            width=int(w),
            signed=bool(s),
            low=low,
            bits=n,
            dropped=int(f) - int(kif[2]) if n else 0,
            bus_signed=bool(kif[0]),
            port_width=int(w),
            port_signed=bool(s),
        )
        for name, w, s, f, low, n, kif in zip(
            names, words.width, words.signed, words.fraction, lows, bits, kifs, strict=True
        )
    ]


def wrapper(
    module: str, inputs: Sequence[Port], outputs: Sequence[Port], *, registered: bool = False
) -> str:
    """Return the Verilog of ``<module>_wrapper``: a port for each quantity and output.

    With `registered` a register takes each quantity over, before anything is made of it.
    """
    declared = declarations(["input clk", *map(input_port, inputs), *map(output_port, outputs)])
    lines = [*_to_ports(outputs)]
    if registered:
        lines += _registers(inputs)
    lines += [*_front_end(module, inputs, registered), *_from_ports(inputs, registered)]
    body = "\n".join(f"    {line}" for line in lines)
    n_in, n_out = (sum(p.bits for p in ports) for ports in (inputs, outputs))
    return f"""\
`timescale 1 ns / 1 ps
// The encoder with one port for each quantity and output, as wide as the specification says.
// Instantiate this one: the bus of `{module}` leaves out the bits that it does not need.

module {module}_wrapper (
    // verilator lint_off UNUSEDSIGNAL
{declared}
    // verilator lint_on UNUSEDSIGNAL
);
    wire [{n_in - 1}:0] bus_in;
    wire [{n_out - 1}:0] bus_out;

    {module} core (.clk(clk), .model_inp(bus_in), .model_out(bus_out));

{body}
endmodule
"""


def declarations(ports: Iterable[str]) -> str:
    """Return the Verilog of a module's ports, a line each."""
    return ",\n".join(f"    {port}" for port in ports)


def input_port(port: Port) -> str:
    """Return the Verilog that declares the port of a quantity."""
    return f"input {_bits(port.port_width, port.port_signed)} {port.name}"


def output_port(port: Port) -> str:
    """Return the Verilog that declares the port of a latent word, score or trigger bit."""
    return f"output {_bits(port.width, port.signed)} {port.name}"


def front_end(module: str, inputs: Sequence[Port]) -> str | None:
    """Return the Verilog of ``<module>_front_end``; None where every port is its word."""
    ports = [p for p in inputs if p.front]
    if not ports:
        return None
    return combinational(
        f"{module}_front_end",
        [(_bits(p.port_width, p.port_signed), p.name) for p in ports],
        [(_bits(p.width, p.signed), p.wire) for p in ports],
        [line for p in ports for line in p.front],
    )


def _registers(inputs: Sequence[Port]) -> Iterator[str]:
    yield "// verilator lint_off UNUSEDSIGNAL"
    for p in inputs:
        yield f"reg {_bits(p.port_width, p.port_signed)} {p.register};"
    yield "// verilator lint_on UNUSEDSIGNAL"
    yield "always @(posedge clk) begin"
    for p in inputs:
        yield f"    {p.register} <= {p.name};"
    yield "end"


def _front_end(module: str, inputs: Sequence[Port], registered: bool) -> Iterator[str]:
    ports = [p for p in inputs if p.front]
    for p in ports:
        yield f"wire {_bits(p.width, p.signed)} {p.wire};"
    if ports:
        pairs = [
            pair
            for p in ports
            for pair in ((p.name, p.register if registered else p.name), (p.wire, p.wire))
        ]
        yield f"{module}_front_end front_end ({', '.join(f'.{a}({b})' for a, b in pairs)});"


def _bits(width: int, signed: bool) -> str:
    return f"{'signed ' if signed else ''}[{width - 1}:0]"


def _from_ports(inputs: Sequence[Port], registered: bool) -> Iterator[str]:
    for p in inputs:
        if p.bits:
            bus = f"bus_in[{p.low + p.bits - 1}:{p.low}]"
            word = p.register if registered and not p.front else p.wire
            yield f"assign {bus} = {word}[{p.dropped + p.bits - 1}:{p.dropped}];"


def _to_ports(outputs: Sequence[Port]) -> Iterator[str]:
    for p in outputs:
        if not p.bits:
            yield f"assign {p.name} = {p.width}'b0;"
            continue
        high = p.low + p.bits - 1
        parts = [f"bus_out[{high}:{p.low}]"]
        if padding := p.width - p.bits - p.dropped:
            sign = f"bus_out[{high}]" if p.bus_signed else "1'b0"
            parts.insert(0, f"{{{padding}{{{sign}}}}}")
        if p.dropped:
            parts.append(f"{p.dropped}'b0")
        yield f"assign {p.name} = {{{', '.join(parts)}}};"


def test_bench(module: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> str:
    """Return C++ that drives one jet a clock cycle and reads the ports after every rising edge."""
    drive = "\n".join(
        f"        dut->{p.name} = inputs[{i}] & {(1 << p.port_width) - 1:#x}LL;"
        for i, p in enumerate(inputs)
    )
    read = "\n".join(
        f"        outputs[{i}] = word(dut->{p.name}, {64 - p.width}, {str(p.signed).lower()});"
        for i, p in enumerate(outputs)
    )
    return f"""\
#include "V{module}_wrapper.h"
#include "verilated.h"
#include <cstddef>
#include <cstdint>
#include <memory>

static int64_t word(uint64_t bits, int unused, bool is_signed) {{
    return is_signed ? static_cast<int64_t>(bits << unused) >> unused : static_cast<int64_t>(bits);
}}

extern "C" void run(const int64_t *inputs, int64_t *outputs, size_t n_cycles) {{
    auto dut = std::make_unique<V{module}_wrapper>();
    for (size_t cycle = 0; cycle < n_cycles; ++cycle) {{
{drive}
        dut->clk = 0;
        dut->eval();
        dut->clk = 1;
        dut->eval();
{read}
        inputs += {len(inputs)};
        outputs += {len(outputs)};
    }}
    dut->final();
}}
"""
