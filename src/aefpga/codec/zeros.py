"""The codec `zeros`: corrections to zeros, as version 1 of the format quantized without an encoder.

Its files are read; new ones are quantized by `scalar`, which makes smaller ones.
"""

import numpy as np

from aefpga.codec.corrections import Corrector
from aefpga.codec.protocol import Codec, Floats, Quantized, Tables, Task
from aefpga.entropy.histograms import StepHistograms
from aefpga.entropy.schemes import PlainScheme
from aefpga.errors import UsageError


class Zeros(Codec):
    """Corrections that bring zeros within their bounds.

    Its table is `corrections`, a column a variable.

    Parameters
    ----------
    task : Task
        What to work on.

    Raises
    ------
    UsageError
        If the task has no bounds.
    """

    name = "zeros"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        if task.profile is None:
            raise UsageError("corrections to zeros need --max-error: it says how fine they are")
        self._corrector = Corrector(task.profile, task.schema)
        self.coders = {"corrections": StepHistograms(len(task.schema))}
        self.schemes = {"corrections": PlainScheme(len(task.schema))}

    def quantize(self, values: Floats) -> Quantized:
        """Return corrections."""
        nothing = np.zeros_like(values)
        steps, _ = self._corrector.steps(values, nothing, np.zeros(values.shape, bool))
        return Quantized.of({"corrections": steps}, self._corrector.corrected(nothing, steps))

    def restore(self, tables: Tables) -> Floats:
        """Return corrected zeros."""
        steps = tables["corrections"]
        return self._corrector.corrected(np.zeros(steps.shape, np.float32), steps)
