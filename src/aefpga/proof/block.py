"""Whether the `valid` of an encoder's block follows its data.

The block is not flattened: its data are the proven encoder's if their ports are connected one to
one. Its `valid` is proven by induction over clock cycles: `out_valid` is a register that is 0 after
a cycle of reset and else what the register before it was, and so on until `in_valid`.
"""

from itertools import chain
from pathlib import Path

from aefpga.proof.equality import CLOCK, OutputProof
from aefpga.proof.netlist import Bit, Cell, Netlist, read_verilog

IN, OUT, RESET = "in_valid", "out_valid", "rst"


def prove_block(block: Path, wrapper: Path, latency_cycles: int) -> OutputProof:
    """Prove that a block's `out_valid` says which outputs are of valid inputs.

    Parameters
    ----------
    block, wrapper : Path
        The Verilog of the block, and of what gives the words in it; both named after their modules.
    latency_cycles : int
        Registers between the wrapper's inputs and outputs.

    Raises
    ------
    ToolError
        If Yosys is missing, or cannot read the Verilog.
    """
    netlist = read_verilog([block, wrapper], block.stem, is_flat=False)
    reason = _reason(netlist, wrapper.stem, latency_cycles)
    return OutputProof(OUT, "not proven" if reason else "proven", reason)


def _reason(block: Netlist, wrapper: str, latency_cycles: int) -> str:
    """Return why it is not proven; empty where it is."""
    ports = {**block.inputs, **block.outputs}
    if any(len(ports.get(name, ())) != 1 for name in (CLOCK, RESET, IN, OUT)):
        return f"the block has no {CLOCK}, {RESET}, {IN} and {OUT} of one bit"
    data = {name: bits for name, bits in ports.items() if name not in (RESET, IN, OUT)}
    if [cell.ports for cell in block.cells if cell.kind == wrapper] != [data]:
        return f"the block's data ports are not those of one {wrapper}"
    drivers: dict[Bit, Cell] = {}
    driven = list(chain(*block.inputs.values()))
    for cell in block.cells:
        names = block.outputs.keys() & data if cell.kind == wrapper else {cell.output}
        bits = [bit for name in names for bit in cell.ports.get(name, ())]
        drivers.update(dict.fromkeys(bits, cell))
        driven += bits
    if any(isinstance(bit, str) for bit in driven) or len(set(driven)) < len(driven):
        return "a wire of the block has more than one driver"
    registers, (bit,) = 0, ports[OUT]
    while bit != ports[IN][0] and registers <= latency_cycles:
        before = _before(drivers, bit, ports[CLOCK], ports[RESET])
        if before is None:
            return f"{registers} registers before {OUT} is none that is 0 after {RESET}"
        bit, registers = before, registers + 1
    if registers != latency_cycles:
        return f"it comes after {registers} registers or more instead of {latency_cycles}"
    return ""


def _before(
    drivers: dict[Bit, Cell], bit: Bit, clock: tuple[Bit, ...], reset: tuple[Bit, ...]
) -> Bit | None:
    """Return the bit that a register takes over unless it is reset to 0; None if it is no such."""
    register = drivers.get(bit)
    if register is None or not register.is_register or register.ports["CLK"] != clock:
        return None
    arriving = register.ports["D"][register.ports["Q"].index(bit)]
    choice = drivers.get(arriving)
    if choice is None or choice.kind != "$mux" or choice.ports["S"] != reset:
        return None
    place = choice.ports["Y"].index(arriving)
    return choice.ports["A"][place] if choice.ports["B"][place] == "0" else None
