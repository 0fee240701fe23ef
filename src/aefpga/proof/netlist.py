"""Verilog as Yosys reads it: cells, and the bits between them."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aefpga.errors import ToolError
from aefpga.firmware.yosys import run_script

# A net's number, or one of the constants "0", "1", "x" and "z".
Bit = int | str

# Only what it takes to read: nothing is optimized, and every connection is the text's.
FLAT = "read_verilog {files}; hierarchy -check -top {top}; proc; flatten; write_json {out}"
# What is in the modules in it need not be known.
ALONE = (
    "read_verilog {files}; hierarchy -top {top}; "
    "proc {top}; select {top}; write_json -selected {out}"
)
OUT = "netlist.json"


@dataclass(frozen=True)
class Cell:
    """An operation or a register, by Yosys's names.

    Parameters
    ----------
    name : str
        With the instances that it lies in, separated by points.
    kind : str
        Such as ``$add``.
    parameters : mapping of str to int
        Widths and signs.
    ports : mapping of str to tuple
        Bits on each port, the lowest first.
    """

    name: str
    kind: str
    parameters: Mapping[str, int]
    ports: Mapping[str, tuple[Bit, ...]]

    @property
    def output(self) -> str:
        """Name of its one output."""
        return "Q" if "Q" in self.ports else "Y"

    @property
    def is_register(self) -> bool:
        """Whether it takes its input over at a rising edge, and does nothing else."""
        return self.kind == "$dff" and self.parameters["CLK_POLARITY"] == 1


@dataclass(frozen=True)
class Netlist:
    """A module with everything in it.

    Parameters
    ----------
    inputs, outputs : mapping of str to tuple
        Bits of each port.
    cells : tuple of Cell
        In no order.
    reader : str
        What read the Verilog.
    """

    inputs: Mapping[str, tuple[Bit, ...]]
    outputs: Mapping[str, tuple[Bit, ...]]
    cells: tuple[Cell, ...]
    reader: str


def verilog_files(folder: Path) -> list[Path]:
    """Return the Verilog sources of an RTL project."""
    return sorted((folder / "src").rglob("*.v"))


def read_verilog(files: Sequence[Path], top: str, *, is_flat: bool = True) -> Netlist:
    """Read the module `top` of Verilog sources; unless `is_flat`, modules in it stay cells.

    Raises
    ------
    ToolError
        If Yosys is missing or cannot read them.
    """
    with tempfile.TemporaryDirectory() as folder:
        # In one folder under short names: Yosys for WebAssembly sees little else.
        names = [f"{i}_{path.name}" for i, path in enumerate(files)]
        for path, name in zip(files, names, strict=True):
            shutil.copy(path, Path(folder) / name)
        script = (FLAT if is_flat else ALONE).format(files=" ".join(names), top=top, out=OUT)
        reader = run_script(script, Path(folder), top)
        content = json.loads((Path(folder) / OUT).read_text())
    module = content["modules"][top]
    ports: dict[str, dict[str, tuple[Bit, ...]]] = {"input": {}, "output": {}}
    for name, port in module["ports"].items():
        if port["direction"] not in ports:
            raise ToolError(f"port {name} of {top} is an {port['direction']}; none can be proven")
        ports[port["direction"]][name] = tuple(port["bits"])
    return Netlist(ports["input"], ports["output"], tuple(_cells(module["cells"])), reader)


def _cells(content: Mapping[str, Any]) -> Iterator[Cell]:
    for name, cell in content.items():
        parameters = {
            key: int(value, 2)
            for key, value in cell["parameters"].items()
            if isinstance(value, str) and set(value) <= {"0", "1"}
        }
        ports = {port: tuple(bits) for port, bits in cell["connections"].items()}
        yield Cell(name, cell["type"], parameters, ports)
