"""`evaluate`: reconstructed jets judged, beside float truncation."""

import csv
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.coders import FIXED, decode, encode
from aefpga.errors import ToolError
from aefpga.evaluation.metrics import Quality, eta_bins, judge, pt_bins
from aefpga.evaluation.physics import Physics, judge_physics, kolmogorov
from aefpga.evaluation.plots import (
    plot_correlation,
    plot_distributions,
    plot_learning_curve,
    plot_occupancy,
    plot_residuals,
    plot_resolution,
)
from aefpga.evaluation.truncation import nearest_compressed, nearest_fixed
from aefpga.files import write_json
from aefpga.fixedpoint import Emulator
from aefpga.progress import Step, silent
from aefpga.runs import Run, layout
from aefpga.runs.autoencoder import Autoencoder, FloatAutoencoder


@dataclass(frozen=True)
class Evaluation:
    """Every scheme's quality on the same test jets, and the bits per jet that each sends.

    `distance` is how far the jets are from the run's own test jets: the Kolmogorov distance of each
    variable; empty where they are the same.
    """

    jets: int
    qualities: Mapping[str, Quality]
    physics: Mapping[str, Physics]
    bits_per_jet: Mapping[str, float]
    saturated_inputs: Mapping[str, int]
    distance: Mapping[str, float]
    notes: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "jets": self.jets,
            "bits_per_jet": dict(self.bits_per_jet),
            "saturated_inputs": dict(self.saturated_inputs),
            "kolmogorov_distance_to_test_jets": dict(self.distance),
            "notes": list(self.notes),
            "pt_bins_gev": [[low, high if np.isfinite(high) else None] for low, high in pt_bins()],
            "abs_eta_bins": [
                [low, high if np.isfinite(high) else None] for low, high in eta_bins()
            ],
            "schemes": {name: quality.to_dict() for name, quality in self.qualities.items()},
            "physics": {name: physics.to_dict() for name, physics in self.physics.items()},
        }


def evaluate(
    run: Run,
    *,
    inputs: Sequence[str] = (),
    collection: str | None = None,
    max_jets: int | None = None,
    step: Step = silent,
) -> Evaluation:
    """Judge a run's reconstructed test jets, beside float truncation; keep figures and plots.

    With `inputs`, other jets are judged, into a folder of their own below the run's.

    The float model runs in onnxruntime, the quantized one as QKeras (where it is installed) and as
    hls4ml's C simulation (where that and g++ are), both decoded by the ONNX decoder.
    """
    jets, folder = run.test_records[:max_jets], run.folder
    schema, min_max = run.schema, run.normaliser.min_max_
    distance: dict[str, float] = {}
    if inputs:
        jets = _other_jets(run, inputs, collection, step)[:max_jets]
        folder = run.folder / layout.EVALUATIONS / Path(inputs[0]).stem
        columns = zip(schema.variables, run.test_records.T, jets.T, strict=True)
        distance = {v.name: kolmogorov(ours, theirs) for v, ours, theirs in columns}
    schemes: dict[str, NDArray[np.float32]] = {}
    bits: dict[str, float] = {}
    notes: list[str] = []
    step("reconstructing", 0, 3)
    schemes["float model"] = FloatAutoencoder.of(run).reconstruct(jets)
    bits["float model"] = 32.0 * run.config.model.n_latent
    saturated: dict[str, int] = {}
    if run.is_quantized:
        spec = run.spec
        words = spec.input.to_words(jets)
        saturated = spec.input.saturated(jets)
        autoencoder = Autoencoder.of(run)
        step("reconstructing", 1, 3)
        for name, latent in _latent_words(run, words, notes).items():
            schemes[name] = autoencoder.decode(latent)
            bits[name] = float(spec.bits_per_jet)
        plot_occupancy(
            Emulator(spec)(words), spec.latent_type, folder / layout.PLOTS / "latents.png"
        )
    target = bits[next(reversed(bits))]
    step("reconstructing", 2, 3)
    fixed, compressed = nearest_fixed(len(schema), target), nearest_compressed(jets, target)
    for label, truncation, coder in (
        ("truncation, fixed rate", fixed, FIXED),
        ("truncation + LZMA", compressed, "LZMA"),
    ):
        widths = truncation.widths(len(schema))
        data = encode(truncation.to_words(jets), widths, coder)
        schemes[label] = truncation.to_jets(decode(data, widths, coder, len(jets)))
        bits[label] = 8 * len(data) / len(jets)
        notes.append(f"{label}: float32 with {truncation.mantissa} of 23 mantissa bits")
    qualities = {n: judge(jets, back, schema, min_max) for n, back in schemes.items()}
    physics = {n: judge_physics(jets, schemes[n], schema, q) for n, q in qualities.items()}
    result = Evaluation(len(jets), qualities, physics, bits, saturated, distance, notes)
    write_json(folder / layout.METRICS, result.to_dict())
    _plot(run, jets, schemes, qualities, folder / layout.PLOTS)
    step("reconstructing", 3, 3)
    return result


def _other_jets(
    run: Run, inputs: Sequence[str], collection: str | None, step: Step
) -> NDArray[np.float32]:
    """Return the jets of files, with the run's variables, selected as its own were."""
    from aefpga.workflow.jets import selected_jets

    data = run.config.data.model_copy(update={"collection": collection, "max_jets": None})
    jets, _ = selected_jets(inputs, run.schema, data, step)
    return jets.values


def _latent_words(
    run: Run, words: NDArray[np.int64], notes: list[str]
) -> dict[str, NDArray[np.int64]]:
    """Return the latent words of each implementation of the encoder that can run here."""
    from aefpga.firmware.hls import CSimulation
    from aefpga.trainers.registry import reference

    found: dict[str, NDArray[np.int64]] = {}
    try:
        found["quantized model"] = reference(run)(words)
    except ToolError as error:
        notes.append(f"quantized model: the integer emulator stands in for it: {error}")
        found["quantized model"] = Emulator(run.spec)(words)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            found["C simulation"] = CSimulation(run.spec, Path(scratch) / "hls")(words)
    except ToolError as error:
        notes.append(f"no C simulation: {error}")
    return found


def _plot(
    run: Run,
    jets: NDArray[np.float32],
    schemes: Mapping[str, NDArray[np.float32]],
    qualities: Mapping[str, Quality],
    plots: Path,
) -> None:
    schema = run.schema
    # The C simulation equals the quantized model word for word: its curve would only hide it.
    shown = {n: s for n, s in schemes.items() if n != "C simulation"}
    autoencoder = next(n for n in ("quantized model", "float model") if n in schemes)
    plot_distributions(jets, {autoencoder: schemes[autoencoder]}, schema, plots / "inputs.png")
    plot_residuals(jets, shown, schema, plots / "residuals.png")
    widths = {n: qualities[n] for n in shown}
    plot_resolution(widths, schema.shown[:4], plots / "resolution.png")
    plot_correlation(jets, schemes[autoencoder], schema, plots / "correlation.png")
    with (run.folder / layout.HISTORY).open() as stream:
        history = [
            {k: v if k == "stage" else float(v) for k, v in row.items()}
            for row in csv.DictReader(stream)
        ]
    plot_learning_curve(history, plots / "learning_curve.png")
