"""Whether the `valid` of an encoder's block follows its data.

The block is not flattened: its data are the proven encoder's if their ports are connected one to
one. Its `valid` is proven by induction over clock cycles: `out_valid` is a register that is 0 after
a cycle of reset and else what the register before it was, and so on until `in_valid`.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from aefpga.firmware.verilator import check
from aefpga.proof.equality import CLOCK, OutputProof
from aefpga.proof.netlist import Bit, Cell, Netlist, read_verilog

IN, OUT, RESET = "in_valid", "out_valid", "rst"


def prove_block(module: str, files: Sequence[Path], latency_cycles: int) -> OutputProof:
    """Prove that `out_valid` of ``<module>_block`` says which outputs are of valid inputs.

    Parameters
    ----------
    module : str
        Name of the encoder; ``<module>_wrapper`` is what gives the words.
    files : sequence of Path
        All the Verilog.
    latency_cycles : int
        Registers between the wrapper's inputs and outputs.

    Raises
    ------
    ToolError
        If Yosys or Verilator is missing, or cannot read the Verilog.
    """
    top = f"{module}_block"
    check(top, files)
    reason = _reason(read_verilog(files, top, is_flat=False), f"{module}_wrapper", latency_cycles)
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
