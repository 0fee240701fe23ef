"""The verbs, as functions: train, csim, synthesize, evaluate. The command line only calls these."""

import csv
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga import __version__
from aefpga.config import RunConfig
from aefpga.data.sample import sample_path
from aefpga.errors import RunError, ToolError, UsageError
from aefpga.evaluation.metrics import Quality, judge, pt_bins
from aefpga.evaluation.plots import (
    plot_correlation,
    plot_distributions,
    plot_learning_curve,
    plot_occupancy,
    plot_residuals,
    plot_resolution,
)
from aefpga.evaluation.truncation import nearest_compressed, nearest_fixed
from aefpga.files import atomic_path, sha256_of, write_json
from aefpga.firmware.agreement import Agreement, Difference, compare_all, first_difference
from aefpga.firmware.report import SynthesisReport
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words
from aefpga.runs import Run, installed_versions, save_test_jets, seal
from aefpga.variables import variable_set

Step = Callable[[str, int, int], None]
PARTIAL = ".partial"


@dataclass(frozen=True)
class Prepared:
    """What a training would use, found out before it starts."""

    jets_read: int
    cut_pt: int
    cut_mass: int
    train: int
    validation: int
    test: int
    zeros: tuple[str, ...]


def train(
    config: RunConfig,
    runs: Path,
    name: str | None = None,
    *,
    step: Step,
    on_prepared: Callable[[Prepared], None] = lambda prepared: None,
) -> Run:
    """Train, export and seal a run; a training of the same name that was killed is continued.

    Parameters
    ----------
    config : RunConfig
        What to train on what.
    runs : Path
        Folder that holds the runs.
    name : str or None
        Name of the run; None makes one from the time and the configuration.
    step : callable
        Called as ``step(what, done, total)``.
    on_prepared : callable
        Called with what was read and selected, before training starts.
    """
    from aefpga.models.fit import fit

    name = name or f"{datetime.now():%Y%m%d-%H%M%S}-{config.label}"
    final, partial = runs / name, runs / f".{name}{PARTIAL}"
    if final.exists():
        raise UsageError(f"run {final} exists already; choose another --name or remove it")
    _claim(partial, config)
    variables = variable_set(config.data.variables)
    names = tuple(v.name for v in variables)
    parts, prepared = _load(config, names, step)
    on_prepared(prepared)

    def on_epoch(epoch: Any, planned: int) -> None:
        step(f"{epoch.stage} epochs|val {epoch.validation_loss:.2e}", epoch.epoch, planned)

    provenance = {"aefpga": __version__, "run": name, **installed_versions()}
    checkpoints = partial / "checkpoints"
    trained = fit(
        parts["train"], parts["validation"], variables, config, checkpoints, on_epoch, provenance
    )
    _export(trained, config, partial)
    save_test_jets(partial, names, parts["test"])
    shutil.rmtree(checkpoints)
    curve = trained.curve
    facts = {
        "data": asdict(prepared),
        "inputs": {p.name: sha256_of(p) for p in _input_files(config)},
        "saturated_training_values": trained.input.saturated(parts["train"]),
        "best_validation_loss": {
            stage: min(e.validation_loss for e in curve if e.stage == stage)
            for stage in dict.fromkeys(e.stage for e in curve)
        },
        "training_seconds": sum(e.seconds for e in curve),
    }
    return seal(partial, final, config, facts)


def interrupted_training(runs: Path) -> tuple[str, Path]:
    """Return name and configuration file of the latest training that did not finish.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = sorted(runs.glob(f".*{PARTIAL}/config.yaml"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise UsageError(f"no interrupted training in {runs}/ to resume")
    return found[-1].parent.name.removeprefix(".").removesuffix(PARTIAL), found[-1]


@dataclass(frozen=True)
class CsimResult:
    """The agreement of all computations, and where the first two that differ part."""

    jets: int
    adversarial: int
    agreements: Sequence[Agreement]
    difference: Difference | None
    skipped: Mapping[str, str]

    @property
    def is_exact(self) -> bool:
        """Whether all computations gave the same words."""
        return all(a.is_exact for a in self.agreements)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "jets": self.jets,
            "adversarial_jets": self.adversarial,
            "agreements": [a.to_dict() for a in self.agreements],
            "first_difference": None if self.difference is None else asdict(self.difference),
            "skipped": dict(self.skipped),
        }


def csim(
    run: Run,
    projects: Path,
    *,
    without: Sequence[str] = (),
    max_jets: int | None = None,
    step: Step,
) -> CsimResult:
    """Compare the four computations of a run's encoder on its test split and adversarial words.

    Parameters
    ----------
    run : Run
        A quantized run.
    projects : Path
        Folder for the firmware projects, made or made again here.
    without : sequence of str
        Computations to leave out: ``keras``, ``hls`` or ``rtl``.
    max_jets : int or None
        Use at most this many test jets.
    """
    from aefpga.firmware import hls, rtl
    from aefpga.firmware.parts import find_part
    from aefpga.models.reference import KerasEncoder

    spec, config = run.spec, run.config
    jets = run.test_jets[:max_jets]
    adversarial = adversarial_words(spec)
    words = np.concatenate([spec.input.to_words(jets), adversarial])
    emulator = Emulator(spec)
    part, period = find_part(config.firmware.part).name, config.firmware.clock_period_ns
    options = hls.HlsOptions(part, period, config.firmware.reuse_factor, config.firmware.strategy)
    with tempfile.TemporaryDirectory() as scratch:

        def keras() -> Any:
            return KerasEncoder(spec, config.model, run.folder / "keras_encoder.npz")

        def c_simulation() -> Any:
            hls.write_project(spec, projects / run.name / "hls", options, words[: len(jets)])
            return hls.CSimulation(spec, Path(scratch) / "hls", options)

        def simulated_rtl() -> Any:
            traced = rtl.trace(spec, period)
            rtl.write_project(traced, projects / run.name / "rtl", part)
            return rtl.RtlSimulation(traced, projects / run.name / "rtl")

        makers = {"keras": keras, "hls": c_simulation, "rtl": simulated_rtl}
        wanted = {key: make for key, make in makers.items() if key not in without}
        computations: dict[str, Any] = {emulator.name: emulator}
        for done, make in enumerate(wanted.values()):
            step("four computations", done, len(wanted))
            computation = make()
            computations[computation.name] = computation
        step("four computations", len(wanted), len(wanted))
        results = {name: compute(words) for name, compute in computations.items()}
        agreements = compare_all(results)
        wrong = next((a for a in agreements if not a.is_exact), None)
        difference = None
        if wrong is not None and wrong.first_jet is not None:
            one = words[wrong.first_jet : wrong.first_jet + 1]
            first, second = (computations[n] for n in (wrong.first, wrong.second))
            traces = (first.name, first.trace(one)), (second.name, second.trace(one))
            difference = first_difference(spec, *traces, one)
    skipped = dict.fromkeys(without, "left out by request")
    return CsimResult(len(jets), len(adversarial), agreements, difference, skipped)


def synthesize(
    run: Run,
    projects: Path,
    *,
    part: str | None = None,
    clock_period_ns: float | None = None,
    tool: str = "auto",
    step: Step,
) -> SynthesisReport:
    """Write the firmware projects and synthesize with the tool asked for; keep the report."""
    from aefpga.firmware import hls, rtl, vendor
    from aefpga.firmware.open_flow import synthesize_open
    from aefpga.firmware.parts import find_part
    from aefpga.firmware.plot import plot_report

    chosen_part = find_part(part or run.config.firmware.part)
    period = clock_period_ns or run.config.firmware.clock_period_ns
    chosen = vendor.choose_tool(tool)
    spec, folder = run.spec, projects / run.name
    words = spec.input.to_words(run.test_jets[: hls.TEST_BENCH_JETS])
    if chosen.name == "open":
        step("RTL", 0, 2)
        traced = rtl.trace(spec, period)
        rtl.write_project(traced, folder / "rtl", chosen_part.name)
        step("RTL", 1, 2)
        simulation = rtl.RtlSimulation(traced, folder / "rtl")
        expected, found = Emulator(spec)(words), simulation(words)
        if not np.array_equal(expected, found):
            raise RunError("the RTL does not compute the emulator's words; run `aefpga csim`")
        step("RTL", 2, 2)
        report = synthesize_open(
            traced,
            simulation,
            folder / "rtl",
            chosen_part,
            lambda done, total: step("Yosys", done, total),
        )
    else:
        firmware = run.config.firmware
        options = hls.HlsOptions(
            chosen_part.name, period, firmware.reuse_factor, firmware.strategy, chosen.backend
        )
        hls.write_project(spec, folder / "hls", options, words)
        report = vendor.synthesize_hls(spec, folder / "hls", options, chosen, chosen_part)
    reports = run.folder / "reports"
    write_json(reports / f"synthesis-{chosen_part.device}.json", report.to_dict())
    plot_report(report, run.folder / "plots" / f"synthesis-{chosen_part.device}.png")
    return report


@dataclass(frozen=True)
class Evaluation:
    """Every scheme's quality on the same test jets, and the bits per jet that each sends."""

    jets: int
    qualities: Mapping[str, Quality]
    bits_per_jet: Mapping[str, float]
    saturated_inputs: Mapping[str, int]
    notes: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "jets": self.jets,
            "bits_per_jet": dict(self.bits_per_jet),
            "saturated_inputs": dict(self.saturated_inputs),
            "notes": list(self.notes),
            "pt_bins_gev": [[low, high if np.isfinite(high) else None] for low, high in pt_bins()],
            "schemes": {name: quality.to_dict() for name, quality in self.qualities.items()},
        }


def evaluate(run: Run, *, max_jets: int | None = None, step: Step) -> Evaluation:
    """Judge a run's reconstructed test jets, beside float truncation; keep figures and plots.

    The float model runs in onnxruntime, the quantized one as QKeras (where it is installed) and as
    hls4ml's C simulation (where that and g++ are), both decoded by the ONNX decoder.
    """
    from aefpga.codec.decoder import Decoder

    jets = run.test_jets[:max_jets]
    variables, normaliser = variable_set(run.config.data.variables), run.normaliser
    schemes: dict[str, NDArray[np.float32]] = {}
    bits: dict[str, float] = {}
    notes: list[str] = []
    step("reconstructing", 0, 3)
    decode_float = Decoder(run.folder / "float_autoencoder.onnx")
    schemes["float model"] = normaliser.inverse_transform(decode_float(jets))
    bits["float model"] = 32.0 * run.config.model.latent
    saturated: dict[str, int] = {}
    if run.is_quantized:
        spec = run.spec
        words = spec.input.to_words(jets)
        saturated = spec.input.saturated(jets)
        reconstruct = Decoder(run.folder / "decoder.onnx", spec.hash)
        step("reconstructing", 1, 3)
        for name, latent in _latent_words(run, words, notes).items():
            schemes[name] = normaliser.inverse_transform(reconstruct(latent))
            bits[name] = float(spec.bits_per_jet)
        plot_occupancy(Emulator(spec)(words), spec.latent_type, run.folder / "plots/latents.png")
    target = bits[next(reversed(bits))]
    step("reconstructing", 2, 3)
    fixed, compressed = nearest_fixed(len(variables), target), nearest_compressed(jets, target)
    for label, truncation, encode, decode in (
        ("truncation, fixed rate", fixed, fixed.pack, fixed.unpack),
        ("truncation + LZMA", compressed, compressed.encode, compressed.decode),
    ):
        data = encode(jets)
        schemes[label] = decode(data, jets.shape)
        bits[label] = 8 * len(data) / len(jets)
        notes.append(f"{label}: float32 with {truncation.mantissa} of 23 mantissa bits")
    qualities = {n: judge(jets, back, variables, normaliser) for n, back in schemes.items()}
    result = Evaluation(len(jets), qualities, bits, saturated, notes)
    write_json(run.folder / "metrics.json", result.to_dict())
    _plot(run, jets, schemes, qualities)
    step("reconstructing", 3, 3)
    return result


def _latent_words(
    run: Run, words: NDArray[np.int64], notes: list[str]
) -> dict[str, NDArray[np.int64]]:
    """Return the latent words of each implementation of the encoder that can run here."""
    from aefpga.firmware.hls import CSimulation
    from aefpga.models.reference import KerasEncoder

    found: dict[str, NDArray[np.int64]] = {}
    try:
        keras = KerasEncoder(run.spec, run.config.model, run.folder / "keras_encoder.npz")
        found["quantized model"] = keras(words)
    except ToolError as error:
        notes.append(f"quantized model: the integer emulator stands in for Keras: {error}")
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
) -> None:
    variables, plots = variable_set(run.config.data.variables), run.folder / "plots"
    # The C simulation equals the quantized model word for word: its curve would only hide it.
    shown = {n: s for n, s in schemes.items() if n != "C simulation"}
    autoencoder = next(n for n in ("quantized model", "float model") if n in schemes)
    plot_distributions(jets, {autoencoder: schemes[autoencoder]}, variables, plots / "inputs.png")
    plot_residuals(jets, shown, variables, plots / "residuals.png")
    widths = {n: qualities[n] for n in shown}
    plot_resolution(widths, ("pt", "mass", "eta", "phi"), plots / "resolution.png")
    plot_correlation(jets, schemes[autoencoder], variables, plots / "correlation.png")
    with (run.folder / "history.csv").open() as stream:
        history = [
            {k: v if k == "stage" else float(v) for k, v in row.items()}
            for row in csv.DictReader(stream)
        ]
    plot_learning_curve(history, plots / "learning_curve.png")


def _claim(partial: Path, config: RunConfig) -> None:
    """Make the folder of an unfinished training, or make sure that this is the same one."""
    existing = partial / "config.yaml"
    with tempfile.TemporaryDirectory() as folder:
        config.save(Path(folder) / "config.yaml")
        text = (Path(folder) / "config.yaml").read_text()
    if existing.exists() and existing.read_text() != text:
        raise UsageError(
            f"{partial} holds an interrupted training with another configuration; resume it with "
            "`aefpga train --resume`, choose another --name, or delete the folder"
        )
    with atomic_path(existing) as temporary:
        temporary.write_text(text)


def _input_files(config: RunConfig) -> list[Path]:
    from aefpga.data.reader import find_files

    return find_files(config.data.input) if config.data.input else [sample_path()]


def _load(
    config: RunConfig, names: tuple[str, ...], step: Step
) -> tuple[dict[str, NDArray[np.float32]], Prepared]:
    """Read, select and split the jets."""
    from aefpga.data.reader import filled_with_zeros, read_jets
    from aefpga.data.selection import Selection, split

    data, training = config.data, config.training
    inputs = [str(p) for p in _input_files(config)]
    zeros = filled_with_zeros(inputs, names, data.collection)
    jets = read_jets(
        inputs,
        names,
        data.collection,
        data.max_jets,
        lambda done, total: step("reading events", done, total),
    )
    kept, counts = Selection(data.max_pt, data.max_mass).apply(jets)
    rows = split(len(kept), training.validation, training.test, training.seed)
    parts = {f.name: kept.values[getattr(rows, f.name)] for f in fields(rows)}
    sizes = {name: len(values) for name, values in parts.items()}
    return parts, Prepared(counts.read, counts.pt, counts.mass, **sizes, zeros=zeros)


def _export(trained: Any, config: RunConfig, folder: Path) -> None:
    """Write specification, decoder, float model, Keras weights, normaliser and learning curve."""
    from aefpga.codec.decoder import FloatLayer, export_network
    from aefpga.models.autoencoder import layer_activation
    from aefpga.models.reference import save_weights
    from aefpga.normalise import save_normaliser

    slope = 2.0**-config.model.negative_slope_shift

    def layers(weights: Mapping[str, Any]) -> list[FloatLayer]:
        linear = ("latent", "output")
        kinds = {
            name: "linear" if name in linear else layer_activation(config.model, name)
            for name in weights
        }
        return [FloatLayer(w, b, kinds[n], slope) for n, (w, b) in weights.items()]

    scale = np.ldexp(1.0, -trained.input.exponent)
    both = {**trained.float.encoder, **trained.float.decoder}
    export_network(layers(both), folder / "float_autoencoder.onnx", scale, {})
    if trained.spec is not None:
        trained.spec.save(folder)
        lsb = trained.spec.latent_type.lsb
        decoder = layers(trained.quantized.decoder)
        export_network(decoder, folder / "decoder.onnx", lsb, {"encoder": trained.spec.hash})
        save_weights(trained.quantized.encoder, folder / "keras_encoder.npz")
    save_normaliser(trained.normaliser, folder / "normaliser.json")
    with atomic_path(folder / "history.csv") as temporary, temporary.open("w") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(trained.curve[0])])
        writer.writeheader()
        writer.writerows(asdict(e) for e in trained.curve)
