"""Whether Verilog computes the words of a specification, whatever its inputs are.

The Verilog is read by Yosys: da4ml, which wrote it, has no part in the proof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from aefpga.firmware.ports import input_names, output_names
from aefpga.firmware.verilator import check
from aefpga.fixedpoint import Emulator, EncoderSpec
from aefpga.fixedpoint.example import adversarial_words
from aefpga.progress import Step, silent
from aefpga.proof.design import Design, Operand, Refused, pipeline
from aefpga.proof.forms import Form
from aefpga.proof.functions import Functions, Timeout, Value
from aefpga.proof.netlist import read_verilog
from aefpga.proof.simulation import simulate
from aefpga.proof.specification import outputs as specified
from aefpga.proof.specification import ports
from aefpga.proof.symbolic import Reader, causes

CLOCK = "clk"
Verdict = Literal["proven", "refuted", "not proven"]
# Records for which an output that is not proven is looked at, to find one where it is wrong.
N_TRIED = 20_000


@dataclass(frozen=True)
class OutputProof:
    """What is known of one output port.

    Parameters
    ----------
    name : str
        Of the port.
    verdict : {"proven", "refuted", "not proven"}
        Refuted if there is a record for which the word is wrong.
    reason : str
        Why it is not proven; empty where it is.
    """

    name: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Counterexample:
    """Quantities on the input ports for which the Verilog gives another word.

    Parameters
    ----------
    inputs : mapping of str to int
        Words on the input ports.
    port : str
        The output port.
    expected, found : int
        The bits of the specification's word, and of the Verilog's.
    """

    inputs: Mapping[str, int]
    port: str
    expected: int
    found: int


@dataclass(frozen=True)
class Proof:
    """What was proven of the Verilog of an encoder.

    Parameters
    ----------
    outputs : tuple of OutputProof
        One for each output port.
    latency_cycles : int or None
        Registers between every input and every output; None where that is not one number.
    counterexample : Counterexample or None
        Where an output is refuted.
    reader, checker : str
        What read the Verilog, and what found no error in it.
    operations, registers, compared : int
        Operations and register bits read; values at which functions were compared.
    """

    outputs: tuple[OutputProof, ...]
    latency_cycles: int | None
    counterexample: Counterexample | None
    reader: str
    checker: str
    operations: int
    registers: int
    compared: int

    @property
    def verdict(self) -> Verdict:
        """Proven if all outputs are, refuted if one is."""
        found = {output.verdict for output in self.outputs}
        if found == {"proven"}:
            return "proven"
        return "refuted" if "refuted" in found else "not proven"


def prove(
    spec: EncoderSpec,
    files: Sequence[Path],
    top: str,
    latency_cycles: int,
    *,
    seconds: float,
    around: str | None = None,
    step: Step = silent,
) -> Proof:
    """Prove that the module `top` of Verilog files gives the specification's words.

    Parameters
    ----------
    spec : EncoderSpec
        What the words should be.
    files : sequence of Path
        All the Verilog.
    top : str
        The module that has a port for each quantity and output.
    latency_cycles : int
        Registers that there should be between inputs and outputs.
    seconds : float
        Time for comparisons; what takes longer is not proven.
    around : str or None
        A module with `top` in it, in which Verilator must find no error either.

    Raises
    ------
    ToolError
        If Yosys or Verilator is missing, or cannot read the Verilog.
    """
    # Yosys is lenient, with negative replications say.
    checker = check(around or top, files)
    netlist = read_verilog(files, top)
    names = output_names(spec)
    nothing = Proof((), None, None, netlist.reader, checker, 0, 0, 0)

    def failed(reason: str) -> tuple[OutputProof, ...]:
        return tuple(OutputProof(name, "not proven", reason) for name in names)

    try:
        design = pipeline(netlist, CLOCK)
        _check_ports(spec, design)
    except Refused as refused:
        return replace(nothing, outputs=failed(str(refused)))
    functions = Functions(seconds)
    arriving = ports(spec)
    counted = replace(nothing, operations=len(design.operations), registers=design.n_registers)
    try:
        expected = specified(spec, arriving, functions, step)
    except Timeout:
        reason = "the time was over before the specification's functions were known"
        return replace(counted, outputs=failed(reason), compared=functions.n_compared)
    by_name = dict(zip(input_names(spec), arriving, strict=True))
    reader = Reader(design, [by_name[name] for name in design.inputs], functions)
    outputs, delays = [], set()
    for name, form, signed in zip(names, expected, spec.output_type.signed, strict=True):
        operand = replace(design.outputs[name], signed=bool(signed))
        value, registers = reader.output(operand)
        delays |= registers
        reason = _difference(operand, value, form, registers, latency_cycles)
        outputs.append(OutputProof(name, "not proven" if reason else "proven", reason))
    found = replace(
        counted,
        outputs=tuple(outputs),
        latency_cycles=delays.pop() if len(delays) == 1 else None,
        compared=functions.n_compared,
    )
    return found if found.verdict == "proven" else _refuted(found, spec, design, latency_cycles)


def _check_ports(spec: EncoderSpec, design: Design) -> None:
    """Refuse a module whose ports are not those of the specification."""
    expected = dict(zip(input_names(spec), spec.input.port.width.tolist(), strict=True))
    outputs = dict(zip(output_names(spec), spec.output_type.width.tolist(), strict=True))
    found = {name: operand.width for name, operand in design.outputs.items()}
    for what, wanted, there in (("input", expected, design.inputs), ("output", outputs, found)):
        for name in sorted(wanted.keys() | there.keys()):
            if wanted.get(name) != there.get(name):
                raise Refused(
                    f"{what} port {name} has {there.get(name, 'no')} bits, the specification "
                    f"{wanted.get(name, 'none')}"
                )


def _difference(
    operand: Operand, value: Value, expected: Form, registers: set[int], latency_cycles: int
) -> str:
    """Return why an output is not proven; empty where it is."""
    if not operand.is_defined:
        return "nothing drives one of its bits"
    if value != expected:
        return next(iter(causes(value)), "it is another sum, or another function of a sum")
    if registers - {latency_cycles}:
        counts = " and ".join(map(str, sorted(registers)))
        return f"it comes after {counts} registers instead of {latency_cycles}"
    return ""


def _refuted(proof: Proof, spec: EncoderSpec, design: Design, latency_cycles: int) -> Proof:
    """Return the proof with a counterexample, if there is one among many records."""
    arriving = spec.input.port
    random = np.random.default_rng(0).integers(
        arriving.min_word, arriving.max_word + 1, (N_TRIED, len(spec.input.variables))
    )
    counts = np.concatenate([spec.input.to_counts(adversarial_words(spec, N_TRIED)), random])
    columns = dict(zip(input_names(spec), counts.T, strict=True))
    drained = np.zeros(latency_cycles, np.int64)
    words = simulate(design, [np.append(columns[name], drained) for name in design.inputs])
    if words is None:
        return proof
    expected = Emulator(spec).outputs(spec.input.of_counts(counts))
    examples: dict[str, Counterexample] = {}
    for name, column, width in zip(
        output_names(spec), expected.T, spec.output_type.width.tolist(), strict=True
    ):
        found, bits = words[name][latency_cycles:], (1 << width) - 1
        wrong = np.flatnonzero(found != column & bits)
        if wrong.size:
            first = int(wrong[0])
            record = {port: int(values[first]) for port, values in columns.items()}
            word, instead = int(column[first]) & bits, int(found[first])
            examples[name] = Counterexample(record, name, word, instead)
    outputs = tuple(
        replace(o, verdict="refuted") if o.name in examples else o for o in proof.outputs
    )
    return replace(proof, outputs=outputs, counterexample=next(iter(examples.values()), None))
