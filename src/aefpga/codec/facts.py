"""What a compressed file says of its compression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aefpga.codec.archive import Archive


@dataclass(frozen=True)
class Compressed:
    """What a compression did: records, bytes, and the errors of each variable in its unit.

    The bytes of the source are those of the branches that were read, as compressed in ROOT. What is
    `lacking` was asked for, but is in no source.
    """

    path: str
    record: str
    records: int
    events: int
    lacking: Sequence[str]
    source_bytes: int
    compressed_bytes: int
    bits_per_record: Mapping[str, float]
    saturated: int
    exact_values: int
    root_mean_square_error: Mapping[str, float]
    largest_error: Mapping[str, float]


def compressed_facts(archive: Archive) -> Compressed:
    """Return what the file itself says of its compression."""
    manifest, names = archive.manifest, archive.schema.names
    n = max(manifest.records, 1)
    return Compressed(
        path=str(archive.path),
        record=archive.schema.name,
        records=manifest.records,
        events=manifest.events,
        lacking=archive.header.lacking,
        source_bytes=manifest.source_bytes,
        compressed_bytes=archive.path.stat().st_size,
        bits_per_record={part: 8 * size / n for part, size in manifest.sizes.items()},
        saturated=manifest.saturated,
        exact_values=manifest.exact_values,
        root_mean_square_error=dict(zip(names, manifest.root_mean_square_error, strict=True)),
        largest_error=dict(zip(names, manifest.largest_error, strict=True)),
    )
