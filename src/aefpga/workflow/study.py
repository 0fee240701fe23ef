"""`study`: models x normalisations x variable sets x seeds, trained and judged, as tables."""

import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from aefpga.choices import Normalisation
from aefpga.config import (
    DataConfig,
    ModelConfig,
    QuantizationConfig,
    RunConfig,
    TrainingConfig,
    problems_of,
)
from aefpga.config.section import Section
from aefpga.errors import AefpgaError, UsageError
from aefpga.evaluation.plots.schemes import plot_study
from aefpga.evaluation.tables import Result, markdown
from aefpga.files import atomic_path, write_json
from aefpga.progress import Step, silent
from aefpga.runs import check_name
from aefpga.schema import Schema
from aefpga.workflow.workers import end_with_starter, interruptions_are_ours
from aefpga.yaml_files import claim, read_yaml


class StudyConfig(Section):
    """What is varied, and what all runs share."""

    models: dict[str, ModelConfig] = Field(description="architectures by name", min_length=1)
    normalisations: tuple[Normalisation, ...] = Field(("min-max", "physics"), min_length=1)
    variables: tuple[str, ...] = Field(("24",), min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((42,), min_length=1)
    data: DataConfig = DataConfig()
    quantization: QuantizationConfig = QuantizationConfig(bits=8)
    training: TrainingConfig = TrainingConfig()

    @field_validator("models")
    @classmethod
    def _names_of_folders(cls, models: dict[str, ModelConfig]) -> dict[str, ModelConfig]:
        for name in models:
            try:
                check_name(name)
            except UsageError:
                raise ValueError(
                    f"{name}: names of models are in those of folders; without slashes, and not "
                    "beginning with a dot or a dash was expected"
                ) from None
        return models

    def on(self, inputs: tuple[str, ...], record: Schema | None = None) -> "StudyConfig":
        """Return the same study of other files, or of the usual variables of another record."""
        data = {"input": inputs or self.data.input, "record": record or self.data.record}
        changed: dict[str, Any] = {"data": self.data.model_copy(update=data)}
        if record:
            changed["variables"] = (record.usual or "*",)
        return self.model_copy(update=changed)

    def describe(self) -> str:
        """Say on what is trained, and how long."""
        data, training = self.data, self.training
        source = ", ".join(data.input) or "the embedded sample"
        most = f", at most {data.max_jets:,} read" if data.max_jets else ""
        epochs = f"{training.epochs} epochs"
        if self.quantization.bits is not None:
            quantized = training.quantized_epochs
            epochs += f", {training.epochs if quantized is None else quantized} more quantized"
        seeds = ", ".join(map(str, self.seeds))
        return f"Trained on {data.record.name} of {source}{most}: {epochs}; seeds {seeds}."

    def runs(self) -> Iterator[tuple[str, RunConfig]]:
        """Yield name and configuration of every run."""
        for (model, layout), normalisation, variables, seed in product(
            self.models.items(), self.normalisations, self.variables, self.seeds
        ):
            given = {"normalisation": normalisation, "variables": variables}
            data = self.data.model_copy(update=given)
            yield (
                f"{model}{_suffix(data, seed)}",
                RunConfig(
                    data=data,
                    model=layout,
                    quantization=self.quantization,
                    training=self.training.model_copy(update={"seed": seed}),
                ),
            )


def _suffix(data: DataConfig, seed: int) -> str:
    """Return what the name of a run has after that of its model."""
    return f"-{data.normalisation}-{len(data.columns())}d-{seed}"


QUICK = StudyConfig(
    models={"standard": ModelConfig(hidden=(16,), latent=8), "linear": ModelConfig(latent=8)},
    data=DataConfig(max_jets=4000),
    training=TrainingConfig(epochs=3, batch_size=128),
)


def load_study(path: Path) -> StudyConfig:
    """Read a study's YAML file.

    Raises
    ------
    UsageError
        If it cannot be read, or an option is unknown or out of range.
    """
    try:
        return StudyConfig.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{path} cannot be used:\n{problems_of(error)}") from error


@dataclass(frozen=True)
class Outcome:
    """What came of a study: the results, and the runs that failed with the reason."""

    results: Sequence[Result]
    failed: Mapping[str, str]


def study(
    config: StudyConfig, folder: Path, *, processes: int | None, step: Step = silent
) -> Outcome:
    """Train and judge every run that is not done yet; write `study.json`, `tables.md` and plots.

    Parameters
    ----------
    config : StudyConfig
        The study.
    folder : Path
        Runs and results go there; a study that was interrupted is continued.
    processes : int or None
        Runs at a time; None takes one a core.
    step : Step
        Told how far it is.

    Raises
    ------
    UsageError
        If the folder holds another study, or two runs would have the same name.
    AefpgaError
        If every run failed.
    """
    planned = dict(config.runs())
    if len(planned) < sum(1 for _ in config.runs()):
        raise UsageError(
            "two runs of the study would have the same name: the sets in `variables: "
            f"[{', '.join(config.variables)}]` must differ in the number of variables, and no "
            "model, normalisation or seed may be there twice"
        )
    claim(folder / "study.yaml", config.model_dump(mode="json"), "study")
    failed: dict[str, str] = {}
    cores = len(os.sched_getaffinity(0))
    workers = processes or cores
    # TensorFlow and BLAS in every process would otherwise take all cores for themselves.
    threads = str(max(1, cores // workers))
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, threads)
    spawn = multiprocessing.get_context("spawn")
    waiting = [name for name in planned if not _result_path(folder, name).exists()]
    step("runs", len(planned) - len(waiting), len(planned))
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=end_with_starter) as pool:
        try:
            # The first one starts the processes.
            with interruptions_are_ours():
                jobs = {pool.submit(_one, planned[name], name, folder): name for name in waiting}
            for done, job in enumerate(as_completed(jobs), len(planned) - len(waiting) + 1):
                try:
                    job.result()
                except AefpgaError as error:
                    failed[jobs[job]] = str(error)
                step("runs", done, len(planned))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise
    if len(failed) == len(planned):
        reason, n = Counter(failed.values()).most_common(1)[0]
        raise AefpgaError(f"all {len(planned)} runs of the study failed, {n} as this: {reason}")
    results = [
        Result.from_dict(json.loads(_result_path(folder, name).read_text()))
        for name in planned
        if name not in failed
    ]
    about, runs = config.describe(), [r.to_dict() for r in results]
    if lacking := dict.fromkeys(name for r in results for name in r.lacking):
        about += f" Not judged, for the data lack them: {', '.join(lacking)}."
    if failed:
        about += f" Without {', '.join(failed)}, which failed."
    write_json(folder / "study.json", {"about": about, "failed": failed, "runs": runs})
    with atomic_path(folder / "tables.md") as temporary:
        temporary.write_text(markdown(results, config.data.record.name, about))
    for variables in dict.fromkeys(r.variables for r in results):
        chosen = [r for r in results if r.variables == variables]
        plot_study(chosen, folder / f"study-{variables}d.png")
    return Outcome(results, failed)


def _one(config: RunConfig, name: str, folder: Path) -> None:
    """Train one run and judge it; runs in a process of its own."""
    from aefpga.evaluation.metrics import judge
    from aefpga.runs import open_run
    from aefpga.runs.autoencoder import Autoencoder, FloatAutoencoder
    from aefpga.workflow.train import train

    runs = folder / "runs"
    run = open_run(name, runs) if (runs / name).exists() else train(config, runs, name)
    autoencoders: dict[str, Autoencoder | FloatAutoencoder] = {}
    if run.has_float_model:
        autoencoders["float"] = FloatAutoencoder.of(run)
    if run.is_quantized:
        autoencoders["quantized"] = Autoencoder.of(run)
    records, min_max = run.test_records, run.normaliser.min_max_
    qualities = {
        precision: judge(
            records, autoencoder.reconstruct(records), run.schema, min_max, run.lacking
        )
        for precision, autoencoder in autoencoders.items()
    }
    model = name.removesuffix(_suffix(config.data, config.training.seed))
    result = Result(
        model=model,
        normalisation=config.data.normalisation,
        variables=str(len(run.schema)),
        seed=config.training.seed,
        training_seconds=run.manifest["training_seconds"],
        qualities=qualities,
        lacking=run.lacking,
    )
    write_json(_result_path(folder, name), result.to_dict())


def _result_path(folder: Path, name: str) -> Path:
    return folder / "results" / f"{name}.json"
