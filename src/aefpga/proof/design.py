"""A netlist as operations on words: what each reads of which, and after how many registers.

Registers of a pipeline delay what they hold and do nothing else, so they are no operations here:
they add to the delay with which a bit is read. What is no such pipeline is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.proof.netlist import Bit, Cell, Netlist

Integers = NDArray[np.int64]


class Refused(Exception):
    """The netlist is no pipeline: feedback, several drivers of a wire, other clocks."""


@dataclass(frozen=True)
class Slice:
    """Adjoining bits of a word, and where they stand in what reads them.

    Parameters
    ----------
    word : int
        Which: the inputs come first, then the operations.
    low, count : int
        The lowest bit, and how many.
    offset : int
        The place of the lowest bit in the operand.
    signed : bool
        Whether the highest bit is repeated up to the operand's end.
    delay : int
        Registers on the way.
    """

    word: int
    low: int
    count: int
    offset: int
    signed: bool
    delay: int

    def read(self, word: Any) -> Any:
        """Return the number that these bits of a word are."""
        bits = (word >> self.low if self.low else word) & ((1 << self.count) - 1)
        if self.signed:
            half = 1 << (self.count - 1)
            bits = (bits ^ half) - half
        return bits


@dataclass(frozen=True)
class Operand:
    """A number that is read: a constant and slices of words.

    Parameters
    ----------
    constant : int
        Bits that are always one.
    slices : tuple of Slice
        All other bits.
    width : int
        Number of bits.
    signed : bool
        Whether the highest bit is a sign.
    is_defined : bool
        Whether every bit has a driver.
    """

    constant: int
    slices: tuple[Slice, ...]
    width: int
    signed: bool
    is_defined: bool

    def read(self, word: Callable[[Slice], Any], *, exactly: bool = True) -> Any:
        """Return the integers read, of a function that returns the word of a slice.

        Unless `exactly`, they are numbers of which just the bits of the operand are right.
        """
        total: Any = self.constant
        for part in self.slices:
            bits = part.read(word(part))
            total = total + (bits << part.offset if part.offset else bits)
        if exactly and (self.signed or any(part.signed for part in self.slices)):
            total = total & ((1 << self.width) - 1)
            if self.signed:
                half = 1 << (self.width - 1)
                total = (total ^ half) - half
        return total


@dataclass(frozen=True)
class Operation:
    """A cell that computes a word of others.

    Parameters
    ----------
    name, kind : str
        Of the cell.
    operands : tuple of Operand
        In the order A, B, S of Yosys's cells.
    width : int
        Number of bits of the result.
    """

    name: str
    kind: str
    operands: tuple[Operand, ...]
    width: int


@dataclass(frozen=True)
class Design:
    """A pipeline.

    Parameters
    ----------
    inputs : mapping of str to int
        Widths of the input ports, the clock left out; they are the first words.
    operations : tuple of Operation
        Each after those that it reads; they are the further words.
    outputs : mapping of str to Operand
        What each output port shows.
    n_registers : int
        Register bits that the outputs depend on.
    """

    inputs: Mapping[str, int]
    operations: tuple[Operation, ...]
    outputs: Mapping[str, Operand]
    n_registers: int


def pipeline(netlist: Netlist, clock: str) -> Design:
    """Return the netlist as a pipeline of which every register follows the rising edge of `clock`.

    Raises
    ------
    Refused
        If it is none.
    """
    return _Builder(netlist, clock).design()


class _Builder:
    def __init__(self, netlist: Netlist, clock: str) -> None:
        self._netlist = netlist
        if clock not in netlist.inputs:
            raise Refused(f"there is no input port {clock}")
        self._clock = netlist.inputs[clock]
        self._inputs = {name: bits for name, bits in netlist.inputs.items() if name != clock}
        # Of every bit: the word that it belongs to, its place in it, and the registers on the way.
        self._source: dict[Bit, tuple[int, int, int]] = {}
        for word, bits in enumerate(self._inputs.values()):
            for place, bit in enumerate(bits):
                self._source[bit] = (word, place, 0)
        # Of bits of registers that always take the same in, what that is: a constant, or no driver.
        self._held: dict[Bit, Bit] = {}
        self._driver: dict[Bit, Cell] = {}
        self._operations: list[Operation] = []
        self._n_registers = 0

    def design(self) -> Design:
        self._find_drivers()
        for bits in self._netlist.outputs.values():
            self._visit(bits)
        return Design(
            {name: len(bits) for name, bits in self._inputs.items()},
            tuple(self._operations),
            {name: self._operand(bits, False) for name, bits in self._netlist.outputs.items()},
            self._n_registers,
        )

    def _find_drivers(self) -> None:
        """Note what drives each bit; two wires that were assigned twice are one bit to Yosys."""
        driven = [bit for bits in self._netlist.inputs.values() for bit in bits]
        for cell in self._netlist.cells:
            bits = cell.ports.get(cell.output, ())
            driven += bits
            self._driver.update(dict.fromkeys(bits, cell))
        if any(isinstance(bit, str) for bit in driven):
            raise Refused("a wire is driven, and tied to a constant")
        if len(set(driven)) < len(driven):
            raise Refused("a wire has more than one driver")

    def _visit(self, bits: Sequence[Bit]) -> None:
        """Turn all cells that the bits depend on into operations, without recursion."""
        stack = [(cell, False) for cell in self._cells_of(bits)]
        open_cells: set[str] = set()
        while stack:
            cell, is_ready = stack.pop()
            if is_ready:
                self._add(cell)
                open_cells.discard(cell.name)
            elif not self._is_done(cell):
                if cell.name in open_cells:
                    raise Refused(f"{cell.name} depends on itself")
                open_cells.add(cell.name)
                stack.append((cell, True))
                read = [b for port, bits in cell.ports.items() if port != cell.output for b in bits]
                before = self._cells_of(read)
                if loop := next((c.name for c in before if c.name in open_cells), None):
                    raise Refused(f"{loop} depends on itself")
                stack += [(c, False) for c in before]

    def _cells_of(self, bits: Sequence[Bit]) -> list[Cell]:
        """Return the cells that drive the bits and are not operations yet."""
        found = {
            self._driver[b].name: self._driver[b]
            for b in bits
            if b in self._driver and b not in self._source and b not in self._held
        }
        return list(found.values())

    def _is_done(self, cell: Cell) -> bool:
        first = cell.ports[cell.output][0]
        return first in self._source or first in self._held

    def _add(self, cell: Cell) -> None:
        out = cell.ports[cell.output]
        if cell.is_register:
            if cell.ports["CLK"] != self._clock:
                raise Refused(f"register {cell.name} has a clock of its own")
            self._n_registers += len(out)
            for bit, arriving in zip(out, cell.ports["D"], strict=True):
                if arriving in self._source:
                    word, place, delay = self._source[arriving]
                    self._source[bit] = (word, place, delay + 1)
                else:
                    self._held[bit] = self._held.get(arriving, arriving)
            return
        operands = tuple(
            self._operand(cell.ports[port], bool(cell.parameters.get(f"{port}_SIGNED", 0)))
            for port in ("A", "B", "S")
            if port in cell.ports
        )
        word = len(self._inputs) + len(self._operations)
        for place, bit in enumerate(out):
            self._source[bit] = (word, place, 0)
        self._operations.append(Operation(cell.name, cell.kind, operands, len(out)))

    def _operand(self, bits: Sequence[Bit], signed: bool) -> Operand:
        bits = [self._held.get(bit, bit) for bit in bits]
        constant, slices, is_defined, start = 0, [], True, 0
        while start < len(bits):
            if bits[start] not in self._source:
                constant |= (bits[start] == "1") << start
                is_defined &= bits[start] in ("0", "1")
                start += 1
                continue
            word, low, delay = self._source[bits[start]]
            end = start + 1
            while end < len(bits) and self._source.get(bits[end]) == (
                word,
                low + end - start,
                delay,
            ):
                end += 1
            beyond = end
            while beyond < len(bits) and bits[beyond] == bits[end - 1]:
                beyond += 1
            count = end - start
            slices.append(Slice(word, low, count, start, beyond > end, delay))
            if end < beyond < len(bits):
                # A repeated bit that ends: what a sign further up would subtract.
                slices.append(Slice(word, low + count - 1, 1, beyond, False, delay))
            start = beyond
        return Operand(constant, tuple(slices), len(bits), signed, is_defined)
