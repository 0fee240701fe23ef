"""The manifest of compressed jets: what the writer knew at the end."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(strict=True, ge=0, lt=1 << 53)]
Figure = Annotated[float, Field(allow_inf_nan=False)]


class ChunkEntry(BaseModel):
    """What a chunk holds."""

    model_config = ConfigDict(frozen=True)

    events: Count
    jets: Count


class Manifest(BaseModel):
    """What a file says of itself at its end; `docs/format.md` explains each."""

    model_config = ConfigDict(frozen=True)

    chunks: tuple[ChunkEntry, ...]
    jets: Count
    events: Count
    source_bytes: Count
    bits_per_jet: Mapping[str, Figure]
    saturated_jets: Count
    exact_values: Count
    root_mean_square_error: Mapping[str, Figure]
    largest_error: Mapping[str, Figure]
