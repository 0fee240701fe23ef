"""Writing chunks: a codec's tables, coded, and the values that are kept exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.container import Writer
from aefpga.codec.format import Chunk
from aefpga.codec.members import chunk, pack_events, pack_exact
from aefpga.codec.protocol import Codec, quantize_within
from aefpga.data.records import Records
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.histograms import Coder
from aefpga.entropy.learned import load_models, save_models
from aefpga.entropy.learning import learn
from aefpga.progress import Step, silent


@dataclass
class Statistics:
    """What compression did to records, summed over chunks."""

    n_variables: int
    chunks: list[Chunk] = field(default_factory=list)
    saturated: int = 0
    exact_values: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    # Of each variable: sum of squared errors, and the largest error, absolute, in its unit.
    squares: NDArray[np.float64] = field(init=False)
    largest: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no errors."""
        self.squares, self.largest = np.zeros((2, self.n_variables))

    def add(self, error: NDArray[np.float64]) -> None:
        """Take the errors of a chunk, shape (n_records, n_variables)."""
        self.squares = self.squares + [np.square(column).sum() for column in error.T]
        self.largest = np.maximum(self.largest, error.max(axis=0, initial=0))

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of the records; of no records, errors are 0."""
        n_records = sum(c.records for c in self.chunks)
        mean_squares = self.squares / max(n_records, 1)
        return {
            "chunks": self.chunks,
            "records": n_records,
            "events": sum(c.events for c in self.chunks),
            "sizes": self.sizes,
            "saturated": self.saturated,
            "exact_values": self.exact_values,
            "root_mean_square_error": [_short(x) for x in np.sqrt(mean_squares)],
            "largest_error": [_short(x) for x in self.largest],
        }


def _short(x: float) -> float:
    """Return a number of four digits."""
    return float(f"{x:.4g}")


class ChunkWriter:
    """Writes chunks, and adds up what became of them.

    Parameters
    ----------
    codec : Codec
        Makes tables of integers of records.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._coders: dict[str, Coder] = dict(codec.coders)
        self.statistics = Statistics(len(codec.task.schema))

    def learn(self, records: Records, step: Step = silent) -> dict[str, bytes]:
        """Return, for each table, a model of conditional coding learned from records."""
        models = {}
        for name, table in self._codec.quantize(records.values).tables.items():
            learned = learn(self._codec.schemes[name], [(table, records.counts)], step)
            models[name] = save_models(learned)
        return models

    def adopt(self, models: Mapping[str, bytes], records: Records) -> dict[str, bytes]:
        """Use those models that make these records smaller; their own size counts.

        Returns
        -------
        dict of str to bytes
            The models that are used from now on.
        """
        tables = self._codec.quantize(records.values).tables
        adopted = {}
        for name, model in models.items():
            learned = Conditional(self._codec.schemes[name], load_models(model))
            size = len(model) + len(learned.encode(tables[name], records.counts))
            if size < len(self._coders[name].encode(tables[name], records.counts)):
                self._coders[name], adopted[name] = learned, model
        if adopted:
            self.statistics.sizes["models"] = sum(map(len, adopted.values()))
        return adopted

    def write(self, writer: Writer, records: Records) -> None:
        """Quantize, check, code and write the next chunk."""
        made, total = quantize_within(self._codec, records.values), self.statistics
        # Readers of what is not learned are to be simple.
        is_coded, is_exact = "models" in total.sizes, bool(made.exact.any())
        parts = {"events": pack_events(records, is_exact=is_exact, is_coded=is_coded)}
        for name, table in made.tables.items():
            parts[name] = self._coders[name].encode(table, records.counts)
        if is_exact:
            parts["exact"] = pack_exact(made.exact, records.values)
        number = len(total.chunks)
        for part, content in parts.items():
            size = writer.add(f"{chunk(number)}/{part}", content)
            total.sizes[part] = total.sizes.get(part, 0) + size
        total.chunks.append(Chunk(events=len(records.counts), records=len(records)))
        total.saturated += int(made.outside.sum())
        total.exact_values += int(made.exact.sum())
        total.add(made.errors)
