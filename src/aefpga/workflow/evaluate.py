"""`evaluate`: reconstructed records judged, beside float truncation."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.coders import FIXED, decode, encode
from aefpga.decoding import Decoded
from aefpga.errors import DataError, ToolError, UsageError
from aefpga.evaluation.cells.judge import CellsJudgement
from aefpga.evaluation.histograms import Histograms, count_variables, count_words
from aefpga.evaluation.metrics import Quality, eta_bins, judge, pt_bins
from aefpga.evaluation.physics import Physics, judge_physics
from aefpga.evaluation.plots.cells import plot_cell_distances, plot_cells
from aefpga.evaluation.plots.correlation import plot_correlation
from aefpga.evaluation.plots.distributions import plot_distributions
from aefpga.evaluation.plots.encoder import plot_occupancy
from aefpga.evaluation.plots.front import plot_front
from aefpga.evaluation.plots.residuals import plot_residuals
from aefpga.evaluation.plots.resolution import plot_resolution
from aefpga.evaluation.plots.training import plot_learning_curve
from aefpga.evaluation.saturation import Saturation
from aefpga.evaluation.truncation import nearest_compressed, nearest_fixed
from aefpga.evaluation.verdicts import Likeness, Named, Worth
from aefpga.files import write_json
from aefpga.fixedpoint import Emulator, EncoderSpec
from aefpga.progress import Step, silent
from aefpga.runs import Run, layout
from aefpga.runs.autoencoder import Autoencoder, FloatAutoencoder
from aefpga.schema import JETS, Schema
from aefpga.workflow.judged_cells import judged_cells

Floats = NDArray[np.float32]
FLOAT, QUANTIZED, C_SIMULATION = "float model", "quantized model", "C simulation"
# What the run itself is, without the twin.
OWN = (FLOAT, QUANTIZED)


@dataclass(frozen=True)
class Evaluation:
    """Every scheme's quality on the same records, and the bits per record that each sends.

    `likeness` compares them with the run's own test records, None where they are the same; `worth`
    is None for a float model, or where no record enters the first headline residual; `named` is
    what the decoder knows of being wrong, None where it cannot tell. `saturated_words` is None for
    a float model. `lacking` are variables that the data never had: they are judged nowhere. `cells`
    is None of records without a shape. `folder` has figures and plots.
    """

    records: int
    schema: Schema
    likeness: Likeness | None
    worth: Worth | None
    named: Named | None
    qualities: Mapping[str, Quality]
    physics: Mapping[str, Physics]
    cells: CellsJudgement | None
    bits_per_record: Mapping[str, float]
    saturated_inputs: Mapping[str, int]
    saturated_words: Saturation | None
    lacking: Sequence[str]
    notes: Sequence[str]
    folder: Path

    @property
    def model(self) -> str:
        """The scheme that is judged, beside the others."""
        return QUANTIZED if QUANTIZED in self.qualities else FLOAT

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content, verdicts first."""
        beside = self.cells and self.cells.beside(self.model)
        return {
            "likeness": self.likeness and self.likeness.to_dict(),
            "worth": self.worth and self.worth.to_dict(),
            "named": self.named and self.named.to_dict(),
            "beside": beside and vars(beside),
            "records": self.records,
            "record": self.schema.name,
            "model": self.model,
            "bits_per_record": dict(self.bits_per_record),
            "saturated_inputs": dict(self.saturated_inputs),
            "saturated_words": self.saturated_words and self.saturated_words.to_dict(),
            "lacking": list(self.lacking),
            "notes": list(self.notes),
            **(_bins() if _has_momentum(self.schema) else {}),
            "schemes": {name: quality.to_dict() for name, quality in self.qualities.items()},
            "physics": {name: physics.to_dict() for name, physics in self.physics.items()},
            "cells": self.cells and self.cells.to_dict(),
        }


def evaluate(
    run: Run,
    *,
    inputs: Sequence[str] = (),
    collection: str | None = None,
    kind: str | None = None,
    max_records: int | None = None,
    step: Step = silent,
) -> Evaluation:
    """Judge a run's reconstructed test records, beside float truncation; keep figures and plots.

    With `inputs`, other records are judged, into a folder of their own below the run's: single
    objects of a `kind` (``e``, ``mu`` or ``g``) in files of events, as jets, where that is given.

    The float model runs in onnxruntime, the quantized one as QKeras (where it is installed) and as
    hls4ml's C simulation (where that and g++ are), both decoded by the ONNX decoder.

    Raises
    ------
    DataError
        If there are none of the run's variables in `inputs`.
    """
    table, lacking = run.test_records[:max_records], set(run.lacking)
    folder, likeness = run.folder, None
    if inputs:
        if kind is None:
            table, filled = _other_records(run, inputs, collection, max_records, step)
        else:
            table, filled = _single_objects(run, inputs, kind, max_records), ()
        lacking |= set(filled)
        name = Path(inputs[0]).stem + ("" if kind is None else f"-{kind}")
        folder = run.folder / layout.EVALUATIONS / name
    judged = [i for i, name in enumerate(run.schema.names) if name not in lacking]
    if not judged:
        raise DataError(f"there are none of the variables of run {run.name} in {inputs[0]}")
    schema = run.schema.select(run.schema.names[i] for i in judged)
    if inputs:
        likeness = Likeness.of(run.test_records[:, judged], table[:, judged], schema)
    notes: list[str] = []
    schemes, bits, named = _reconstructed(run, table, lacking, notes, step)
    target = next(reversed(bits))
    step("reconstructing", 2, 3)
    for label, size, back in _truncated(table[:, judged], bits[target], notes):
        schemes[label], bits[label] = table.copy(), size
        schemes[label][:, judged] = back
    qualities = {
        name: judge(table, back, run.schema, run.normaliser.min_max_, lacking)
        for name, back in schemes.items()
    }
    kept, schemes = table[:, judged], {n: back[:, judged] for n, back in schemes.items()}
    cells = judged_cells(
        schema, kept, {n: (schemes[n], bits[n]) for n in bits if n in OWN}, bits[target], notes
    )
    result = Evaluation(
        records=len(table),
        schema=schema,
        likeness=likeness,
        worth=Worth.of(target, qualities[target], bits[target], kept, schema)
        if run.is_quantized and cells is None
        else None,
        named=named,
        qualities=qualities,
        physics={n: judge_physics(kept, schemes[n], schema, q) for n, q in qualities.items()},
        cells=None if cells is None else cells.judgement,
        bits_per_record=bits,
        saturated_inputs=run.spec.input.saturated(table) if run.is_quantized else {},
        saturated_words=_saturation(run.spec, table) if run.is_quantized else None,
        lacking=tuple(n for n in run.schema.names if n in lacking),
        notes=notes,
        folder=folder,
    )
    write_json(folder / layout.METRICS, result.to_dict())
    words = Autoencoder.of(run).words(table) if run.is_quantized else None
    counted = _counted(run, words, kept, schemes, result)
    write_json(folder / layout.HISTOGRAMS, counted.to_dict())
    _plot(run, words, kept, schemes, result)
    if cells is not None:
        plot_cells(cells, folder / layout.PLOTS / "cells.png")
        plot_cell_distances(cells.judgement, folder / layout.PLOTS / "distances.png")
    step("reconstructing", 3, 3)
    return result


def _bins() -> dict[str, Any]:
    return {
        name: [[low, high if np.isfinite(high) else None] for low, high in edges]
        for name, edges in (("pt_bins_gev", pt_bins()), ("abs_eta_bins", eta_bins()))
    }


def _has_momentum(schema: Schema) -> bool:
    return schema.momentum is not None and schema.holds(schema.momentum.pt, schema.momentum.eta)


def _other_records(
    run: Run, inputs: Sequence[str], collection: str | None, most: int | None, step: Step
) -> tuple[Floats, tuple[str, ...]]:
    """Return the records of files, selected as the run's own were, and what the files lack."""
    from aefpga.workflow.selection import selected_records

    data = run.config.data.model_copy(update={"collection": collection, "max_jets": None})
    records, _ = selected_records(inputs, run.schema, data, step)
    return records.values[:most], records.filled


def _single_objects(run: Run, inputs: Sequence[str], kind: str, most: int | None) -> Floats:
    """Return the objects of a kind in files of events as records of a run of jets."""
    from aefpga.data.reader import read_records
    from aefpga.data.single import as_jets, columns_of

    if run.config.data.record.name != JETS.name:
        raise UsageError(
            f"--object shows single particles to a run of jets, run {run.name} is of "
            f"{run.schema.name}"
        )
    events = read_records(inputs, columns_of(kind))
    return as_jets(events, kind, run.schema, np.median(run.test_records, axis=0)).values[:most]


def _reconstructed(
    run: Run, table: Floats, lacking: set[str], notes: list[str], step: Step
) -> tuple[dict[str, Floats], dict[str, float], Named | None]:
    """Return what each implementation of the autoencoder makes of records, and its bits.

    And what its decoder knows of being wrong, if it can tell.
    """
    step("reconstructing", 0, 3)
    schemes: dict[str, Floats] = {}
    bits: dict[str, float] = {}
    if run.has_float_model:
        float_model = replace(FloatAutoencoder.of(run), lacking=lacking)
        schemes[FLOAT] = float_model.reconstruct(table)
        bits[FLOAT] = 32.0 * run.config.model.n_latent
    step("reconstructing", 1, 3)
    if not run.is_quantized:
        return schemes, bits, None
    autoencoder = replace(Autoencoder.of(run), lacking=lacking)
    # A search behind words takes its time, and the implementations agree.
    decoded: dict[bytes, Decoded] = {}
    for name, latent in _latent_words(run, run.spec.input.to_words(table), notes, step).items():
        words = latent.tobytes()
        if words not in decoded:
            decoded[words] = autoencoder.decode_naming(run.spec.sent(table, latent))
        schemes[name], bits[name] = decoded[words].values, float(run.spec.bits_per_jet)
    improbable, rounded = decoded[words].improbable, autoencoder.rounded(table)
    if improbable is None or rounded is None:
        return schemes, bits, None
    wrong = (decoded[words].values != rounded).any(axis=1)
    return schemes, bits, Named.of(improbable, np.asarray(wrong))


def _latent_words(
    run: Run, words: NDArray[np.int64], notes: list[str], step: Step
) -> dict[str, NDArray[np.int64]]:
    """Return the latent words of each implementation of the encoder that can run here."""
    from aefpga.firmware.hls import CSimulation
    from aefpga.trainers.registry import reference

    found: dict[str, NDArray[np.int64]] = {}
    try:
        found[QUANTIZED] = reference(run)(words)
    except ToolError as error:
        notes.append(f"{QUANTIZED}: the integer emulator stands in for it: {error}")
        found[QUANTIZED] = Emulator(run.spec)(words)
    # Of a large encoder g++ takes a minute.
    step(C_SIMULATION, 0, 1, "g++ compiles it")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            found[C_SIMULATION] = CSimulation(run.spec, Path(scratch) / "hls")(words)
    except ToolError as error:
        notes.append(f"no {C_SIMULATION}: {error}")
    step(C_SIMULATION, 1, 1)
    return found


def _truncated(
    table: Floats, target: float, notes: list[str]
) -> Iterator[tuple[str, float, Floats]]:
    """Yield name, bits per record and records of truncation near a number of bits per record."""
    n_variables = table.shape[1]
    fixed, compressed = nearest_fixed(n_variables, target), nearest_compressed(table, target)
    for label, truncation, coder in (
        ("truncation, fixed rate", fixed, FIXED),
        ("truncation + LZMA", compressed, "LZMA"),
    ):
        widths = truncation.widths(n_variables)
        data = encode(truncation.to_words(table), widths, coder)
        back = truncation.to_jets(decode(data, widths, coder, len(table)))
        notes.append(f"{label}: float32 with {truncation.mantissa} of 23 mantissa bits")
        yield label, 8 * len(data) / len(table), back


def _saturation(spec: EncoderSpec, records: Floats) -> Saturation:
    return Saturation.of(Emulator(spec).saturated(spec.input.to_words(records)))


def _without_twins(schemes: Mapping[str, Floats]) -> dict[str, Floats]:
    """Leave out the C simulation: it equals the quantized model, which its curve would hide."""
    return {n: s for n, s in schemes.items() if n != C_SIMULATION}


def _counted(
    run: Run,
    words: NDArray[np.int64] | None,
    kept: Floats,
    schemes: Mapping[str, Floats],
    result: Evaluation,
) -> Histograms:
    of_words = () if words is None else count_words(words, run.spec.sent_type)
    variables = count_variables(kept, _without_twins(schemes), result.model, result.schema)
    return Histograms(result.model, variables, of_words)


def _plot(
    run: Run,
    words: NDArray[np.int64] | None,
    kept: Floats,
    schemes: Mapping[str, Floats],
    result: Evaluation,
) -> None:
    schema, model, plots = result.schema, result.model, result.folder / layout.PLOTS
    shown = _without_twins(schemes)
    drawn = schema if result.cells is None else schema.select(schema.shown)
    columns = [schema.index(name) for name in drawn.names]
    few = {name: back[:, columns] for name, back in shown.items()}
    plot_distributions(kept[:, columns], few[model], model, drawn, plots / "inputs.png")
    plot_residuals(kept[:, columns], few, model, drawn, plots / "residuals.png")
    if _has_momentum(schema):
        qualities = {n: result.qualities[n] for n in shown}
        plot_resolution(qualities, schema, plots / "resolution.png")
    plot_correlation(kept, schemes[model], schema, plots / "correlation.png")
    if words is not None:
        plot_occupancy(words, run.spec.sent_type, schema.name, plots / "latents.png")
    normalisation = run.config.data.normalisation
    plot_learning_curve(run.history, normalisation, plots / "learning_curve.png")
    if run.front is not None:
        plot_front(run.front, normalisation, plots / "front.png")
