"""The codec `scalar`: steps of each variable's own grid."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from aefpga.codec.grid import Grids
from aefpga.codec.protocol import Codec, Floats, Quantized, Tables, Task
from aefpga.config import problems_of
from aefpga.entropy.gated import step_coder
from aefpga.entropy.objects import scheme_for
from aefpga.entropy.schemes import dense_scheme_for
from aefpga.errors import UsageError
from aefpga.schema.relations import objects_of


class Options(BaseModel):
    """How steps are coded.

    Parameters
    ----------
    is_gated : bool
        What is absent is not coded. So since version 3 of the format.
    knows_events : bool
        Learned models know all jets before one in its event. So since version 4.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    is_gated: bool = True
    knows_events: bool = True


class Scalar(Codec):
    """Each variable by itself, as coarsely as its bound allows; what is a sum, after its terms.

    Its table is `steps`, a column a variable.

    Parameters
    ----------
    task : Task
        What to work on.
    options : Options or None
        How steps are coded.

    Raises
    ------
    UsageError
        If the task has no bounds.
    """

    name = "scalar"

    def __init__(self, task: Task, options: Options | None = None) -> None:
        super().__init__(task)
        if task.profile is None:
            raise UsageError(
                "scalar quantization needs --max-error: it says how fine the steps are"
            )
        self._options, schema = options or Options(), task.schema
        self._grids = Grids(task.profile, schema)
        self.coders = {"steps": step_coder(schema, is_gated=self._options.is_gated)}
        scales, knows_events = self._grids.of_columns, self._options.knows_events
        self.schemes = {
            "steps": scheme_for(schema, scales, knows_events=knows_events)
            if self._options.is_gated
            else dense_scheme_for(schema, scales)
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], task: Task) -> Self:
        """Make the codec of its options."""
        try:
            return cls(task, Options.model_validate(config))
        except ValidationError as error:
            raise UsageError(f"codec scalar has other options:\n{problems_of(error)}") from error

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content: what is as it was in earlier versions."""
        return self._options.model_dump(exclude_defaults=True)

    def quantize(self, values: Floats) -> Quantized:
        """Return steps; of an object that is too small for a step of pt, none."""
        steps, back = self._grids.quantized(values)
        for pt, columns in objects_of(self.task.schema):
            lost = (steps[:, pt] == 0) & (values[:, pt] != 0)
            if lost.any():
                steps[np.ix_(lost, columns)] = 0
                back = self._grids.values(steps)
        return Quantized.of({"steps": steps}, back)

    def restore(self, tables: Tables) -> Floats:
        """Return the values of steps."""
        return self._grids.values(tables["steps"])
