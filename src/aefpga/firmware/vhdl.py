"""The encoder for a design in VHDL: components of its Verilog, and an entity with typed ports."""

from collections.abc import Iterable, Iterator

from aefpga.firmware.board import Interface

HEADER = """\
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
"""


def vhdl(interface: Interface) -> str:
    """Return the VHDL of package ``<module>_components`` and entity ``<module>_vhdl``.

    The package declares block and stream as they are in Verilog; the entity is the block, with
    ports of the types ``signed`` and ``unsigned``.
    """
    module, inputs, outputs = interface.module, interface.inputs, interface.outputs
    control = ["clk : in std_logic", "rst : in std_logic", "in_valid : in std_logic"]
    typed = [f"{p.name} : in {_number(p.port_width, p.port_signed)}" for p in inputs]
    found = [f"{p.name} : out {_number(p.width, p.signed)}" for p in outputs]
    signals = "".join(f"    signal word_{p.name} : {_bits(p.width)};\n" for p in outputs)
    wires = ["clk => clk", "rst => rst", "in_valid => in_valid", "out_valid => out_valid"]
    wires += [f"{p.name} => std_logic_vector({p.name})" for p in inputs]
    wires += [f"{p.name} => word_{p.name}" for p in outputs]
    words = "".join(f"    {p.name} <= {_kind(p.signed)}(word_{p.name});\n" for p in outputs)
    return f"""\
-- The encoder, whose Verilog lies beside this file, for a design in VHDL.
{HEADER}
package {module}_components is
    component {module}_block is
        port (
{_listed(_declared(interface.block_ports), 12)}
        );
    end component;

    component {module}_stream is
        port (
{_listed(_declared(["input aclk", "input aresetn", *interface.stream_ports]), 12)}
        );
    end component;
end package;

{HEADER}use work.{module}_components.all;

entity {module}_vhdl is
    port (
{_listed([*control, *typed, "out_valid : out std_logic", *found], 8)}
    );
end entity;

architecture verilog of {module}_vhdl is
{signals}begin
    verilog_block : {module}_block port map ({", ".join(wires)});

{words}end architecture;
"""


def _declared(ports: Iterable[str]) -> Iterator[str]:
    """Yield the VHDL of ports that Verilog declares, such as ``input signed [7:0] in_pt``."""
    for port in ports:
        direction, *kind, name = port.split()
        width = int(kind[-1][1:].partition(":")[0]) + 1 if kind else 0
        yield f"{name} : {direction.removesuffix('put')} {_bits(width) if kind else 'std_logic'}"


def _listed(ports: Iterable[str], indent: int) -> str:
    return ";\n".join(" " * indent + port for port in ports)


def _bits(width: int) -> str:
    return f"std_logic_vector({width - 1} downto 0)"


def _kind(signed: bool) -> str:
    return "signed" if signed else "unsigned"


def _number(width: int, signed: bool) -> str:
    return f"{_kind(signed)}({width - 1} downto 0)"
