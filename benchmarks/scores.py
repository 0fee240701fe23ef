"""What score and trigger bit cost in firmware: look-up tables by Yosys, latency by simulation.

Usage::

    python benchmarks/scores.py runs/events --part xcvu9p --clock-period 5 --alone
    python benchmarks/scores.py axol1tl_v4.npz --part xc7vx690t --clock-period 25 --scores squares

Of a run, or of CMS's AXOL1TL v4 (its weights, with ``axol1tl_v4.json`` beside them), the encoder
without a score and with each, or the scores alone, of latent words that come in over wires.
Thresholds are in the middle of the score's range, AXOL1TL's is CMS's.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from aefpga.choices import ScoreKind
from aefpga.firmware.open_flow import synthesize_open
from aefpga.firmware.parts import find_part
from aefpga.firmware.rtl import trace, write_project
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.fixedpoint import (
    DenseLayer,
    Emulator,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Score,
    Tensor,
    Trigger,
    exact_accumulator,
)
from aefpga.fixedpoint.example import adversarial_words
from aefpga.importing.plain import read_network
from aefpga.runs import open_run

# Nothing, each score, and squares as products for DSPs.
SCORES: Mapping[str, ScoreKind | None] = {
    "none": None,
    "absolutes": "absolutes",
    "largest": "largest",
    "squares": "squares",
    "squares-dsp": "squares",
}
CMS_TRIGGER = {"score": "squares", "type": "ap_ufixed<18,14>", "threshold": 415}


def axol1tl(weights: Path) -> EncoderSpec:
    """Return AXOL1TL v4 with its trigger; its quantities arrive with their offsets."""
    described = json.loads(weights.with_suffix(".json").read_text())
    outputs = {"relu": described["hidden output"], "linear": described["latent"]}
    layers = [
        {
            "name": f"layer{i}",
            "weight": described["weight"],
            "bias": described["bias"],
            "activation": layer["activation"],
            "output": outputs[layer["activation"]],
        }
        for i, layer in enumerate(described["layers"], 1)
    ]
    offset = {
        "values": np.floor(described["offset"]).tolist(),
        "port": "ap_fixed<18,13>",
        "shifted": "ap_fixed<19,14>",
    }
    given = {"type": described["input"], "shift": described["shift"], "offset": offset}
    content = {"input": given, "layers": layers, "trigger": CMS_TRIGGER}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "axol1tl.yaml"
        path.write_text(yaml.safe_dump({**content, "arrays": str(weights.resolve())}))
        return read_network(path).spec


def scored(spec: EncoderSpec, name: str) -> EncoderSpec:
    """Return the encoder with the score of this name; its own trigger where that is of the kind."""
    kind = SCORES[name]
    if kind is None:
        return replace(spec, trigger=None)
    if spec.trigger is not None and spec.trigger.score.kind == kind:
        return spec
    score = Score.exact(kind, spec.latent_type)
    return replace(spec, trigger=Trigger(score, int(score.type.max_word) // 2))


def wires(spec: EncoderSpec) -> EncoderSpec:
    """Return an encoder whose latent words are its inputs, and those of another."""
    kind, n = spec.latent_type, spec.latent_type.width.size
    nothing = np.zeros(n, np.int64)
    source = EncoderInput(
        variables=tuple(f"latent_{i}" for i in range(n)),
        units=("",) * n,
        type=FixedType(kind.signed, kind.width, kind.integer),
        exponent=nothing,
        mantissa=nothing - 1,
    )
    weight = Tensor(np.eye(n, dtype=np.int64), FixedType(False, 1, 1))
    bias = Tensor(nothing, FixedType(False, 1, 1))
    accumulator = exact_accumulator(source.network_type, weight, bias)
    layer = DenseLayer(
        name="wires",
        weight=weight,
        bias=bias,
        accumulator=accumulator,
        activation="linear",
        output=kind,
    )
    return EncoderSpec(source, (layer,), trigger=spec.trigger)


def row(spec: EncoderSpec, name: str, options: argparse.Namespace) -> Iterator[str]:
    """Yield the cells of a table's row: cost, LUTs, registers, DSPs, latency, estimated clock."""
    part = find_part(options.part)
    spec = scored(wires(spec) if options.alone else spec, name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "rtl"
        rtl = trace(spec, options.clock_period, options.adders_per_stage, dsp="dsp" in name)
        write_project(rtl, folder, part.name)
        simulation = RtlSimulation(rtl, folder)
        words = adversarial_words(spec)
        wrong = np.sum(simulation.outputs(words) != Emulator(spec).outputs(words))
        report = synthesize_open(rtl, simulation, folder, part)
    assert report.resources.lut is not None
    assert report.frequency is not None
    yield name
    yield f"{rtl.cost:,.0f}"
    yield f"{report.resources.lut:,.0f} = {report.percent('lut'):.1f} %"
    yield f"{report.resources.ff:,.0f}"
    yield f"{report.resources.dsp:,.0f}"
    yield f"{report.latency_cycles} cycles = {report.latency_ns:.0f} ns"
    low, high = report.frequency.low_mhz, report.frequency.high_mhz
    yield f"{rtl.adders}; {report.frequency.mhz:.0f} ({low:.0f} to {high:.0f})"
    yield f"{wrong} of {len(words) * spec.output_type.width.size:,}"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--part", default="xcvu9p")
    parser.add_argument("--clock-period", type=float, default=5.0)
    parser.add_argument("--adders-per-stage", type=int)
    parser.add_argument("--alone", action="store_true", help="without the encoder's layers")
    parser.add_argument("--scores", nargs="+", choices=SCORES, default=list(SCORES))
    options = parser.parse_args()
    path = options.encoder
    spec = axol1tl(path) if path.suffix == ".npz" else open_run(str(path), path.parent).spec
    print(f"{spec.layout} on {options.part}, {options.clock_period:g} ns")
    print("| score | da4ml's cost | LUTs | FFs | DSPs | latency | adders; MHz | words wrong |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.scores:
        print("|", " | ".join(row(spec, name, options)), "|", flush=True)


if __name__ == "__main__":
    main()
