"""Which records."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, field_validator, model_validator

from aefpga.choices import Normalisation
from aefpga.config.section import Section
from aefpga.schema import JETS, Cut, Schema, find_schema, named


def _schema(value: Any) -> Any:
    return find_schema(value) if isinstance(value, str) else value


Record = Annotated[Schema, BeforeValidator(_schema), PlainSerializer(named)]


class Limits(Section):
    """What a variable is at least, and below; none is no limit."""

    least: float | None = None
    below: float | None = None


class DataConfig(Section):
    """Which jets."""

    input: tuple[str, ...] = Field((), description="files or globs; none: embedded sample")
    collection: str | None = Field(None, description="jet collection; none: the format's usual one")
    record: Record = Field(JETS, description="what is encoded: a record's name, or its schema")
    variables: str | None = Field(
        None, description="a set (of jets: 28, 27, 24, 19 or 4), or names; none: the usual set"
    )
    normalisation: Normalisation = Field(
        "physics",
        description="min-max, standard, four-momentum, physics or, of cells, shares of their sum",
    )
    cuts: dict[str, float | Limits] | None = Field(
        None, description="keep records with these variables below, or within limits; none: usual"
    )
    max_jets: int | None = Field(None, gt=0, description="read at most this many jets")

    @model_validator(mode="before")
    @classmethod
    def _cuts_of_before(cls, content: Any) -> Any:
        """Runs and configurations of version 0.1 say `max_pt` and `max_mass`."""
        if not isinstance(content, dict) or not {"max_pt", "max_mass"} & content.keys():
            return content
        content, before = dict(content), {c.variable: c.below for c in JETS.cuts}
        for name in before:
            before[name] = content.pop(f"max_{name}", before[name])
        cuts = content.get("cuts") or {}
        return {**content, "cuts": {**before, **cuts} if isinstance(cuts, dict) else cuts}

    @field_validator("variables", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> str | None:
        # Sets of jets are named by numbers, which YAML reads as such.
        return None if value is None else str(value)

    @model_validator(mode="before")
    @classmethod
    def _normalisation_of_the_record(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("normalisation") is not None:
            return content
        record = _schema(content.get("record", JETS))
        usual = record.normalisation if isinstance(record, Schema) else "physics"
        return {**content, "normalisation": usual}

    @model_validator(mode="after")
    def _shares_of_cells(self) -> "DataConfig":
        if self.normalisation == "shares":
            schema = self.columns()
            image = schema.image()
            cells = () if image is None else image.cells
            others = [
                v.name
                for j, v in enumerate(schema.variables)
                if j not in cells or not v.kind.is_count
            ]
            if others:
                raise ValueError(
                    "normalisation shares divides cells that are counts by the sum of all: "
                    f"{', '.join(others[:5])} are none; leave these out of the variables, or take "
                    "another, physics say"
                )
        return self

    @model_validator(mode="after")
    def _known(self) -> "DataConfig":
        for name in self.cuts or ():
            if self.record.quantity(name) is None:
                self.record.index(name)
        self.columns()
        return self

    def columns(self) -> Schema:
        """Return the schema of the tables that are read."""
        return self.record.choose(self.variables)

    def selection(self) -> tuple[Cut, ...]:
        """Return the cuts that the records must pass."""
        if self.cuts is None:
            return self.record.cuts
        return tuple(
            Cut(variable=name, **limit.model_dump())
            if isinstance(limit, Limits)
            else Cut(variable=name, below=limit)
            for name, limit in self.cuts.items()
        )
