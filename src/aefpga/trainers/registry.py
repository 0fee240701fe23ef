"""The trainers there are, by name."""

from aefpga.errors import ToolError, UsageError
from aefpga.firmware.agreement import Computation
from aefpga.runs import Run
from aefpga.trainers.learned.trainer import LearnedWidthsTrainer
from aefpga.trainers.modulo import ModuloTrainer
from aefpga.trainers.qkeras.trainer import QKerasTrainer
from aefpga.trainers.trainer import Trainer

_TRAINERS: dict[str, Trainer] = {}


def register(trainer: Trainer) -> None:
    """Make a trainer known under its name; one of the same name is replaced."""
    _TRAINERS[trainer.name] = trainer


def find_trainer(name: str) -> Trainer:
    """Return the trainer of this name; raise UsageError if none is known under it."""
    if name not in _TRAINERS:
        raise UsageError(
            f"training.trainer: there is no trainer {name}; there are {', '.join(_TRAINERS)}"
        )
    return _TRAINERS[name]


def reference(run: Run) -> Computation:
    """Return the computation of a quantized run's encoder by the trainer that made it.

    Raises
    ------
    ToolError
        If the trainer is not known, or what it needs is not installed.
    RunError
        If the run's files are damaged.
    """
    name = run.config.trainer
    if name not in _TRAINERS:
        raise ToolError(f"run {run.name} was made by the trainer {name}, which is not known here")
    return _TRAINERS[name].reference(run.reference, run.spec, run.config)


register(QKerasTrainer())
register(LearnedWidthsTrainer())
register(ModuloTrainer())
