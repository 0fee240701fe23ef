"""Writing compressed jets: chunks of coded tables and of values kept exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.bounds import errors
from aefpga.codec.conditional import Conditional
from aefpga.codec.container import Writer
from aefpga.codec.histograms import Coder
from aefpga.codec.learned import load_models, save_models
from aefpga.codec.learning import learn
from aefpga.codec.members import chunk, pack_events, pack_exact
from aefpga.codec.quantization import Quantization
from aefpga.data.records import Records
from aefpga.progress import Step, silent
from aefpga.schema import Schema


@dataclass
class Statistics:
    """What compression did to jets, summed over chunks."""

    jets: int = 0
    events: int = 0
    saturated: int = 0
    exact_values: int = 0
    bits: dict[str, int] = field(default_factory=dict)
    # Of each variable: sum of squared errors, and the largest error, absolute, in its unit.
    squares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    largest: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def add(self, error: NDArray[np.float64]) -> None:
        """Take the errors of a chunk, shape (n_jets, n_variables)."""
        if not len(self.squares):
            self.squares, self.largest = np.zeros((2, error.shape[1]))
        if len(error):
            self.squares = self.squares + np.square(error).sum(axis=0)
            self.largest = np.maximum(self.largest, error.max(axis=0))


class Encoder:
    """Writes chunks of jets.

    Parameters
    ----------
    schema : Schema
        The columns.
    quantization : Quantization
        Makes tables of integers of jets.
    """

    def __init__(self, schema: Schema, quantization: Quantization) -> None:
        self._schema, self._quantization = schema, quantization
        self._coders: dict[str, Coder] = dict(quantization.coders)
        self.statistics = Statistics()

    @property
    def n_columns(self) -> int:
        """Columns of the widest table that a chunk holds."""
        widths = (scheme.n_columns for scheme in self._quantization.schemes.values())
        return max(len(self._schema.names), *widths)

    def learn(self, jets: Records, step: Step = silent) -> dict[str, bytes]:
        """Return, for each table, a model of conditional coding learned from jets."""
        tables = self._quantization.quantize(jets.values).tables
        models = {}
        for name, table in tables.items():
            scheme = self._quantization.schemes[name]
            models[name] = save_models(learn(scheme, [(table, jets.counts)], step))
        return models

    def adopt(self, models: Mapping[str, bytes], jets: Records) -> dict[str, bytes]:
        """Use those models that make these jets smaller, and return them; their own size counts."""
        tables = self._quantization.quantize(jets.values).tables
        adopted = {}
        for name, model in models.items():
            learned = Conditional(self._quantization.schemes[name], load_models(model))
            size = len(model) + len(learned.encode(tables[name], jets.counts))
            if size < len(self._coders[name].encode(tables[name], jets.counts)):
                self._coders[name], adopted[name] = learned, model
        self.statistics.bits["models"] = 8 * sum(map(len, adopted.values()))
        return adopted

    def write(self, writer: Writer, number: int, jets: Records) -> None:
        """Encode, check and write a chunk."""
        made, found = self._quantization.quantize(jets.values), self.statistics
        made.back[made.exact] = jets.values[made.exact]
        parts = {"events": pack_events(jets)}
        for name, table in made.tables.items():
            parts[name] = self._coders[name].encode(table, jets.counts)
        parts["exact"] = pack_exact(made.exact, jets.values)
        for part, content in parts.items():
            size = writer.add(f"{chunk(number)}/{part}", content)
            found.bits[part] = found.bits.get(part, 0) + 8 * size
        found.jets += len(jets)
        found.events += len(jets.counts)
        found.saturated += int(made.outside.sum())
        found.exact_values += int(made.exact.sum())
        found.add(errors(self._schema, jets.values, made.back))
