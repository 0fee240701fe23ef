"""Whether a file's manifest says the truth of its chunks."""

from collections.abc import Iterator

from aefpga.codec.archive import Archive
from aefpga.codec.members import part_of


def contradictions(archive: Archive) -> list[str]:
    """Decode every chunk and return in what the manifest differs from what was found.

    Raises
    ------
    DataError
        If a chunk is damaged, or holds other numbers of events or records than its entry says.
    """
    manifest = archive.manifest
    events = records = 0
    for part in archive.iterate():
        events, records = events + len(part.counts), records + len(part)
    found = [
        f"the manifest says {said:,} {what}, there are {there:,}"
        for what, said, there in (
            ("events", manifest.events, events),
            (archive.schema.name, manifest.records, records),
        )
        if said != there
    ]
    return found or list(_wrong_sizes(archive))


def _wrong_sizes(archive: Archive) -> Iterator[str]:
    """Yield the parts of a file that have other sizes than its manifest says."""
    there: dict[str, int] = {}
    for name, size in archive.reader.sizes().items():
        if part := part_of(name):
            there[part] = there.get(part, 0) + size
    said = archive.manifest.sizes
    for part in sorted(said.keys() | there.keys()):
        expected, found = said.get(part, 0), there.get(part, 0)
        if expected != found:
            yield f"the manifest says {expected:,.0f} bytes of {part}, there are {found:,}"
