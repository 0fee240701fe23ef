"""`activity`: which neurons work, before and after quantization, and what pruning would save."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.plots.encoder import plot_activity
from aefpga.files import write_json
from aefpga.fixedpoint import Emulator, EncoderSpec
from aefpga.fixedpoint.activity import INPUTS, LayerActivity, activity, living, pruned
from aefpga.fixedpoint.example import adversarial_words
from aefpga.progress import Step, silent
from aefpga.runs import Run, layout


@dataclass(frozen=True)
class Pruning:
    """What the encoder costs with and without its silent neurons, in da4ml's estimate.

    `same_words` is the share of adversarial words that the pruned encoder still computes; of the
    jets' words it computes all. `same_jets` is the share of jets whose words stay the same where
    the silent neurons are those of other jets: of one half of them, for the other.
    """

    silent: int
    neurons: int
    lut_before: float
    lut_after: float
    same_words: float
    same_jets: float

    @property
    def saved(self) -> float:
        """Share of the LUTs that pruning saves."""
        return 1 - self.lut_after / self.lut_before if self.lut_before else 0.0


@dataclass(frozen=True)
class ActivityReport:
    """Activity of every layer; `quantized` and `pruning` are missing for a float-only run."""

    jets: int
    variables: Sequence[str]
    float_model: Sequence[LayerActivity]
    quantized: Sequence[LayerActivity] | None
    pruning: Pruning | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


def judge_activity(run: Run, *, max_jets: int | None = None, step: Step = silent) -> ActivityReport:
    """Measure the activity of a run's encoder on its test jets; keep `activity.json` and a plot."""
    from aefpga.networks.network import read_network

    jets, model = run.test_records[:max_jets], run.config.model
    values = run.input.scaled(jets)
    float_model = [LayerActivity.of(INPUTS, values)]
    layers = () if model.is_linear else read_network(run.folder / layout.FLOAT_MODEL).layers
    for name, layer in zip(model.hidden_names, layers, strict=False):
        values = layer(values)
        float_model.append(LayerActivity.of(name, values))
    quantized = pruning = None
    if run.is_quantized:
        quantized = activity(run.spec, run.spec.input.to_words(jets))
        pruning = _pruning(run, jets, quantized, step)
    report = ActivityReport(len(jets), run.input.variables, float_model, quantized, pruning)
    write_json(run.folder / layout.ACTIVITY, report.to_dict())
    plot_activity(
        report.float_model,
        report.quantized,
        run.schema.name,
        run.folder / layout.PLOTS / "activity.png",
    )
    return report


def _pruning(
    run: Run, jets: NDArray[np.float32], layers: Sequence[LayerActivity], step: Step
) -> Pruning:
    from aefpga.firmware.rtl import estimated_luts

    hidden = [x for x in layers if x.name != INPUTS]
    smaller = pruned(run.spec, living(layers))
    words = adversarial_words(run.spec)
    same = Emulator(smaller)(words) == Emulator(run.spec)(words)
    step("da4ml", 0, 2)
    before = estimated_luts(run.spec)
    step("da4ml", 1, 2)
    after = estimated_luts(smaller) if any(x.silent for x in hidden) else before
    step("da4ml", 2, 2)
    return Pruning(
        silent=sum(x.silent for x in hidden),
        neurons=sum(len(x.firing) for x in hidden),
        lut_before=before,
        lut_after=after,
        same_words=float(np.mean(same)),
        same_jets=_same_of_unseen(run.spec, run.spec.input.to_words(jets)),
    )


def _same_of_unseen(spec: EncoderSpec, words: NDArray[np.int64]) -> float:
    """Return the share of the second half's records that keep all words, pruned by the first."""
    seen, unseen = np.array_split(words, 2)
    smaller = pruned(spec, living(activity(spec, seen)))
    same = Emulator(smaller)(unseen) == Emulator(spec)(unseen)
    return float(same.all(axis=1).mean())
