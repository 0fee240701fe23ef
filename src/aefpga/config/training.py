"""How to train."""

from typing import Literal

from pydantic import Field

from aefpga.choices import Loss, Schedule
from aefpga.config.section import Section


class TrainingConfig(Section):
    """How to train: first in floating point, then, from there, quantization-aware."""

    trainer: str | None = Field(
        None, min_length=1, description="what trains; none: what suits the model, see RunConfig"
    )
    epochs: int = Field(150, gt=0, description="epochs in floating point")
    quantized_epochs: int | None = Field(None, ge=0, description="default: as epochs")
    batch_size: int = Field(512, gt=0)
    learning_rate: float = Field(3e-3, gt=0, description="of Adam, the largest of the schedule")
    schedule: Schedule = Field(
        "cosine", description="of the learning rate: cosine, one-cycle or constant"
    )
    loss: Loss = Field(
        "squared",
        description="squared errors; neighbours: of sums of neighbouring cells, too",
    )
    weight_decay: float = Field(
        0.0, ge=0, description="share of the weights, times the rate, a step"
    )
    keep: Literal["best", "last"] = Field(
        "best", description="epoch whose weights are kept: of the best validation loss, or the last"
    )
    validation: float = Field(0.15, gt=0, lt=0.5, description="share of jets")
    test: float = Field(0.15, gt=0, lt=0.5, description="share of jets")
    early_stopping: int | None = Field(
        None, gt=0, description="stop after this many epochs without improvement"
    )
    seed: int = Field(42, ge=0, description="of the split, the weights and the shuffling")
