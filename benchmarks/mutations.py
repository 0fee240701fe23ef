"""Single changes in the Verilog of an encoder: each that makes a word wrong must be found.

A change of a random kind is made at a random place, and `prove` is asked again. What it still calls
proven is simulated by Verilator, which reads Verilog by itself, with many records: if a word
differs, the change was missed; else it is one that changes no word. Exits 1 if one was missed.

    python benchmarks/mutations.py [--changes 200] [--seed 0]
"""

import argparse
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from aefpga.errors import ToolError
from aefpga.firmware.rtl import TOP, Rtl, trace, write_project
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.fixedpoint import Emulator, EncoderSpec
from aefpga.fixedpoint.example import adversarial_words, random_spec
from aefpga.proof.equality import prove
from aefpga.proof.netlist import verilog_files

PART = "xcvu9p-flga2104-2L-e"
N_SIMULATED = 200_000
Random = np.random.Generator
Rule = tuple[str, str, Callable[[re.Match[str], Random], str]]


def flip(match: re.Match[str], random: Random) -> str:
    """Flip a bit of a binary constant."""
    place = int(random.integers(len(match[0])))
    return match[0][:place] + str(1 - int(match[0][place])) + match[0][place + 1 :]


def nudge(match: re.Match[str], random: Random) -> str:
    """Move a number by one."""
    return str(int(match[0]) + int(random.choice([-1, 1])))


def negate(match: re.Match[str], _: Random) -> str:
    """Turn 0 into 1, and 1 into 0."""
    return str(1 - int(match[0]))


def swap(match: re.Match[str], _: Random) -> str:
    """Swap the first group and the third."""
    return f"{match[3]}{match[2]}{match[1]}"


def replace(match: re.Match[str], _: Random) -> str:
    """Put another operator in place of one."""
    others = {"+": "-", "-": "+", "&": "|", "~": "", "<": ">", ">": "<"}
    return others[match[0]]


# What is changed: in which files, what is looked for, and what is put there.
RULES: dict[str, Rule] = {
    "bit of a constant": ("stage", r"(?<='b)[01]+(?=[,;])", flip),
    "number of the front end": ("front_end", r"(?<='d)\d+", nudge),
    "shift": ("stage", r"(?<=, )-?\d+(?=, [01]\) op_)", nudge),
    "sign, or subtraction": ("stage", r"(?<=, )[01](?=(?:, -?\d+)*\) op_)", negate),
    "width of an operand": ("stage", r"(?<=#\()\d+", nudge),
    "width of a wire": (f"stage|{TOP}.v", r"(?<=(?:wire|.reg) \[)\d+(?=:0\])", nudge),
    "bit of a slice": ("stage|wrapper|front_end", r"(?<=\w\[)\d+(?=[:\]])(?!:0\] \w+;)", nudge),
    "swapped operands": ("stage", r"(v\d+\[\d+:0\])(, )(v\d+\[\d+:0\])(?=, v\d)", swap),
    "swapped outputs": ("stage", r"(v\d+)(\[\d+:0\];\n    assign model_out\S+ = )(v\d+)", swap),
    "swapped ports": ("wrapper", r"(\w+)(\[\d+:0\];\n    assign \w+\[\d+:\d+\] = )(\w+)", swap),
    "another wire": ("stage", r"(?<=v)\d+(?=\[\d+:\d+\][,;])", nudge),
    "another stage's register": (f"{TOP}.v", r"(?<=<= stage)\d+(?=_out)", nudge),
    "operator": ("front_end|shift_adder|mux", r"(?<= )[-+<>](?= [\w{$])", replace),
    "inversion or mask": ("stage", r"~|&", replace),
}


def dropped(text: str, random: Random) -> str:
    """Make one of the registers between stages a wire."""
    lines = re.findall(r"( *(stage\d+_inp) <= (\w+);\n)", text)
    line, register, source = lines[int(random.integers(len(lines)))]
    text = text.replace(line, "")
    return re.sub(rf"reg (\[\d+:0\] {register});", rf"wire \1; assign {register} = {source};", text)


def change(folder: Path, random: Random) -> str:
    """Change one place in a project's Verilog; return what was changed."""
    kind = str(random.choice([*RULES, "dropped register"]))
    if kind == "dropped register":
        path = folder / f"src/{TOP}.v"
        path.write_text(dropped(path.read_text(), random))
        return kind
    where, pattern, new = RULES[kind]
    places = [
        (path, match)
        for path in verilog_files(folder)
        if re.search(where, path.name)
        for match in re.finditer(pattern, path.read_text())
    ]
    if not places:
        return change(folder, random)  # no front end, say
    path, match = places[int(random.integers(len(places)))]
    put = new(match, random)
    path.write_text(match.string[: match.start()] + put + match.string[match.end() :])
    line = match.string.count("\n", 0, match.start()) + 1
    return f"{kind}, {path.name}:{line}: {match[0]!r} to {put!r}"


def verdict(spec: EncoderSpec, rtl: Rtl, folder: Path) -> tuple[str, str]:
    """Return what the prover says of a changed project, and why."""
    module = f"{TOP}_wrapper"
    try:
        found = prove(spec, verilog_files(folder), module, rtl.stages + 1, seconds=60)
    except ToolError as error:
        return "no Verilog any more", str(error).splitlines()[-1]
    return found.verdict, next((o.reason for o in found.outputs if o.reason), "")


def differs(spec: EncoderSpec, rtl: Rtl, folder: Path) -> bool:
    """Whether Verilator finds a record with a wrong word."""
    arriving = spec.input.port
    random = np.random.default_rng(1).integers(
        arriving.min_word, arriving.max_word + 1, (N_SIMULATED // 2, len(spec.input.variables))
    )
    tried = spec.input.to_counts(adversarial_words(spec, N_SIMULATED // 2))
    counts = np.concatenate([tried, random])
    expected = Emulator(spec)(spec.input.of_counts(counts))
    outputs = RtlSimulation(rtl, folder).clock(counts)[rtl.stages : rtl.stages + len(counts)]
    return not np.array_equal(outputs, expected)


def main() -> int:
    """Change, prove, count; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", type=int, default=200, help="that make a word wrong")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    spec = random_spec(
        (6, 8, 4), 6, activation="leaky_relu", input_bits=7, companded=3, rounding="RND_CONV"
    )
    rtl = trace(spec, 5.0, adders=2)
    counted: Counter[str] = Counter()
    began, missed = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as scratch:
        original, changed = Path(scratch) / "original", Path(scratch) / "changed"
        write_project(rtl, original, PART)
        assert verdict(spec, rtl, original)[0] == "proven"
        while counted.total() - counted["proven"] + missed < options.changes:
            shutil.rmtree(changed, ignore_errors=True)
            shutil.copytree(original, changed)
            what = change(changed, random)
            said, why = verdict(spec, rtl, changed)
            counted[said] += 1
            if said == "proven":
                wrong = differs(spec, rtl, changed)
                missed += wrong
                why = "MISSED" if wrong else "changes no word"
            print(f"{said}: {what}; {why}", flush=True)
    print(dict(counted), f"{missed} missed, {time.monotonic() - began:.0f} s")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
