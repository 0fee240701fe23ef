"""What a compressed file says of itself: its header and its manifest; `docs/format.md`.

Writers make these, readers validate them. What files of earlier versions say is read as what
version 4 would say (`earlier`).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from aefpga.codec import earlier
from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Codec, Task
from aefpga.config import problems_of
from aefpga.errors import DataError, UsageError
from aefpga.schema import STANDARD, Schema

# Of a message, what is shown of a damaged file's content.
MAX_MESSAGE = 1000

Name = Annotated[str, Field(min_length=1, max_length=200)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(strict=True, ge=0, lt=1 << 53)]
Figure = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Content(BaseModel):
    # What a version of the format does not define is no part of it.
    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, content: Any, where: str) -> Self:
        """Validate content that was read `where`; raise DataError if it is damaged."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            problems = problems_of(error)[:MAX_MESSAGE]
            raise DataError(f"{where} is damaged:\n{problems}") from error

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content, without what is as usual."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Header(_Content):
    """What is known before the first record is written.

    Parameters
    ----------
    aefpga : str
        Version of the program that wrote the file.
    run : str or None
        Name of the run whose encoder was used.
    record : Schema
        With the variables that were asked for; in the file these are names alone if the record is a
        standard one.
    lacking : tuple of str
        Of the variables, those that the sources do not have.
    max_error : Profile or None
        Bounds that every value keeps; in the file, one relative error where they follow from it.
    codec : str
        Name of the codec.
    options : Mapping of str to Any
        What the codec says of itself.
    files : Mapping of str to str
        SHA-256 of each file that the codec needs.
    learned : tuple of str
        Tables that are coded by learned models.
    """

    aefpga: str = Field("of unknown version", max_length=200)
    run: str | None = Field(None, max_length=1000)
    record: Schema
    lacking: tuple[Name, ...] = ()
    max_error: Profile | None
    codec: Name
    options: Mapping[str, JsonValue] = {}
    files: Mapping[Name, Digest] = {}
    learned: tuple[Name, ...] = ()

    @classmethod
    def of(
        cls,
        codec: Codec,
        *,
        aefpga: str,
        run: str | None,
        files: Mapping[str, str],
        learned: tuple[str, ...],
    ) -> Self:
        """Return the header of a file that a codec writes."""
        return cls(
            aefpga=aefpga,
            run=run,
            record=codec.task.record,
            lacking=codec.task.lacking,
            max_error=codec.task.profile,
            codec=codec.name,
            options=codec.to_config(),
            files=files,
            learned=learned,
        )

    @field_validator("record", mode="before")
    @classmethod
    def _standard(cls, record: Any) -> Any:
        match record:
            case {"name": str(name), "without": list(left_out)} if name in STANDARD:
                names = [
                    n for n in STANDARD[name].names if n not in left_out[: len(STANDARD[name])]
                ]
            case {"name": str(name), "variables": [str(), *_] as names}:
                is_known = name in STANDARD and len(names) <= len(STANDARD[name])
                if not is_known or not all(isinstance(n, str) for n in names):
                    raise ValueError(f"the variables of {name[:100]!r} are not known")
            case _:
                return record
        try:
            return STANDARD[name].select(names)
        except UsageError as error:
            raise ValueError(str(error)) from error

    @field_validator("max_error", mode="before")
    @classmethod
    def _of_one(cls, bounds: Any) -> Any:
        match bounds:
            case {"relative": float(share), **rest} if not rest:
                return Profile.relative(share)
        return bounds

    @model_validator(mode="after")
    def _variables_of_the_record(self) -> Self:
        if unknown := set(self.lacking) - set(self.record.names):
            raise ValueError(f"what is lacking, {sorted(unknown)[:5]}, is no variable of the file")
        if len(set(self.lacking)) == len(self.record):
            raise ValueError("at least one variable that is not lacking was expected")
        return self

    def task(self, files: Mapping[str, bytes]) -> Task:
        """Return what the codec works on."""
        return Task(self.record, self.lacking, self.max_error, files)

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content: of a standard record, names; of usual bounds, one.

        Variables in the usual order are those that are not left out.
        """
        standard = STANDARD.get(self.record.name)
        record = self.record.to_config()
        names = self.record.names
        if standard and standard.holds(*names) and standard.select(names) == self.record:
            left_out = [name for name in standard.names if name not in names]
            record = {"name": standard.name, "without": left_out}
            if tuple(n for n in standard.names if n in names) != names:
                record = {"name": standard.name, "variables": list(names)}
        content = {**super().to_config(), "record": record}
        if self.max_error and (share := self.max_error.share):
            content["max_error"] = {"relative": share}
        return content


class Chunk(_Content):
    """How much a chunk holds."""

    events: Count
    records: Count


class Source(_Content):
    """A file that was compressed; its size is not known of files of version 1."""

    name: str = Field(max_length=4096)
    bytes: Count | None = None


class Manifest(_Content):
    """What is known after the last record was written.

    Parameters
    ----------
    chunks : tuple of Chunk
        In the order of their numbers.
    sources : tuple of Source
        What was compressed; empty if it came from no file.
    source_bytes : int
        Of the sources, what the branches take that were read.
    records, events : int
        Of all chunks.
    saturated : int
        Records out of the encoder's range.
    exact_values : int
        Values that were kept as they are.
    root_mean_square_error, largest_error : tuple of float
        Of each variable, in its unit.
    """

    chunks: tuple[Chunk, ...]
    sources: tuple[Source, ...] = ()
    source_bytes: Count = 0
    records: Count
    events: Count
    saturated: Count = 0
    exact_values: Count = 0
    root_mean_square_error: tuple[Figure, ...]
    largest_error: tuple[Figure, ...]


def read_header(content: Mapping[str, Any], where: str) -> Header:
    """Validate a header of any version; raise DataError if it is damaged."""
    content = dict(content)
    if (version := content.pop("schema")) < 4:
        content = earlier.header(content, version)
    return Header.read(content, where)


def read_manifest(
    content: Mapping[str, Any], version: int, names: Sequence[str], where: str
) -> Manifest:
    """Validate a manifest of this version of the format, of records with these variables.

    Raises
    ------
    DataError
        If it is damaged.
    """
    # Files say it themselves.
    content = {key: value for key, value in content.items() if key != "sizes"}
    if version < 4:
        content = earlier.manifest(content, names)
    manifest = Manifest.read(content, where)
    if any(len(e) != len(names) for e in (manifest.root_mean_square_error, manifest.largest_error)):
        raise DataError(f"{where} is damaged: it has errors of other variables")
    return manifest
