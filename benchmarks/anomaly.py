"""What scores of anomalies find: kinds of models, three seeds each, beside simple scores and trees.

Trains `--config anomaly` on the embedded events, judges all scores by the embedded signals, and
prints the tables of `docs/anomaly.md`. Goes on where it was interrupted; about ten minutes of one
core. `inject` instead of `judge` mixes shares of signal into the training of the standard model.

Usage: ``python benchmarks/anomaly.py FOLDER judge|inject``
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from aefpga import configs
from aefpga.config import load_config
from aefpga.progress import silent
from aefpga.runs import Run, layout, open_run
from aefpga.workflow.anomaly import anomaly
from aefpga.workflow.anomaly_samples import background_of, signals_of
from aefpga.workflow.injection import inject
from aefpga.workflow.train import train

KINDS = ("standard", "sparse-l1", "sparse-kl", "vae", "adversarial", "linear")
SEEDS = (1, 2, 3)
RATE = 1e-3
SHARES = (1e-2, 1e-3)
# What has nothing to do with the model is shown once.
ALIKE = ("no network", "supervised")


def trained(kind: str, seed: int, runs: Path) -> Run:
    """Train a model, or open its run."""
    name = f"{kind}-{seed}"
    if (runs / name).exists():
        return open_run(name, runs)
    told = {"model": {"kind": kind}, "training": {"seed": seed}}
    return train(load_config(configs.find_config("anomaly"), told), runs, name)


def judged(run: Run) -> dict[str, Any]:
    """Judge a run, or read its report."""
    path = run.folder / layout.ANOMALY
    if not path.exists():
        anomaly(run, rate=RATE)
        print(f"judged {run.name}", flush=True)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def cell(shares: Sequence[dict[str, float] | None], form: str) -> str:
    """Return the median over seeds, half of their range, and the statistical error of one."""
    known = [s for s in shares if s is not None]
    if not known:
        return "–"
    values = [s["value"] for s in known]
    error = median(s["error"] for s in known)
    parts = (median(values), (max(values) - min(values)) / 2, error)
    middle, spread, error_text = (form.format(x) for x in parts)
    return f"{middle} ± {spread} ({error_text})"


def rows(reports: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield model, score, and for each seed what the score finds, by signal."""
    for kind, of_seeds in reports.items():
        for score, content in of_seeds[0]["scores"].items():
            is_alike = content["computed"] in ALIKE
            if not is_alike or kind == KINDS[-1]:
                found = [r["scores"][score]["signals"] for r in of_seeds]
                yield content["computed"] if is_alike else kind, score, found


def show(reports: dict[str, list[dict[str, Any]]], what: str, form: str) -> None:
    """Print a table of AUCs, or of efficiencies at a rate."""
    signals = list(reports[KINDS[0]][0]["trigger"]["signals"])
    print(f"\n### {what}\n\n| model | score | {' | '.join(signals)} |")
    print("| --- " * (2 + len(signals)) + "|")
    for model, score, found in rows(reports):
        cells = [
            cell(
                [f[s]["auc"] if what == "AUC" else f[s]["efficiencies"][what] for f in found], form
            )
            for s in signals
        ]
        print(f"| {model} | {score} | {' | '.join(cells)} |")


def main() -> None:
    """Train, judge and print."""
    runs, task = Path(sys.argv[1]), sys.argv[2]
    if task == "inject":
        print("| signal | share | in training | found, clean training | found | purity | purity |")
        run = trained(KINDS[0], SEEDS[0], runs)
        background, signals = (f(run, (), None, silent) for f in (background_of, signals_of))
        for share in SHARES:
            for x in inject(run, background, signals, share, 1e-2, "squares"):
                sides = (x.clean, x.contaminated)
                both = [getattr(y, w) for w in ("efficiency", "purity") for y in sides]
                cells = [f"{of.value:.1%} ± {of.error:.1%}" for of in both]
                print(
                    f"| {x.signal} | {x.share:g} | {x.trained_with} | {' | '.join(cells)} |",
                    flush=True,
                )
        return
    reports = {kind: [judged(trained(kind, seed, runs)) for seed in SEEDS] for kind in KINDS}
    show(reports, "AUC", "{:.3f}")
    for rate in ("0.01", "0.001", "0.0001"):
        show(reports, rate, "{:.1%}")


if __name__ == "__main__":
    main()
