"""`prove`: whether the RTL computes the words of the specification for all inputs."""

import json
import time
from dataclasses import replace
from pathlib import Path

from aefpga.errors import UsageError
from aefpga.files import write_json
from aefpga.firmware import rtl
from aefpga.progress import Step, silent
from aefpga.proof.block import prove_block
from aefpga.proof.certificate import Certificate, certificate
from aefpga.proof.equality import prove as prove_equal
from aefpga.proof.netlist import verilog_files
from aefpga.runs import Run, layout
from aefpga.workflow.rtl import last_rtl_of


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
    spec = run.spec
    folder = project or projects / run.name / "rtl"
    if project is None:
        step("RTL", 0, 1)
        last_rtl_of(spec, run.firmware, folder)
        step("RTL", 1, 1)
    files = verilog_files(folder)
    latency = _latency(folder)
    block, wrapper = (folder / f"src/{rtl.TOP}_{name}.v" for name in ("block", "wrapper"))
    # Sources that somebody keeps may be without it.
    around = block.stem if block in files else None
    proof = prove_equal(
        spec, files, wrapper.stem, latency, seconds=limit_seconds, around=around, step=step
    )
    if around is not None:
        valid = prove_block(block, wrapper, latency)
        proof = replace(proof, outputs=(*proof.outputs, valid))
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
    """Return how many registers a project says to have on the way."""
    path = project / rtl.MANIFEST
    try:
        return int(json.loads(path.read_text())["latency_cycles"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} does not say how many registers the RTL has ({error}); expected a project "
            "that `aefpga csim`, `synthesize` or `prove` made"
        ) from error
