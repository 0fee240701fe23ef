"""The page of one run."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from aefpga.report import formats
from aefpga.report.anomaly_blocks import anomaly_blocks
from aefpga.report.blocks import (
    Block,
    Cell,
    Facts,
    Figures,
    Folded,
    Listing,
    Page,
    Rows,
    Section,
    Table,
)
from aefpga.report.charts import front_figure, learning_figure
from aefpga.report.encoder_blocks import firmware, link
from aefpga.report.findings import Findings
from aefpga.report.judged_blocks import others, residuals, truncation
from aefpga.report.verdicts import verdicts
from aefpga.runs import Run, layout

# Of what was trained here, and of what was imported.
ORIGINS = ("What was trained on what", "What was imported")
# Input files that are named beside what was read; the others are below, with checksums.
FILES = 3


def run_page(findings: Findings) -> Page:
    """Return all that a run's folder says, in the order in which one asks."""
    run = findings.run
    sections = (
        Section("training", ORIGINS[run.is_alone], list(_training(findings))),
        Section("link", "What goes over the link", list(link(findings))),
        Section("firmware", "Latency and resources", list(firmware(findings))),
        Section("trigger", "Anomaly trigger", list(anomaly_blocks(findings))),
        Section("residuals", "Residuals", list(residuals(findings))),
        Section("truncation", "Beside float truncation", list(truncation(findings))),
        Section("others", "Other records", list(others(findings))),
        Section("reproduce", "Configuration, versions, how to reproduce", list(_origin(findings))),
    )
    return Page(
        title=run.name,
        subtitle="; ".join(_subtitle(findings)),
        missing=findings.missing,
        verdicts=list(verdicts(findings)),
        sections=[s for s in sections if s.blocks],
    )


def _subtitle(findings: Findings) -> Iterator[str]:
    run = findings.run
    yield findings.words["encoder"]
    yield findings.words["source" if run.is_alone else "trained on"]
    if run.is_quantized:
        yield f"{run.spec.bits_per_jet} bits per record"
    for report in findings.syntheses:
        used = f"{report.resources.lut:,.0f} LUTs, " if report.resources.lut is not None else ""
        yield f"{used}{report.latency_ns:g} ns on {report.part}"


def _training(findings: Findings) -> Iterator[Block]:
    run = findings.run
    data = _mapping(run, "data")
    facts: dict[str, Cell] = dict(findings.words)
    if run.is_alone:
        facts["to know"] = " ".join(map(str, run.imported.get("notes", ())))
        yield Facts(facts)
        return
    names = list(_mapping(run, "inputs"))
    more = f" and {len(names) - FILES} more" * (len(names) > FILES)
    facts["read"] = f"{formats.count(data.get('read'))} of {', '.join(names[:FILES])}{more}"
    facts |= {f"cut by {name}": formats.count(n) for name, n in dict(data.get("cut") or {}).items()}
    sizes = [formats.count(data.get(part)) or "?" for part in ("train", "validation", "test")]
    facts["training, validation, test"] = ", ".join(sizes)
    if run.lacking:
        facts["the data lack"] = f"{', '.join(run.lacking)}: zeros for the encoder, judged nowhere"
    losses = _mapping(run, "best_validation_loss")
    facts |= {f"{stage} model, validation MSE": f"{loss:.3g}" for stage, loss in losses.items()}
    if "training_seconds" in run.manifest:
        facts["training time"] = f"{run.manifest['training_seconds']:.0f} s"
    yield Facts({name: value for name, value in facts.items() if value is not None})
    figures = [f for f in (learning_figure(findings), front_figure(findings)) if f is not None]
    if figures:
        yield Figures(figures)


def _origin(findings: Findings) -> Iterator[Block]:
    run, manifest = findings.run, findings.run.manifest
    yield Listing("Again from the start", "\n".join(_commands(findings)))
    yield Facts(
        {
            "made": str(manifest.get("created", "?")).partition(".")[0].replace("T", " ") + " UTC",
            "aefpga": str(manifest.get("aefpga", "?")),
            **{str(k): str(v) for k, v in _mapping(run, "versions").items()},
        }
    )
    inputs = _mapping(run, "inputs")
    if inputs:
        rows: list[list[Cell]] = [[name, str(digest)] for name, digest in inputs.items()]
        yield Folded("Input files", [
            Table("", ("file", "SHA-256"), [Rows("", rows)], words=(1,))
        ])  # fmt: skip
    if not run.is_alone:
        yield Folded(
            layout.CONFIG, [Listing("", (run.folder / layout.CONFIG).read_text(errors="replace"))]
        )


def _mapping(run: Run, name: str) -> Mapping[str, Any]:
    """Return a part of a run's manifest; nothing where an earlier version did not write it."""
    part = run.manifest.get(name)
    return part if isinstance(part, dict) else {}


def _commands(findings: Findings) -> Iterator[str]:
    run = findings.run
    name = shlex.quote(run.name)
    if run.is_alone:
        yield f"{run.imported.get('command', 'aefpga import')} --name {name}"
    else:
        yield f"# {layout.CONFIG} is below, and in the run's folder"
        yield f"aefpga train --config {layout.CONFIG} --name {name}"
    if run.is_quantized:
        yield f"aefpga csim --run {name}"
        proof = findings.proof
        proven: list[str] = []
        others: list[str] = []
        for report in findings.syntheses:
            part, period = shlex.quote(report.part), f"{report.clock_period_ns:g}"
            command = f"aefpga synthesize --run {name} --part {part} --clock-period {period}"
            is_proven = proof is not None and report.sources == proof.sources
            (proven if is_proven else others).append(command)
        # A proof is of the Verilog that is there, which a synthesis may write anew.
        yield from proven
        if proof is not None:
            yield f"aefpga prove --run {name}"
        yield from others
    if not run.is_alone:
        yield f"aefpga evaluate --run {name}"
    yield f"aefpga report --run {name}"
