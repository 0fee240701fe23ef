"""`benchmark rate-distortion`: bits per record against residuals, of autoencoders and classics.

Every figure is of records decoded from real bytes. Ranges, axes and steps are learned from one half
of the records, or from an autoencoder's own training; all schemes are judged on the same others.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.bounds import Profile
from aefpga.codec.coders import CODERS, FIXED, decode, encode
from aefpga.codec.protocol import Task, quantize_within
from aefpga.codec.scalar import Scalar
from aefpga.config import USUAL_LINK_BITS, DataConfig
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.learning import learn as learn_models
from aefpga.errors import DataError, UsageError
from aefpga.evaluation.error_bounded import compress_columns, error_bounded
from aefpga.evaluation.metrics import Quality, judge
from aefpga.evaluation.plots.schemes import plot_rate_distortion
from aefpga.evaluation.quantizers import (
    FloatTruncation,
    PcaQuantizer,
    Quantizer,
    logarithmic,
    uniform,
)
from aefpga.links.learning import learn_modulo
from aefpga.normalise import Normaliser
from aefpga.progress import Step, silent
from aefpga.runs import Run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.schema import JETS, Schema

Floats = NDArray[np.float32]
Words = NDArray[np.int64]

MANTISSAS = (0, 2, 4, 5, 6, 8, 11, 23)
RELATIVE_STEPS = (0.1, 0.05, 0.02, 0.01, 0.005)
UNIFORM_BITS = (5, 8, 12)
PCA_LAYOUTS = ((10, 8), (15, 8), (19, 10))
TOLERANCES = (0.05, 0.01)
# The third is the largest error of float truncation to 5 bits.
OUR_TOLERANCES = (0.05, 0.02, 1 / 64, 0.0107, 0.01, 0.001)
# Of these the second has the residuals of that truncation.
LEARNED_TOLERANCES = (0.02, 0.0107, 0.005)
# What an autoencoder is fed after float truncation, in the chain that the literature proposes.
CHAIN_MANTISSA = 5
# Of the order in which jets of files are taken.
SEED = 42


@dataclass(frozen=True)
class Point:
    """One scheme at one setting: its size with each coder, and its residuals."""

    scheme: str
    family: str
    bits_per_record: Mapping[str, float]
    quality: Quality

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "scheme": self.scheme,
            "family": self.family,
            "bits_per_record": dict(self.bits_per_record),
            "quality": self.quality.to_dict(),
        }


@dataclass(frozen=True)
class Comparison:
    """What was measured, and the schemes that could not be, each with the reason."""

    points: Sequence[Point]
    left_out: Mapping[str, str]


class AutoencoderQuantizer:
    """A run's encoder and decoder: latent words as the firmware sends them, jets as they return.

    Parameters
    ----------
    run : Run
        A quantized run.
    truncation : FloatTruncation or None
        Rounds the jets before they enter the encoder.
    """

    def __init__(self, run: Run, truncation: FloatTruncation | None = None) -> None:
        self._autoencoder = Autoencoder.of(run)
        self._type = run.spec.sent_type
        self._truncation = truncation
        before = f"{truncation.label}, then " if truncation else ""
        self.label = f"{before}autoencoder {run.name}"

    def widths(self, n_variables: int) -> NDArray[np.int64]:
        """Return the bits of the words."""
        return np.asarray(self._type.width, np.int64)

    def to_words(self, jets: Floats) -> Words:
        """Return the words, counted from the smallest."""
        if self._truncation:
            jets = self._truncation.to_jets(self._truncation.to_words(jets))
        return np.asarray(self._autoencoder.words(jets) - self._type.min_word, np.int64)

    def to_jets(self, words: Words) -> Floats:
        """Return reconstructed jets."""
        return self._autoencoder.decode(words + self._type.min_word)


def rate_distortion(
    table: Floats,
    schema: Schema,
    runs: Sequence[Run],
    lacking: Collection[str] = (),
    *,
    step: Step = silent,
) -> Comparison:
    """Measure all schemes on the second half of the records.

    Parameters
    ----------
    table : ndarray of float32, shape (n_records, n_variables)
        In random order, physical units; the first half is for learning ranges.
    schema : Schema
        The columns.
    runs : sequence of Run
        Quantized runs with these variables.
    lacking : collection of str
        Columns that the data never had: sent by all, judged nowhere.
    step : Step
        Told how far it is.

    Raises
    ------
    UsageError
        If a run has other variables, or no fixed-point encoder.
    DataError
        If what a coder decodes is not what it encoded.
    """
    for run in runs:
        if not run.is_quantized:
            raise UsageError(f"run {run.name} is float only; train with --quantize")
        if run.spec.input.variables != schema.names:
            raise UsageError(
                f"run {run.name} takes {len(run.spec.input.variables)} variables, the "
                f"{schema.name} have {len(schema)}: choose runs and --variables of one set"
            )
    learn, judged = np.split(table, [len(table) // 2])
    min_max = Normaliser("min-max", schema).fit(learn)
    families: list[tuple[str, Quantizer]] = [*_autoencoders(runs)]
    left_out = {}
    learned, kept = np.split(learn, [len(learn) * 4 // 5])
    try:
        modulo = learn_modulo(learned, kept, schema, USUAL_LINK_BITS)
        families.append(("modulo words", modulo))
    except UsageError as error:
        left_out["modulo words"] = str(error)
    families += _classics(learn, schema)

    def quality_of(back: Floats) -> Quality:
        return judge(judged, back, schema, min_max, lacking)

    points = []
    for done, (family, quantizer) in enumerate(families):
        step("schemes", done, len(families) + 1)
        words, widths = quantizer.to_words(judged), quantizer.widths(len(schema))
        sizes = {}
        for coder in CODERS:
            data = encode(words, widths, coder)
            decoded = decode(data, widths, coder, len(judged))
            if not np.array_equal(decoded, words):
                raise DataError(f"{quantizer.label}: {coder} does not decode to what it encoded")
            sizes[coder] = 8 * len(data) / len(judged)
        back = quantizer.to_jets(decoded)
        points.append(Point(quantizer.label, family, sizes, quality_of(back)))
    normaliser = Normaliser("natural", schema).fit(learn)
    for name, codec in error_bounded().items():
        for tolerance in TOLERANCES:
            size, back = compress_columns(codec, judged, schema, normaliser, tolerance)
            sizes = {name: 8 * size / len(judged)}
            points.append(Point(f"{name}, {tolerance:.0%} bound", name, sizes, quality_of(back)))
    for level, tolerances in (("fast", OUR_TOLERANCES), ("best", LEARNED_TOLERANCES)):
        for tolerance in tolerances:
            quantization = Scalar(Task(schema, profile=Profile.relative(tolerance)))
            bits, back = _bounded(quantization, level, learn, judged)
            family = f"compress --scalar --level {level}"
            label = f"{family}, {tolerance:.2%} bound"
            points.append(Point(label, family, {"rANS": bits}, quality_of(back)))
    step("schemes", len(families) + 1, len(families) + 1)
    return Comparison(points, left_out)


def _bounded(
    quantization: Scalar, level: str, learn: Floats, judged: Floats
) -> tuple[float, Floats]:
    """Return bits per record of `compress --scalar`, and the records that its bytes decode to."""
    alone, coder = np.ones(len(judged), np.int64), quantization.coders["steps"]
    if level == "best":
        sample = quantization.quantize(learn).tables["steps"], np.ones(len(learn), np.int64)
        scheme = quantization.schemes["steps"]
        coder = Conditional(scheme, learn_models(scheme, [sample]))
    made = quantize_within(quantization, judged)
    data = coder.encode(made.tables["steps"], alone)
    back = quantization.restore({"steps": coder.decode(data, alone)})
    # A value that is kept costs its place and itself. What was learned counts as little as the
    # weights of an autoencoder do.
    back[made.exact] = judged[made.exact]
    return 8 * (len(data) + 8 * int(made.exact.sum())) / len(judged), back


def records_to_judge(
    runs: Sequence[Run],
    inputs: Sequence[str] | None = None,
    collection: str | None = None,
    variables: str | None = None,
    record: Schema = JETS,
    *,
    most: int,
    step: Step = silent,
) -> tuple[Floats, Schema, tuple[str, ...]]:
    """Return records in random order, their schema, and which of its variables they lack.

    Of files, else of the first run's test, else the embedded sample. Without runs, columns that
    files lack are left out.

    Raises
    ------
    UsageError
        If there are no inputs, and there is no embedded sample of that record.
    """
    from aefpga.data.sample import sample_path
    from aefpga.workflow.selection import selected_records

    if runs and not inputs:
        return runs[0].test_records[:most], runs[0].schema, runs[0].lacking
    of_run = runs[0] if runs and not variables else None
    record = of_run.config.data.record if of_run else record
    schema = of_run.schema if of_run else record.choose(variables)
    files = list(inputs or [str(sample_path(schema.name))])
    data = DataConfig(collection=collection, record=record)
    kept, _ = selected_records(files, schema, data, step)
    if not runs:
        kept = kept.select(n for n in kept.names if n not in kept.filled)
    order = np.random.default_rng(SEED).permutation(len(kept))[:most]
    return kept.values[order], kept.schema, kept.filled


def draw(points: Sequence[Point], folder: Path) -> None:
    """Draw one picture for links, at a fixed rate, and one for files, with the best coder."""
    fixed: dict[str, list[tuple[float, Quality]]] = {}
    best: dict[str, list[tuple[float, Quality]]] = {}
    for point in points:
        if FIXED in point.bits_per_record:
            fixed.setdefault(point.family, []).append((point.bits_per_record[FIXED], point.quality))
        least = min(point.bits_per_record.values())
        best.setdefault(point.family, []).append((least, point.quality))
    plot_rate_distortion(fixed, "bits per record, fixed rate", folder / "fixed-rate.png")
    plot_rate_distortion(best, "bits per record, best compressor", folder / "compressed.png")


def _autoencoders(runs: Sequence[Run]) -> Iterator[tuple[str, Quantizer]]:
    """Yield family and quantizer of each run, alone and after float truncation."""
    for run in runs:
        yield "autoencoder", AutoencoderQuantizer(run)
        chained = AutoencoderQuantizer(run, FloatTruncation(CHAIN_MANTISSA))
        yield "truncation, then autoencoder", chained


def _classics(jets: Floats, schema: Schema) -> Iterator[tuple[str, Quantizer]]:
    """Yield family and quantizer, fitted to training jets where there is something to fit."""
    for mantissa in MANTISSAS:
        yield "float truncation", FloatTruncation(mantissa)
    for relative in RELATIVE_STEPS:
        yield "logarithmic", logarithmic(relative, schema, jets)
    for bits in UNIFORM_BITS:
        yield "uniform", uniform(bits, schema, jets)
    normaliser = Normaliser("physics", schema).fit(jets)
    for components, bits in PCA_LAYOUTS:
        if components < normaliser.n_columns:
            yield "PCA", PcaQuantizer(components, bits, normaliser, jets)
