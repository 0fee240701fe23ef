"""Copies of the tiny run, and what later verbs would leave with it."""

import shutil
from pathlib import Path

from aefpga.files import write_json
from aefpga.firmware.report import Frequency, Resources, SynthesisReport
from aefpga.report.findings import Findings
from aefpga.runs import Run, layout, open_run
from aefpga.workflow.summary import describe


def synthesized(run, lut=1234.0, part="xcvu9p-flga2104-2L-e"):
    """Return the report of a synthesis that nobody ran."""
    return SynthesisReport(
        design="24-16-8-6, 6-bit weights, 36 bits per jet",
        encoder_hash=run.spec.hash,
        part=part,
        clock_period_ns=5.0,
        tool="Yosys",
        tool_version="0.70",
        kind="logic synthesis",
        latency_cycles=7,
        interval_cycles=1,
        latency_source="measured in simulation",
        resources=Resources(lut, 567.0, 0, 0, carry=89.0, carry_kind="CARRY8"),
        available=Resources(1182240, 2364480, 6840, 4320),
        frequency=Frequency(386.0, "a fit to routed designs", 297.0, 470.0),
        uncertainty={"lut": "0.97 to 1.13 times this"},
        notes=("before placement and routing",),
    )


def keep(run, report):
    """Leave a report of a synthesis with a run."""
    name = f"synthesis-{report.part.partition('-')[0]}.json"
    write_json(run.folder / layout.REPORTS / name, report.to_dict())


def findings_of(run):
    return Findings.of(run, describe(run))


def copy_of(run: Run, folder: Path) -> Run:
    """Return a copy of a run, to be changed at will."""
    shutil.copytree(run.folder, folder)
    return open_run(str(folder), folder.parent)
