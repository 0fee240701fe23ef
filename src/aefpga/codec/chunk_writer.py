"""Coding and writing chunks: a codec's tables, and the values that are kept exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.container import Writer
from aefpga.codec.format import Chunk
from aefpga.codec.members import chunk, pack_events, pack_exact
from aefpga.codec.protocol import Checked, Codec, quantize_within
from aefpga.data.records import Records
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.histograms import Coder
from aefpga.entropy.learned import load_models, save_models
from aefpga.entropy.learning import learn
from aefpga.progress import Step, silent


@dataclass(frozen=True)
class CodedChunk:
    """A chunk as it is written, and what became of its records.

    Parameters
    ----------
    parts : Mapping of str to bytes
        Its members.
    size : Chunk
        How much it holds.
    saturated, exact_values : int
        Records out of the encoder's range, and values that are kept as they are.
    squares, largest : ndarray of float64, shape (n_variables,)
        Sum of squared errors, and the largest error, absolute, in each variable's unit.
    """

    parts: Mapping[str, bytes]
    size: Chunk
    saturated: int
    exact_values: int
    squares: NDArray[np.float64]
    largest: NDArray[np.float64]


@dataclass
class Statistics:
    """What compression did to records, summed over chunks; see `CodedChunk`."""

    n_variables: int
    chunks: list[Chunk] = field(default_factory=list)
    saturated: int = 0
    exact_values: int = 0
    squares: NDArray[np.float64] = field(init=False)
    largest: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no errors."""
        self.squares, self.largest = np.zeros((2, self.n_variables))

    def add(self, coded: CodedChunk) -> None:
        """Take the next chunk."""
        self.chunks.append(coded.size)
        self.saturated += coded.saturated
        self.exact_values += coded.exact_values
        self.squares = self.squares + coded.squares
        self.largest = np.maximum(self.largest, coded.largest)

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of the records; of no records, errors are 0."""
        n_records = sum(c.records for c in self.chunks)
        mean_squares = self.squares / max(n_records, 1)
        return {
            "chunks": self.chunks,
            "records": n_records,
            "events": sum(c.events for c in self.chunks),
            "saturated": self.saturated,
            "exact_values": self.exact_values,
            "root_mean_square_error": [_short(x) for x in np.sqrt(mean_squares)],
            "largest_error": [_short(x) for x in self.largest],
        }


def _short(x: float) -> float:
    """Return a number of three digits."""
    return float(f"{x:.3g}")


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

    def adopt(
        self, models: Mapping[str, bytes], first: Records
    ) -> tuple[dict[str, bytes], CodedChunk]:
        """Use those models that make the first chunk smaller; their own size counts.

        Returns
        -------
        models : dict of str to bytes
            Those that are used from now on.
        coded : CodedChunk
            The first chunk.
        """
        made = quantize_within(self._codec, first.values)
        adopted, tables = {}, {}
        for name, table in made.tables.items():
            tables[name] = self._coders[name].encode(table, first.counts)
            if name in models:
                learned = Conditional(self._codec.schemes[name], load_models(models[name]))
                coded = learned.encode(table, first.counts)
                if len(models[name]) + len(coded) < len(tables[name]):
                    self._coders[name], adopted[name], tables[name] = learned, models[name], coded
        return adopted, self._coded(first, made, tables)

    def coded(self, records: Records) -> CodedChunk:
        """Quantize, check and code a chunk; several threads may do so at once."""
        made = quantize_within(self._codec, records.values)
        tables = {
            name: self._coders[name].encode(table, records.counts)
            for name, table in made.tables.items()
        }
        return self._coded(records, made, tables)

    def write(self, writer: Writer, coded: CodedChunk) -> None:
        """Write the next chunk."""
        number = len(self.statistics.chunks)
        for part, content in coded.parts.items():
            writer.add(f"{chunk(number)}/{part}", content)
        self.statistics.add(coded)

    def _coded(self, records: Records, made: Checked, tables: Mapping[str, bytes]) -> CodedChunk:
        is_exact = bool(made.exact.any())
        parts = {"events": pack_events(records, is_exact=is_exact), **tables}
        if is_exact:
            parts["exact"] = pack_exact(made.exact, records.values)
        return CodedChunk(
            parts=parts,
            size=Chunk(events=len(records.counts), records=len(records)),
            saturated=int(made.outside.sum()),
            exact_values=int(made.exact.sum()),
            squares=np.array([np.square(column).sum() for column in made.errors.T]),
            largest=made.errors.max(axis=0, initial=0),
        )
