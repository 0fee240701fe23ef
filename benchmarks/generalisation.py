"""How an encoder trained on some jets does on others: processes, a tune, parts of phase space.

Trains the default 8-bit encoder on the embedded QCD jets, and two more on the jets below and above
a pt; simulates other processes; prints a Markdown table and draws the figure of merit against the
distance of the samples.

* Distance: Kolmogorov's, mean over the variables, between the jets and the run's own test jets.
* Degradation: 68 % residual over that of the run's own test jets, geometric mean over the variables
  that are not multiplicities.

Usage: ``python benchmarks/generalisation.py [FIGURE.png]``.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aefpga.config import load_config
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.data.simulate import JetSimulation, simulate
from aefpga.data.simulate.jets import PROCESSES
from aefpga.evaluation.drawing import COLOURS, figure
from aefpga.evaluation.metrics import Quality, judge
from aefpga.evaluation.physics import kolmogorov
from aefpga.runs import Run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.schema import JETS
from aefpga.workflow.train import train

VARIABLES = JETS.choose("24")
COLUMNS = [JETS.index(name) for name in VARIABLES.names]
EVENTS, SEED = 2_000, 7
# GeV; divides the embedded jets into halves of phase space.
PT_CUT = 60.0
OTHER_TUNE = 5


def others() -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and jets of every simulated sample."""
    wanted = {p: JetSimulation(p, EVENTS, SEED) for p in PROCESSES}
    wanted["qcd, tune 4C"] = JetSimulation("qcd", EVENTS, SEED, tune=OTHER_TUNE)
    for name, simulation in wanted.items():
        jets = np.concatenate([jets.values for jets in simulate(simulation)])
        yield name, jets[:, COLUMNS]


def quality(run: Run, jets: np.ndarray) -> Quality:
    """Return how well a run's words bring jets back."""
    back = Autoencoder.of(run).reconstruct(jets)
    return judge(jets, back, VARIABLES, run.normaliser.min_max_)


def row(trained_on: str, name: str, run: Run, jets: np.ndarray) -> tuple[str, float, float]:
    """Return a line of the table, the distance and the degradation."""
    own, found = quality(run, run.test_records), quality(run, jets)
    pairs = zip(run.test_records.T, jets.T, strict=True)
    distance = float(np.mean([kolmogorov(ours, theirs) for ours, theirs in pairs]))
    ratios = [
        b.residual.half_width_68 / a.residual.half_width_68
        for a, b in zip(own.variables, found.variables, strict=True)
        if a.exact is None and a.residual.half_width_68 and b.residual.half_width_68
    ]
    worse = float(np.exp(np.mean(np.log(ratios))))
    width = {n: found.variable(n).residual for n in ("pt", "mass", "eta", "photon_energy")}
    exact = min(v.exact for v in found.variables if v.exact is not None)
    saturated = sum(run.spec.input.saturated(jets).values())
    cells = (
        trained_on,
        name,
        f"{len(jets):,}",
        f"{distance:.3f}",
        f"{worse:.2f}",
        f"{width['pt'].half_width_68:.2%}",
        f"{width['pt'].half_width_99:.1%}",
        f"{width['mass'].half_width_68:.2%}",
        f"{width['eta'].half_width_68:.4f}",
        f"{width['photon_energy'].half_width_68:.2%}",
        f"{exact:.1%}",
        f"{saturated:,}",
    )
    return f"| {' | '.join(cells)} |", distance, worse


def main() -> None:
    """Print the table and draw the figure."""
    embedded = read_records([str(sample_path())], VARIABLES).values
    low, high = embedded[embedded[:, 0] < PT_CUT], embedded[embedded[:, 0] >= PT_CUT]
    header = (
        "trained on", "judged on", "jets", "distance", "degradation", "pt 68 %", "pt 99 %",
        "mass", "eta", "photon energy", "least exact multiplicity", "saturated inputs",
    )  # fmt: skip
    print(f"| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    points = []
    with tempfile.TemporaryDirectory() as folder:
        run = train(load_config(None, {"quantization": {"bits": 8}}), Path(folder), "all")
        cut = {"data": {"max_pt": PT_CUT}, "quantization": {"bits": 8}}
        soft = train(load_config(None, cut), Path(folder), "soft")
        samples = [("qcd", "its own test jets", run, run.test_records)]
        samples += [("qcd", name, run, jets) for name, jets in others()]
        samples += [("qcd", f"pt below {PT_CUT:g} GeV", run, low)]
        samples += [("qcd", f"pt from {PT_CUT:g} GeV", run, high)]
        label = f"qcd, pt below {PT_CUT:g} GeV"
        samples += [(label, "its own test jets", soft, soft.test_records)]
        samples += [(label, f"pt from {PT_CUT:g} GeV", soft, high)]
        for trained_on, name, which, jets in samples:
            line, distance, worse = row(trained_on, name, which, jets)
            print(line, flush=True)
            points.append((trained_on, name, distance, worse))
    if len(sys.argv) > 1:
        draw(points, Path(sys.argv[1]))


def draw(points: list[tuple[str, str, float, float]], path: Path) -> None:
    """Draw degradation against distance."""
    with figure(path, figsize=(8, 5)) as fig:
        axis = fig.subplots()
        for colour, trained_on in zip(COLOURS, dict.fromkeys(p[0] for p in points), strict=False):
            chosen = [p for p in points if p[0] == trained_on]
            axis.plot([p[2] for p in chosen], [p[3] for p in chosen], "o", color=colour)
            for _, name, distance, worse in chosen:
                axis.annotate(f" {name}", (distance, worse), color=colour, fontsize=9)
        # Room for the name of the one that is furthest away.
        axis.set_xlim(right=1.2 * max(p[2] for p in points))
        axis.set_xlabel("mean Kolmogorov distance to the run's test jets")
        axis.set_ylabel("residual over that of the run's test jets")


if __name__ == "__main__":
    main()
