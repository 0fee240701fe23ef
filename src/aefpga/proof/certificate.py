"""What a proof leaves: what was proven of which files, how, and with what."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aefpga.files import sha256_of
from aefpga.fixedpoint import EncoderSpec
from aefpga.proof.block import IN, OUT, RESET
from aefpga.proof.equality import Counterexample, OutputProof, Proof, Verdict

NOT_COVERED = (
    "the HLS project, whose C++ is tested and not proven",
    "what synthesis, place and route make of the Verilog",
    "the words before the pipeline is full",
    "encoder_stream and its FIFO, which test benches try",
)
TRUSTED = (
    "Yosys's reading of Verilog",
    "the arithmetic of `aefpga.proof`, in Python's and NumPy's integers",
    "the specification as `aefpga.proof.specification` has it; tests compare it with the emulator",
)


@dataclass(frozen=True)
class Certificate:
    """A proof with all that it is about.

    Parameters
    ----------
    verdict : {"proven", "refuted", "not proven"}
        Of all outputs together.
    statement : str
        What was to be proven, in words.
    encoder_hash : str
        Of the specification.
    sources : mapping of str to str
        SHA-256 of every Verilog file, by its path in the project.
    outputs : tuple of OutputProof
        What is known of each output.
    counterexample : Counterexample or None
        Quantities for which the Verilog is wrong, where some were found.
    latency_cycles : int or None
        Registers between every input and every output.
    steps : mapping of str to str
        How it was proven, step by step.
    not_covered, trusted : tuple of str
        What the proof says nothing about, and what it relies on.
    tools : mapping of str to str
        Versions.
    seconds, limit_seconds : float
        Time taken, and the time that comparisons were given.
    """

    verdict: Verdict
    statement: str
    encoder_hash: str
    sources: Mapping[str, str]
    outputs: tuple[OutputProof, ...]
    counterexample: Counterexample | None
    latency_cycles: int | None
    steps: Mapping[str, str]
    not_covered: tuple[str, ...]
    trusted: tuple[str, ...]
    tools: Mapping[str, str]
    seconds: float
    limit_seconds: float

    @property
    def n_proven(self) -> int:
        """Number of outputs that are proven."""
        return sum(output.verdict == "proven" for output in self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


def checksums(project: Path, files: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path in the project."""
    return {str(path.relative_to(project)): sha256_of(path) for path in files}


def certificate(
    proof: Proof,
    spec: EncoderSpec,
    project: Path,
    files: Sequence[Path],
    *,
    seconds: float,
    limit_seconds: float,
) -> Certificate:
    """Return the certificate of a proof about Verilog files of a project."""
    has_valid = any(output.name == OUT for output in proof.outputs)
    valid = f", and {OUT} of encoder_block says of which it was {IN}" if has_valid else ""
    return Certificate(
        verdict=proof.verdict,
        statement=(
            f"for all {int(spec.input.port.width.sum())} bits on the {len(spec.input.variables)} "
            f"input ports, in every clock cycle: what each output port of the Verilog shows is the "
            f"specification's, as many cycles later as there are registers{valid}"
        ),
        encoder_hash=spec.hash,
        sources=checksums(project, files),
        outputs=proof.outputs,
        counterexample=proof.counterexample,
        latency_cycles=proof.latency_cycles,
        steps=_steps(proof, len(files)),
        not_covered=NOT_COVERED,
        trusted=TRUSTED,
        tools={
            "aefpga": version("aefpga"),
            "Yosys": proof.reader.removeprefix("Yosys "),
            "Verilator": proof.checker.removeprefix("Verilator "),
            "NumPy": version("numpy"),
            "Python": platform.python_version(),
        },
        seconds=seconds,
        limit_seconds=limit_seconds,
    )


def _steps(proof: Proof, n_files: int) -> dict[str, str]:
    words = [output for output in proof.outputs if output.name != OUT]
    proven = sum(output.verdict == "proven" for output in words)
    cycles = proof.latency_cycles
    delay = "not as many on every path" if cycles is None else f"{cycles} on every path"
    return {
        "Verilog": (
            f"{n_files} files read by {proof.reader}: {proof.operations:,} operations, "
            f"{proof.registers:,} register bits; Verilator finds no error in them"
        ),
        "registers": f"one clock, no feedback, one driver a wire; {delay}",
        "sums": "carried as exact linear forms; a word that is read can hold its form's range",
        "after a sum": (
            f"front end, activation, rounding and saturation compared at every value of their "
            f"ranges: {proof.compared:,} values"
        ),
        "outputs": f"{proven} of {len(words)} are the specification's",
        **{o.name: _valid(o) for o in proof.outputs if o.name == OUT},
    }


def _valid(output: OutputProof) -> str:
    if output.verdict != "proven":
        return f"not proven: {output.reason}"
    return (
        f"the ports of encoder_block are the encoder's, one to one; by induction over cycles {OUT} "
        f"is {IN} as many cycles before as the data take, and 0 if {RESET} came since"
    )
