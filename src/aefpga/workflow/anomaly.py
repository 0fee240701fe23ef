"""`anomaly`: scores of a run judged by signals, and the trigger that gives a rate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from aefpga.choices import ScoreKind
from aefpga.errors import ToolError, UsageError
from aefpga.evaluation.anomaly.baselines import simple_scores, supervised
from aefpga.evaluation.anomaly.improvement import Summary, best_improvement, summarise
from aefpga.evaluation.anomaly.judge import RATES, Found, Scored
from aefpga.evaluation.anomaly.threshold import Threshold, find_threshold
from aefpga.evaluation.anomaly.weighted import Share, composition
from aefpga.evaluation.plots.anomaly import plot_anomaly
from aefpga.files import write_json
from aefpga.fixedpoint import EncoderSpec, Score, Trigger
from aefpga.progress import Step, silent
from aefpga.runs import Run, layout, set_trigger
from aefpga.runs.autoencoder import Autoencoder
from aefpga.runs.divergence import divergence
from aefpga.workflow.anomaly_samples import Background, Labelled, background_of, signals_of
from aefpga.workflow.injection import Injected, inject

Scores = NDArray[Any]
# Beside the names of signals, which files choose.
BACKGROUND = ""
FIRMWARE, OFFLINE, SIMPLE, SUPERVISED = "firmware", "offline", "no network", "supervised"
TITLES: Mapping[ScoreKind, str] = {
    "absolutes": "sum of absolutes",
    "squares": "sum of squares",
    "largest": "largest",
}
RECONSTRUCTION, DIVERGENCE, CEILING = "reconstruction error", "divergence", "boosted trees"


@dataclass(frozen=True)
class AnomalyReport:
    """What a run's scores find, and the trigger that was written into its specification.

    Parameters
    ----------
    run : str
        Its name.
    record : str
        What is judged.
    background : str
        Which background.
    events, effective : int, float
        Its size, and the number of events of equal weight that is as good.
    score : str
        The firmware's score, a kind of `Score`.
    threshold : Threshold
        Its threshold, with rates.
    saturated : Share
        Share of accepted background in which a latent word is at an end of its range.
    processes, accepted : Mapping of str to Share
        What the background is made of, all of it, and what passes the threshold.
    kinds : Mapping of str to str
        Of each score, where it is computed.
    scored : Mapping of str to Scored
        Scores and their values.
    found : Mapping of str to Mapping of str to Found
        Of each score, what it finds of each signal.
    passing : Mapping of str to Share
        Of each signal, what passes the threshold.
    summaries : Mapping of str to Summary
        Of each score, the summary of the DarkMachines challenge.
    injected : sequence of Injected
        What is found of a share of signal.
    notes : sequence of str
        What is missing or doubtful, and why.
    """

    rates: ClassVar = RATES

    run: str
    record: str
    background: str
    events: int
    effective: float
    score: ScoreKind
    threshold: Threshold
    saturated: Share | None
    processes: Mapping[str, Share]
    accepted: Mapping[str, Share]
    kinds: Mapping[str, str]
    scored: Mapping[str, Scored]
    found: Mapping[str, Mapping[str, Found]]
    passing: Mapping[str, Share]
    summaries: Mapping[str, Summary]
    injected: Sequence[Injected] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals."""
        return tuple(self.passing)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content, what is doubtful first."""
        thresholds, rates = self.scored[TITLES[self.score]].rates()
        return {
            "verdict": self.threshold.sentence,
            "is_rough": self.threshold.is_rough,
            "notes": list(self.notes),
            "run": self.run,
            "record": self.record,
            "background": {
                "source": self.background,
                "events": self.events,
                "effective_events": self.effective,
                "processes": {name: vars(x) for name, x in self.processes.items()},
            },
            "trigger": {
                "score": self.score,
                **asdict(self.threshold),
                "saturated_share_of_accepted": self.saturated and vars(self.saturated),
                "accepted": {name: vars(x) for name, x in self.accepted.items()},
                "signals": {name: vars(x) for name, x in self.passing.items()},
                "rates": {"thresholds": thresholds.tolist(), "rates": rates.tolist()},
            },
            "scores": {
                name: {
                    "computed": self.kinds[name],
                    "total_improvement": vars(self.summaries[name])
                    if name in self.summaries
                    else None,
                    "best_improvements": {
                        signal: best_improvement(x.efficiencies) for signal, x in found.items()
                    },
                    "signals": {signal: x.to_dict() for signal, x in found.items()},
                }
                for name, found in self.found.items()
            },
            "injected": [x.to_dict() for x in self.injected],
        }


def anomaly(
    run: Run,
    *,
    rate: float,
    score: ScoreKind = "absolutes",
    inputs: Sequence[str] = (),
    signals: Sequence[str] = (),
    collection: str | None = None,
    shares: Sequence[float] = (),
    channels: Sequence[Run] = (),
    step: Step = silent,
) -> AnomalyReport:
    """Judge a run's scores of anomalies, and give its encoder a trigger of a background rate.

    Parameters
    ----------
    run : Run
        A quantized run.
    rate : float
        Share of the background that the trigger lets pass, at most.
    score : {"absolutes", "squares", "largest"}
        What the firmware makes of the latent words.
    inputs : sequence of str
        Background in place of the run's own test split.
    signals : sequence of str
        Files of signals; none: the embedded ones.
    collection : str or None
        Of all these files.
    shares : sequence of float
        Shares of signal to mix into the background and the training, see `inject`.
    channels : sequence of Run
        Runs of other channels of the same signals, judged before.

    Raises
    ------
    UsageError
        If the run has no words, or only saturated words reach the threshold.
    DataError
        If the background is too small for the rate.
    """
    if not 0 < rate < 1:
        raise UsageError(f"--rate {rate:g}: a share of the background, above 0 and below 1")
    if wrong := [x for x in shares if not 0 < x < 1]:
        raise UsageError(f"--inject {wrong[0]:g}: a share of signal, above 0 and below 1")
    elsewhere = [_best_elsewhere(channel) for channel in channels]
    if not run.is_quantized:
        raise UsageError(
            f"run {run.name} has no words to make a score of; train with --quantize 8bit"
        )
    background = background_of(run, inputs, collection, step)
    found_signals = signals_of(run, signals, collection, step)
    notes: list[str] = []
    step("scores", 0, 3)
    title, judged, encode = TITLES[score], background.judged, Autoencoder.of(run).latent
    latents = {n: encode(x.values) for n, x in {BACKGROUND: judged, **found_signals}.items()}
    kinds, scored = _scored(run, background, found_signals, latents)
    step("scores", 1, 3)
    chosen = Score.exact(score, run.spec.latent_type)
    of_score = scored[title]
    threshold = find_threshold(of_score.background, rate, _saturated_score(run.spec, chosen))
    passes = of_score.background.scores >= threshold.chosen.threshold
    found = {name: x.judged() for name, x in scored.items()}
    step("scores", 2, 3)
    try:
        found[CEILING], kinds[CEILING] = _ceiling(run, background, found_signals), SUPERVISED
    except ToolError as error:
        notes.append(f"no {CEILING}: {error}")
    step("scores", 3, 3)
    notes += doubts(title, found, kinds)
    report = AnomalyReport(
        run=run.name,
        record=run.schema.name,
        background=background.source,
        events=len(judged),
        effective=of_score.background.effective,
        score=score,
        threshold=threshold,
        saturated=_saturated(run.spec, judged.only(passes), latents[BACKGROUND][passes]),
        processes=composition(judged.processes, judged.weights, np.ones(len(judged), bool)),
        accepted=composition(judged.processes, judged.weights, passes),
        kinds=kinds,
        scored=scored,
        found=found,
        passing={
            name: sample.above(threshold.chosen.threshold - 1)
            for name, sample in of_score.signals.items()
        },
        summaries=_summaries(found, elsewhere),
        injected=[
            injected
            for share in shares
            for injected in inject(run, background, found_signals, share, rate, score, step)
        ],
        notes=notes,
    )
    plot_anomaly(
        report.scored, report.found, TITLES[score], threshold, folder=run.folder / layout.PLOTS
    )
    set_trigger(run, Trigger(chosen, threshold.chosen.threshold))
    write_json(run.folder / layout.ANOMALY, report.to_dict())
    return report


def firmware_scores(spec: EncoderSpec, words: NDArray[np.int64]) -> dict[str, Scores]:
    """Return every score that firmware can make of latent words, by its title."""
    return {
        TITLES[kind]: Score.exact(kind, spec.latent_type)(words, spec.latent_type)
        for kind in get_args(ScoreKind)
    }


def _scored(
    run: Run,
    background: Background,
    signals: Mapping[str, Labelled],
    latents: Mapping[str, NDArray[np.int64]],
) -> tuple[dict[str, str], dict[str, Scored]]:
    """Return all scores of background and signals, and where each is computed."""
    judged = {BACKGROUND: background.judged, **signals}
    scores: dict[str, dict[str, Scores]] = {}
    kinds: dict[str, str] = {}
    autoencoder = Autoencoder.of(run)
    for name, labelled in judged.items():
        latent = latents[name]
        words = run.spec.sent(labelled.values, latent)
        groups: dict[str, Mapping[str, Scores]] = {
            FIRMWARE: firmware_scores(run.spec, latent),
            OFFLINE: _offline(run, autoencoder, labelled.values, words),
            SIMPLE: simple_scores(run.schema, labelled.values, background.training.values),
        }
        for kind, group in groups.items():
            for title, values in group.items():
                kinds[title] = kind
                scores.setdefault(title, {})[name] = values
    processes = background.judged.processes
    scored = {
        title: Scored(
            background.judged.sample(values.pop(BACKGROUND)),
            processes,
            {name: judged[name].sample(x) for name, x in values.items()},
        )
        for title, values in scores.items()
    }
    return kinds, scored


def _offline(
    run: Run, autoencoder: Autoencoder, records: NDArray[np.float32], words: NDArray[np.int64]
) -> dict[str, Scores]:
    """Return the scores that need more than the latent words."""
    original, back = map(run.normaliser.transform, (records, autoencoder.decode(words)))
    found = {RECONSTRUCTION: np.square(original - back, dtype=np.float64).mean(axis=1)}
    of_prior = divergence(run, records)
    return found if of_prior is None else {**found, DIVERGENCE: of_prior}


def _ceiling(run: Run, background: Background, signals: Mapping[str, Labelled]) -> dict[str, Found]:
    """Return what trees find that have seen one half of each signal; judged is the other."""
    found, training = {}, background.training
    for name, signal in signals.items():
        seen, unseen = signal.only(slice(0, None, 2)), signal.only(slice(1, None, 2))
        trees = supervised(training.values, training.weights, seen.values, run.config.training.seed)
        judged, sought = (x.sample(trees(x.values)) for x in (background.judged, unseen))
        found[name] = Found.of(judged, sought)
    return found


def doubts(
    title: str, found: Mapping[str, Mapping[str, Found]], kinds: Mapping[str, str]
) -> list[str]:
    """Return what speaks against the firmware's score: chance, and scores without any network."""
    areas = {name: {s: x.auc.value for s, x in of.items()} for name, of in found.items()}
    own, said = areas[title], []
    if worse := [signal for signal, area in own.items() if area < 0.5]:
        said.append(
            f"the {title} is worse than chance, an AUC below 0.5, for {', '.join(worse)}: what is "
            "usual is not at zero in the latent words of this run; `aefpga train --config anomaly` "
            "trains for such scores"
        )
    simple = [areas[name] for name, kind in kinds.items() if kind == SIMPLE]
    if beaten := [signal for signal in own if any(x[signal] > own[signal] for x in simple)]:
        said.append(
            f"scores without any network have a larger AUC than the {title} for {', '.join(beaten)}"
        )
    return said


def _saturated_score(spec: EncoderSpec, score: Score) -> int:
    """Return the score of latent words that are as far from zero as they can be."""
    latent = spec.latent_type
    farthest = np.where(-latent.min > latent.max, latent.min_word, latent.max_word)
    return int(score(farthest[None], latent)[0])


def _saturated(spec: EncoderSpec, accepted: Labelled, words: NDArray[np.int64]) -> Share | None:
    """Return the share of records with a latent word at an end; None if there are none."""
    if not len(accepted):
        return None
    latent = spec.latent_type
    at_end = ((words == latent.min_word) | (words == latent.max_word)).any(axis=1)
    return accepted.sample(at_end.astype(np.int64)).above(0)


def _summaries(
    found: Mapping[str, Mapping[str, Found]],
    elsewhere: Sequence[Mapping[str, Mapping[str, float | None]]],
) -> dict[str, Summary]:
    """Return the summary of each score, over these signals and those of other channels."""
    summaries = {}
    for title, of_signals in found.items():
        here = {name: best_improvement(x.efficiencies) for name, x in of_signals.items()}
        best = [here, *(channel.get(title, {}) for channel in elsewhere)]
        known = [{n: x for n, x in one.items() if x is not None} for one in best]
        if (summary := summarise(known)) is not None:
            summaries[title] = summary
    return summaries


def _best_elsewhere(channel: Run) -> dict[str, dict[str, float | None]]:
    """Return the best improvement of each signal by each score, as an earlier report has them."""
    path = channel.folder / layout.ANOMALY
    if not path.exists():
        raise UsageError(
            f"--channel {channel.name} was not judged yet: `aefpga anomaly --run {channel.name}`"
        )
    scores = json.loads(path.read_text())["scores"]
    return {title: content["best_improvements"] for title, content in scores.items()}
