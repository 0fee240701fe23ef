"""A share of signal in the background, training included: what a score still finds of it."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.choices import ScoreKind
from aefpga.errors import UsageError
from aefpga.evaluation.anomaly.weighted import Sample, Share
from aefpga.fixedpoint import Score
from aefpga.progress import Step, silent
from aefpga.runs import Run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.workflow.anomaly_samples import Background, Labelled
from aefpga.workflow.train import Loaded, Prepared, train


@dataclass(frozen=True)
class Finding:
    """What a score finds in a mixture, at a threshold that lets a share of the mixture pass.

    `efficiency` is that of the signal, `purity` its share of what passes.
    """

    efficiency: Share
    purity: Share

    @classmethod
    def of(cls, background: Sample, signal: Sample, share: float, rate: float) -> "Finding":
        """Mix a share of signal into background, and see what passes."""
        scale = share / (1 - share) * background.total / signal.total
        weights = np.concatenate([background.weights, signal.weights * scale])
        mixture = Sample(np.concatenate([background.scores, signal.scores]), weights)
        threshold = mixture.least_threshold(rate)
        efficiency = signal.above(threshold)
        passes = mixture.scores > threshold
        passing = float(weights[passes].sum())
        sought = efficiency.value * signal.total * scale
        effective = passing**2 / float(np.square(weights[passes]).sum()) if passing else 1.0
        return cls(efficiency, Share.of(min(sought / passing, 1.0) if passing else 0.0, effective))


@dataclass(frozen=True)
class Injected:
    """A signal's share, and what is found of it by two encoders.

    `clean` never saw the signal; `contaminated` was trained on `trained_with` of its events among
    the background. A score that gains nothing has a purity of the share itself.
    """

    signal: str
    share: float
    trained_with: int
    clean: Finding
    contaminated: Finding

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


def inject(
    run: Run,
    background: Background,
    signals: Mapping[str, Labelled],
    share: float,
    rate: float,
    score: ScoreKind,
    step: Step = silent,
) -> Iterator[Injected]:
    """Train a run again with a share of each signal in training and validation, and judge it.

    One half of each signal is for that, the other is sought in the judged background, of which it
    has the same share.

    Raises
    ------
    UsageError
        If the share is less than an event, or more than there are.
    """
    for done, (name, signal) in enumerate(signals.items()):
        step("injection", done, len(signals))
        seen, unseen = signal.only(slice(0, None, 2)), signal.only(slice(1, None, 2))
        mixed, used = {}, 0
        for part, clean in (("train", background.training), ("validation", background.validation)):
            wanted = round(share / (1 - share) * len(clean))
            added = seen.values[used : used + wanted]
            if len(added) < wanted or (part == "train" and not wanted):
                raise UsageError(
                    f"--inject {share:g} of {name} is {wanted} of {len(clean):,} records to train "
                    f"on; half of the signal is for that, {len(seen):,} records, at least one of "
                    "which must be used: choose another share, or give more with --signal"
                )
            mixed[part] = np.concatenate([clean.values, added])
            used += wanted
        mixed["test"] = background.judged.values
        sizes = {part: len(values) for part, values in mixed.items()}
        prepared = Prepared(sum(sizes.values()), {}, **sizes, filled=run.lacking)
        with tempfile.TemporaryDirectory() as folder:
            again = train(run.config, Path(folder), "injected", loaded=Loaded(mixed, prepared))
            found = [
                _finding(of, background.judged, unseen, share, rate, score) for of in (run, again)
            ]
        yield Injected(name, share, len(mixed["train"]) - len(background.training), *found)
    step("injection", len(signals), len(signals))


def _finding(
    run: Run, background: Labelled, signal: Labelled, share: float, rate: float, kind: ScoreKind
) -> Finding:
    autoencoder, latent = Autoencoder.of(run), run.spec.latent_type
    score = Score.exact(kind, latent)
    samples = [x.sample(score(autoencoder.latent(x.values), latent)) for x in (background, signal)]
    return Finding.of(samples[0], samples[1], share, rate)
