"""What to choose: the encoders that come with the package, each trained, synthesized and judged.

Each on the embedded sample with its usual settings, seed 42 unless told otherwise; LUTs by Yosys,
latency by Verilator, residuals of the test jets that no training has seen. Prints the table of the
README, and goes on where it was interrupted. About half an hour on two cores.

Usage: ``python benchmarks/encoders.py FOLDER [SEED [PART]]``
"""

import json
import sys
from pathlib import Path
from typing import Any

from aefpga import configs
from aefpga.config import load_config
from aefpga.evaluation.metrics import Quality
from aefpga.runs import Run, layout, open_run
from aefpga.workflow.summary import residuals
from aefpga.workflow.synthesize import synthesize
from aefpga.workflow.train import train

# How the README calls it, the configuration that comes with the package, and what it is told.
ENCODERS: dict[str, tuple[str | None, dict[str, dict[str, Any]]]] = {
    "`--model linear`, the default": (None, {}),
    "`--config linear_24d_10bit`": ("linear_24d_10bit", {}),
    "`--model modulo`": (None, {"model": {"kind": "modulo"}}),
    "`--model standard`": (None, {"model": {"kind": "standard"}}),
    "`--model standard --quantize learned`": (
        None,
        {"model": {"kind": "standard"}, "quantization": {"method": "learned"}},
    ),
    "`--model sparse-l1`": (None, {"model": {"kind": "sparse-l1"}}),
    "`--model sparse-kl`": (None, {"model": {"kind": "sparse-kl"}}),
}


def trained(name: str, seed: int, runs: Path) -> Run:
    """Train an encoder, or open its run."""
    config, told = ENCODERS[name]
    run = f"{list(ENCODERS).index(name)}-{seed}"
    if (runs / run).exists():
        return open_run(run, runs)
    path = None if config is None else configs.find_config(config)
    print(f"training {name}", flush=True)
    return train(load_config(path, {**told, "training": {"seed": seed}}), runs, run)


def synthesized(run: Run, projects: Path, part: str) -> dict[str, Any]:
    """Synthesize a run, or read its report."""
    if not (found := list((run.folder / layout.REPORTS).glob("synthesis-*.json"))):
        print(f"synthesizing {run.name}", flush=True)
        return synthesize(run, projects, part=part).to_dict()
    content: dict[str, Any] = json.loads(found[0].read_text())
    return content


def cells(run: Run, report: dict[str, Any], quality: Quality) -> list[str]:
    """Return what the table says of an encoder."""

    def half_width(name: str) -> float:
        found = quality.variable(name).residual.half_width_68
        assert found is not None
        return found

    energies = [v.name for v in quality.variables if v.name.endswith("_energy")]
    worst = sorted(half_width(name) for name in energies)
    exact = min(v.exact for v in quality.variables if v.exact is not None)
    return [
        f"{run.spec.bits_per_jet}",
        f"{report['resources']['lut']:,}",
        f"{report['latency_ns']:.0f} ns",
        f"{half_width('pt'):.1%}",
        f"{half_width('mass'):.1%}",
        f"{half_width('eta'):.3f}",
        f"{worst[0]:.1%} to {worst[-1]:.1%}",
        f"{exact:.1%}",
    ]


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 42
    part = sys.argv[3] if len(sys.argv) > 3 else "xcvu9p"
    rows = []
    for name in ENCODERS:
        run = trained(name, seed, folder / "runs")
        report = synthesized(run, folder / "projects", part)
        rows.append([name, *cells(run, report, residuals(run))])
    titles = ("encoder", "bits", "LUTs", "latency", "pt", "mass", "eta", "energies")
    print(f"| {' | '.join(titles)} | multiplicities exact |\n|{' --- |' * 9}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
