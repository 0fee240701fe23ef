"""What a compressed file says of its compression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aefpga.codec.archive import Archive
from aefpga.codec.members import part_of


@dataclass(frozen=True)
class Compressed:
    """What a compression did: records, bytes, and the errors of each variable in its unit.

    The bytes of the source are those of the columns that were read, as the sources store them. What
    is `lacking` was asked for, but is in no source. Where there is no record, nothing is said per
    record. `learned` are the tables that are coded by learned models.
    """

    path: str
    record: str
    records: int
    events: int
    lacking: Sequence[str]
    source_bytes: int
    compressed_bytes: int
    bits_per_record: Mapping[str, float]
    learned: Sequence[str]
    saturated: int
    exact_values: int
    root_mean_square_error: Mapping[str, float]
    largest_error: Mapping[str, float]


def compressed_facts(archive: Archive) -> Compressed:
    """Return what the file itself says of its compression."""
    manifest, names, n = archive.manifest, archive.schema.names, archive.manifest.records
    sizes: dict[str, int] = {}
    for name, size in archive.reader.sizes().items():
        if part := part_of(name):
            sizes[part] = sizes.get(part, 0) + size
    return Compressed(
        path=str(archive.path),
        record=archive.schema.name,
        records=n,
        events=manifest.events,
        lacking=archive.header.lacking,
        source_bytes=manifest.source_bytes,
        compressed_bytes=archive.path.stat().st_size,
        bits_per_record={part: 8 * size / n for part, size in sizes.items()} if n else {},
        learned=archive.header.learned,
        saturated=manifest.saturated,
        exact_values=manifest.exact_values,
        root_mean_square_error=dict(zip(names, manifest.root_mean_square_error, strict=True)),
        largest_error=dict(zip(names, manifest.largest_error, strict=True)),
    )
