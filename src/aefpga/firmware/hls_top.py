"""The HLS project's top: the ports of the RTL's, around the function that hls4ml writes.

hls4ml takes and gives arrays of one type. A board needs the ports that the RTL has, so a function
of the toolkit's own stands around hls4ml's. Its test bench starts from quantities on those ports.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.errors import ToolError
from aefpga.firmware.hls_front_end import HEADER, exact, statement
from aefpga.firmware.ports import input_names, output_names
from aefpga.fixedpoint import EncoderSpec, FixedType

# hls4ml's project and function; the top around it has the name that the RTL's has.
PROJECT = "encoder"
TOP = f"{PROJECT}_wrapper"
OF_WORDS = f"{PROJECT}_words"
SCRIPT, SIMULATION = "csim.sh", "csim"
QUANTITIES, WORDS = "tb_data/quantities.dat", "tb_data/words.dat"
# What hls4ml writes to start from the network's words.
FROM_WORDS = (f"{PROJECT}_test.cpp", f"{PROJECT}_bridge.cpp", "build_lib.sh")


@dataclass(frozen=True)
class _Port:
    """A port of the top: its name, and its type as a parameter and alone in C++."""

    name: str
    kind: str
    parameter: str

    @classmethod
    def all(cls, names: Sequence[str], words: FixedType, reference: str = "") -> "list[_Port]":
        kinds = words.broadcast((len(names),))
        return [
            cls(name, f"{integer}<{width}>", f"{integer}<{width}> {reference}{name}")
            for name, width, integer in zip(
                names, kinds.width, np.where(kinds.signed, "ap_int", "ap_uint"), strict=True
            )
        ]


def write_top(spec: EncoderSpec, graph: Any, folder: Path) -> None:
    """Put the top, its test bench and its script into a project that hls4ml wrote.

    Raises
    ------
    ToolError
        If the project is not as expected.
    """
    firmware = folder / "firmware"
    inputs = _Port.all(input_names(spec), spec.input.port)
    outputs = _Port.all(output_names(spec), spec.output_type, "&")
    core = firmware / f"{PROJECT}.cpp"
    pragmas = _take_interface(core)
    (firmware / f"{OF_WORDS}.h").write_text(HEADER)
    (firmware / f"{TOP}.h").write_text(_header(inputs, outputs))
    (firmware / f"{TOP}.cpp").write_text(_source(spec, graph, inputs, outputs, pragmas))
    (folder / f"{TOP}_test.cpp").write_text(_test_bench(inputs, outputs))
    (folder / SCRIPT).write_text(_SCRIPT)
    for name in FROM_WORDS:
        (folder / name).unlink(missing_ok=True)
    _replace(folder / "project.tcl", f'name "{PROJECT}"', f'name "{TOP}"')
    added = "add_files firmware/${project_name}.cpp"
    _replace(folder / "build_prj.tcl", added, f"add_files firmware/{PROJECT}.cpp\n{added}")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    if text.count(old) != 1:
        raise ToolError(f"hls4ml wrote {path.name} without `{old}`; is it another version?")
    path.write_text(text.replace(old, new))


def _take_interface(core: Path) -> list[str]:
    """Take the interface from hls4ml's function, and return the pragmas that the top has, too."""
    text = core.read_text()
    found = re.search(r"insert IO\n(.*?)(    #pragma HLS INTERFACE[^\n]*\n)(.*?)\n\n", text, re.S)
    if found is None:
        raise ToolError(f"hls4ml wrote {core.name} without its interface; is it another version?")
    core.write_text(text.replace(found[2], ""))
    return [line.strip() for line in f"{found[1]}{found[3]}".splitlines()]


def _signature(function: str, parameters: Sequence[str]) -> str:
    listed = ",\n    ".join(parameters)
    return f"{function}(\n    {listed}\n)"


def _function(name: str, parameters: Sequence[str], body: Sequence[str]) -> str:
    lines = "\n    ".join(body)
    return f"{_signature(name, parameters)} {{\n    {lines}\n}}\n"


def _header(inputs: Sequence[_Port], outputs: Sequence[_Port]) -> str:
    return f"""\
#ifndef {TOP.upper()}_H_
#define {TOP.upper()}_H_

#include "ap_int.h"

// The encoder with one port for each quantity and output, as the RTL has them.
{_signature(f"void {TOP}", [p.parameter for p in (*inputs, *outputs)])};

#endif
"""


def _source(
    spec: EncoderSpec,
    graph: Any,
    inputs: Sequence[_Port],
    outputs: Sequence[_Port],
    pragmas: Sequence[str],
) -> str:
    (words,) = graph.get_input_variables()
    found = graph.get_output_variables()
    arriving = f"{words.type.name} {words.name}[{len(inputs)}]"
    leaving = [f"{v.type.name} {v.name}[{v.size()}]" for v in found]
    values = [f"{v.name}[{i}]" for v in found for i in range(v.size())]
    to_words = [
        statement(spec.input, i, p.name, f"{words.name}[{i}]") for i, p in enumerate(inputs)
    ]
    to_ports = [
        f"{p.name} = bits({exact(spec.output_type.element(i))}({value}));"
        for i, (p, value) in enumerate(zip(outputs, values, strict=True))
    ]
    entering, given, arrays = (", ".join(x.name for x in xs) for xs in (inputs, outputs, found))
    body = [
        f"#pragma HLS INTERFACE ap_none port={entering},{given}".replace(", ", ","),
        *(f"{array};" for array in (arriving, *leaving)),
        *pragmas,
        f"quantities_to_words({entering}, {words.name});",
        f"{PROJECT}({words.name}, {arrays});",
        f"words_to_ports({arrays}, {given});",
    ]
    of_inputs, of_outputs = ([p.parameter for p in ports] for ports in (inputs, outputs))
    parts = (
        "".join(f'#include "{name}.h"\n' for name in (TOP, PROJECT, OF_WORDS)),
        _function("static void quantities_to_words", [*of_inputs, arriving], to_words),
        _function("static void words_to_ports", [*leaving, *of_outputs], to_ports),
        _function(f"void {TOP}", [*of_inputs, *of_outputs], body),
    )
    return "\n".join(parts)


def _test_bench(inputs: Sequence[_Port], outputs: Sequence[_Port]) -> str:
    given = [f"{p.kind}(given[{i}])" for i, p in enumerate(inputs)]
    declared = "\n".join(f"        {p.kind} {p.name};" for p in outputs)
    arguments = ",\n            ".join([*given, *(p.name for p in outputs)])
    words = ", ".join(f"{p.name}.to_int64()" for p in outputs)
    return f"""\
// Words of quantities on the ports, as integers, a record a line.
//     csim                         those of {QUANTITIES}, compared with {WORDS}
//     csim QUANTITIES WORDS        those of a file, written to another
#include "firmware/{TOP}.h"
#include <fstream>
#include <iostream>

#ifdef RTL_SIM
static const char *results = "tb_data/rtl_cosim_results.log";
#else
static const char *results = "tb_data/csim_results.log";
#endif

int main(int argc, char **argv) {{
    const bool compares = argc < 3;
    std::ifstream quantities(compares ? "{QUANTITIES}" : argv[1]);
    std::ofstream written(compares ? results : argv[2]);
    std::ifstream expected;
    if (compares) expected.open("{WORDS}");
    if (!quantities || !written || (compares && !expected)) {{
        std::cerr << "a file cannot be opened" << std::endl;
        return 2;
    }}
    long long given[{len(inputs)}], right, records = 0, different = 0;
    while (true) {{
        for (int i = 0; i < {len(inputs)}; ++i) quantities >> given[i];
        if (!quantities) break;
{declared}
        {TOP}(
            {arguments});
        const long long found[] = {{{words}}};
        for (int i = 0; i < {len(outputs)}; ++i) {{
            written << found[i] << (i < {len(outputs) - 1} ? " " : "\\n");
            if (compares && !(expected >> right && right == found[i])) ++different;
        }}
        ++records;
    }}
    if (!quantities.eof()) {{
        std::cerr << "no integers behind " << records << " records" << std::endl;
        return 2;
    }}
    std::cout << records << " records";
    if (compares) std::cout << ", " << different << " words differ";
    std::cout << std::endl;
    return different || !written.flush() ? 1 : 0;
}}
"""


_SCRIPT = f"""\
#!/bin/sh
# Compiles the top with any C++ compiler and ap_types, and runs its test bench; see {TOP}_test.cpp.
#     sh {SCRIPT}
set -e
folder=$(cd "$(dirname "$0")" && pwd)
${{CXX:-g++}} -std=c++11 -O1 -I"$folder/firmware/ap_types" \\
    -D WEIGHTS_DIR="\\"$folder/firmware/weights\\"" \\
    "$folder"/firmware/*.cpp "$folder/{TOP}_test.cpp" -o "$folder/{SIMULATION}"
if [ $# -eq 0 ]; then cd "$folder"; fi
exec "$folder/{SIMULATION}" "$@"
"""
