"""What a page says of a run's encoder: its words, its layers, and what it costs on a part."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from aefpga.fixedpoint import EncoderSpec
from aefpga.report import formats
from aefpga.report.blocks import Block, Cell, Facts, Figures, Folded, Rows, Table, Text
from aefpga.report.charts import words_figure
from aefpga.report.findings import Findings
from aefpga.report.tables import resources


def link(findings: Findings) -> Iterator[Block]:
    """Yield what goes over the link: the latent words, and those that arrive."""
    run, counted = findings.run, findings.histograms
    if not run.is_quantized:
        yield Text("A float model has no words to send: train with `--quantize 8bit` for them.")
        return
    spec = run.spec
    widths = sorted({int(w) for w in spec.latent_type.width})
    yield Facts(
        {
            "words": f"{len(spec.latent_type.width)} of "
            f"{widths[0] if len(widths) == 1 else f'{widths[0]} to {widths[-1]}'} bits: "
            f"{spec.bits_per_jet} bits for every record",
            "type": str(spec.latent_type),
            **({} if spec.trigger is None else {"trigger bit": f"1 where {spec.trigger}"}),
            "encoder hash": spec.hash,
        }
    )
    if counted is not None and counted.words:
        yield Figures([words_figure(counted.words, run.schema.name)], chooses="latent word")
    yield Folded("The words that arrive", [_inputs(spec)])


def _inputs(spec: EncoderSpec) -> Table:
    entering = spec.input
    port, network = entering.port, entering.network_type
    rows: list[list[Cell]] = [
        [
            name.replace("_", " "),
            unit or "–",
            f"{port.width[i]}",
            f"{port.lsb[i]:.3g}",
            f"{port.max[i]:.4g}",
            "logarithmic" if entering.is_companded[i] else "linear",
            f"{network.width[i]}",
        ]
        for i, (name, unit) in enumerate(zip(entering.variables, entering.units, strict=True))
    ]
    columns = ("variable", "unit", "bits on the port", "step", "largest", "scale", "bits inside")
    note = "Step and largest value are in the variable's unit. Words of a logarithmic scale are "
    note += "made of the port's by a compander in front of the first layer."
    return Table("Input words", columns, [Rows("", rows)], words=(1, 5), note=note)


def firmware(findings: Findings) -> Iterator[Block]:
    """Yield what the encoder costs, its layers, and the words that were compared."""
    if not findings.run.is_quantized:
        return
    for report in findings.syntheses:
        yield Table(
            f"{report.part}: {report.kind} by {report.tool} {report.tool_version}",
            ("resource", "used", "available", "share [%]"),
            [Rows("", resources(report))],
            note=" ".join(f"{name.upper()}: {text}." for name, text in report.uncertainty.items()),
        )
        facts: dict[str, Cell] = {
            "design": report.design,
            "latency": f"{report.latency_cycles} cycles = {report.latency_ns:g} ns, "
            f"{report.latency_source}",
            "initiation interval": f"{report.interval_cycles} cycle(s)",
            "target clock": f"{report.clock_period_ns:g} ns",
        }
        if report.frequency is not None:
            facts[report.clock_name] = f"{report.frequency}: {report.frequency.method}"
        if report.estimate is not None:
            facts["estimate for UltraScale+"] = f"{report.estimate}: {report.estimate.method}"
        if report.notes:
            facts["to know"] = "; ".join(report.notes)
        yield Facts(facts)
    yield Folded("Layers", [_layers(findings.run.spec)])
    if findings.compared is not None:
        yield Folded("Words compared, pair by pair", [_pairs(findings)])


def _layers(spec: EncoderSpec) -> Table:
    rows: list[list[Cell]] = [
        [
            layer.name.replace("_", " "),
            layer.kind,
            f"{layer.n_in}",
            f"{layer.n_out}",
            _range(layer.matrix.type.width),
            f"{int(np.count_nonzero(layer.matrix.words)):,} of {layer.matrix.words.size:,}",
            f"{int(layer.accumulator.width)}",
            layer.activation.replace("_", " "),
            _range(layer.output.width),
        ]
        for layer in spec.layers
    ]
    columns = ("layer", "kind", "inputs", "outputs", "bits of weights", "weights not 0",
               "bits of sums", "activation", "bits of outputs")  # fmt: skip
    return Table("Layers of the encoder", columns, [Rows("", rows)], words=(1, 7))


def _range(widths: Any) -> str:
    low, high = int(np.min(widths)), int(np.max(widths))
    return f"{low}" if low == high else f"{low} to {high}"


def _pairs(findings: Findings) -> Table:
    assert findings.compared is not None
    rows: list[list[Cell]] = [
        [
            a.title,
            formats.count(a.equal),
            formats.count(a.words),
            formats.agreement(a.equal, a.words),
        ]
        for a in findings.compared.agreements
    ]
    return Table("Words that agree", ("pair", "equal", "words", "share [%]"), [Rows("", rows)])
