"""Records in chunks: what is coded together, and read without the rest."""

from collections.abc import Iterable, Iterator

from aefpga.codec.protocol import Codec
from aefpga.data.records import Records
from aefpga.entropy.rans import MAX_CELLS, MAX_LENGTH
from aefpga.errors import DataError

# What is coded together: enough for good statistics, little enough for memory and random access.
CHUNK_RECORDS, CHUNK_EVENTS = 65_536, 1 << 19


class Chunks:
    """Joins records, in whole events, into chunks of at least `CHUNK_RECORDS`.

    Of wide tables or of many events they are smaller: readers do not believe in any size.

    Parameters
    ----------
    codec : Codec
        Whose tables they become.
    """

    def __init__(self, codec: Codec) -> None:
        widths = (scheme.n_columns for scheme in codec.schemes.values())
        most = min(MAX_LENGTH, MAX_CELLS // max(len(codec.task.schema), *widths))
        self._enough = min(CHUNK_RECORDS, most // 2)
        # Of one event.
        self._most = most - self._enough
        self._waiting: list[Records] = []
        self._is_first = True

    def add(self, records: Records) -> Iterator[Records]:
        """Take records, and yield the chunks that are complete.

        Raises
        ------
        DataError
            If they say other things of events than those before, or an event has more records than
            a chunk may have.
        """
        for piece in self._pieces(records):
            if self._waiting and self._waiting[0].events.keys() != piece.events.keys():
                raise DataError(
                    "the inputs differ in what they say of events: "
                    f"{sorted(self._waiting[0].events)} and {sorted(piece.events)}; compress them "
                    "separately"
                )
            self._waiting.append(piece)
            events = sum(len(waiting.counts) for waiting in self._waiting)
            if sum(map(len, self._waiting)) >= self._enough or events >= CHUNK_EVENTS:
                yield self._joined()

    def rest(self) -> Iterator[Records]:
        """Yield what is left: a smaller chunk, of no events at all if there never were any."""
        if self._waiting and (self._is_first or any(len(r.counts) for r in self._waiting)):
            yield self._joined()

    def _joined(self) -> Records:
        chunk = Records.concatenate(self._waiting)
        # What the next records say of events must be compared with this.
        self._waiting, self._is_first = [chunk.between(0, 0)], False
        return chunk

    def _pieces(self, records: Records) -> Iterator[Records]:
        """Yield records in whole events: few enough, or an event that a chunk can hold."""
        if len(records) <= self._enough or len(records.counts) == 1:
            if len(records) > self._most:
                raise DataError(
                    f"an event has {len(records):,} {records.schema.name}; at most "
                    f"{self._most:,} are possible"
                )
            yield records
            return
        middle = len(records.counts) // 2
        yield from self._pieces(records.between(0, middle))
        yield from self._pieces(records.between(middle, len(records.counts)))


def chunks(parts: Iterable[Records], codec: Codec) -> Iterator[Records]:
    """Join records into chunks; see `Chunks`."""
    waiting = Chunks(codec)
    for part in parts:
        yield from waiting.add(part)
    yield from waiting.rest()
