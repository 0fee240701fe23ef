"""Whether a file's manifest says the truth of its chunks."""

from aefpga.codec.archive import Archive


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
    return [
        f"the manifest says {said:,} {what}, there are {there:,}"
        for what, said, there in (
            ("events", manifest.events, events),
            (archive.schema.name, manifest.records, records),
        )
        if said != there
    ]
