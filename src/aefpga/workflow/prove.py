"""`prove`: whether the RTL computes the words of the specification for all inputs."""

import json
import time
from pathlib import Path

from aefpga.errors import UsageError
from aefpga.files import write_json
from aefpga.firmware import rtl
from aefpga.firmware.parts import find_part
from aefpga.progress import Step, silent
from aefpga.proof.certificate import Certificate, certificate
from aefpga.proof.equality import prove as prove_equal
from aefpga.proof.netlist import verilog_files
from aefpga.runs import Run, layout


def prove(
    run: Run,
    projects: Path,
    *,
    project: Path | None = None,
    limit_seconds: float,
    step: Step = silent,
) -> Certificate:
    """Prove the Verilog of a run's encoder; the certificate is kept with the run.

    Parameters
    ----------
    run : Run
        A quantized run.
    projects : Path
        Folder for the firmware projects. The run's RTL is proven as it was last made, for whatever
        part and clock; it is made for the run's if there is none, or it was changed.
    project : Path or None
        An RTL project that is taken as it is, instead.
    limit_seconds : float
        Time for comparisons; what takes longer is not proven.
    """
    began = time.monotonic()
    spec, firmware = run.spec, run.firmware
    folder = project or projects / run.name / "rtl"
    if project is None and not rtl.is_project_of(spec, folder):
        step("RTL", 0, 1)
        part, period = find_part(firmware.part).name, firmware.clock_period_ns
        adders = firmware.adders_per_stage
        rtl.make_project(spec, period, folder, part, adders, dsp=firmware.dsp)
        step("RTL", 1, 1)
    files = verilog_files(folder)
    proof = prove_equal(
        spec, files, f"{rtl.TOP}_wrapper", _latency(folder), seconds=limit_seconds, step=step
    )
    found = certificate(
        proof,
        spec,
        folder,
        files,
        seconds=round(time.monotonic() - began, 2),
        limit_seconds=limit_seconds,
    )
    write_json(run.folder / layout.PROOF, found.to_dict())
    return found


def _latency(project: Path) -> int:
    """Return the registers that a project says to have: the input's, and one behind each stage."""
    path = project / "metadata.json"
    try:
        return int(json.loads(path.read_text())["latency"]) + 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} does not say how many stages the RTL has ({error}); expected a project that "
            "`aefpga csim`, `synthesize` or `prove` made"
        ) from error
