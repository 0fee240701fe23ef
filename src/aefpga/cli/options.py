"""Options that several verbs share."""

import math
from pathlib import Path
from typing import Annotated

import typer

from aefpga import configs


def finite(value: float | None) -> float | None:
    """Refuse infinities and NaN, which no bound of an option keeps out."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value}: a finite number was expected")
    return value


Runs = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.")]
RunName = Annotated[
    str | None,
    typer.Option("--run", help="Name or path of a run; the latest one if not given."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Projects = Annotated[
    Path, typer.Option("--projects", help="Folder for the generated firmware projects.")
]
Part = Annotated[
    str | None,
    typer.Option("--part", help="FPGA, by short or full name, such as xcvu9p; default: the run's."),
]
ClockPeriod = Annotated[
    float | None,
    typer.Option(
        "--clock-period",
        help="Target clock period in ns; default: the run's.",
        min=0.1,
        callback=finite,
    ),
]
Adders = Annotated[
    int | None,
    typer.Option(
        "--adders-per-stage",
        help="RTL: adders between registers; more make fewer cycles and a slower clock.",
        min=1,
    ),
]
Dsp = Annotated[
    bool | None,
    typer.Option(
        "--dsp/--no-dsp",
        help="Squares of a score in DSPs, or by shifts and adds; default: the run's.",
    ),
]
Lanes = Annotated[
    int | None,
    typer.Option(
        "--lanes",
        help="RTL: records in a beat of the AXI4-Stream, an encoder for each; default: the run's.",
        min=1,
        max=64,
    ),
]
RegisteredInputs = Annotated[
    bool | None,
    typer.Option(
        "--registered-inputs/--no-registered-inputs",
        help="RTL: registers at the ports, before companders, for a cycle; default: the run's.",
    ),
]
Tool = Annotated[
    str,
    typer.Option("--tool", help="auto, vitis, vivado or open (Verilator, Yosys and nextpnr)."),
]
FromReports = Annotated[
    Path | None,
    typer.Option(
        "--from-reports",
        help="Folder with reports of Vivado, Vitis HLS or Vivado HLS: read these, run nothing.",
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        "--time-limit",
        help="Longest time for one process of an open tool, in seconds; default: an hour.",
        min=1.0,
        callback=finite,
    ),
]
Jets = Annotated[
    int | None,
    typer.Option("--jets", min=1, help="Use at most this many jets of the test split."),
]
Variables = Annotated[
    str | None,
    typer.Option(
        "--variables",
        help="A set (of jets: 28, 27, 24, 19 or 4), or names and patterns with commas between.",
    ),
]
Record = Annotated[
    str | None,
    typer.Option(
        "--record",
        "--schema",
        help="What is encoded: jets (default), events, or the YAML file of a schema "
        "(docs/any_table.md), or one that comes along: "
        f"{', '.join(configs.names(configs.SCHEMAS))}.",
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option("--input", help="File or quoted glob; may be repeated. None: embedded sample."),
]
Collection = Annotated[
    str | None, typer.Option("--collection", help="Jet collection, such as ScoutingPFJet.")
]
