"""The codec `scalar`: steps of each variable's own grid."""

from aefpga.codec.grid import Grids
from aefpga.codec.protocol import Codec, Floats, Quantized, Tables, Task
from aefpga.entropy.histograms import StepHistograms
from aefpga.entropy.schemes import scheme_for
from aefpga.errors import UsageError


class Scalar(Codec):
    """Each variable by itself, as coarsely as its bound allows; what is a sum, after its terms.

    Its table is `steps`, a column a variable.

    Parameters
    ----------
    task : Task
        What to work on.

    Raises
    ------
    UsageError
        If the task has no bounds.
    """

    name = "scalar"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        if task.profile is None:
            raise UsageError(
                "scalar quantization needs --max-error: it says how fine the steps are"
            )
        self._grids = Grids(task.profile, task.schema)
        self.coders = {"steps": StepHistograms(len(task.schema))}
        self.schemes = {"steps": scheme_for(task.schema, self._grids.of_columns)}

    def quantize(self, values: Floats) -> Quantized:
        """Return steps."""
        steps = self._grids.steps(values)
        return Quantized.of({"steps": steps}, self._grids.values(steps))

    def restore(self, tables: Tables) -> Floats:
        """Return the values of steps."""
        return self._grids.values(tables["steps"])
