"""`Codec`: what makes tables of integers of records, and records of them again.

A codec is a class of its own file, registered under a name (`registry`); `docs/how_to_add_a_codec`
makes one. Everything else is the same for all of them: chunks, entropy coding, learning, the file,
and that every value is within its bound.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.bounds import Profile, errors
from aefpga.entropy.histograms import Coder
from aefpga.entropy.schemes import Scheme
from aefpga.schema import Schema
from aefpga.schema.relations import objects_of

Floats = NDArray[np.float32]
Tables = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Task:
    """What a codec is to work on; a file says it at its start.

    Parameters
    ----------
    record : Schema
        The variables that were asked for.
    lacking : tuple of str
        Those of them that the data do not have: they are in no table, and do not come back.
    profile : Profile or None
        Bounds that every value keeps.
    files : Mapping of str to bytes
        Those that the codec `needs`.
    """

    record: Schema
    lacking: tuple[str, ...] = ()
    profile: Profile | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        """The columns of the records."""
        return self.record.select(n for n in self.record.names if n not in self.lacking)


@dataclass(frozen=True)
class Quantized:
    """Records as tables of integers.

    Parameters
    ----------
    tables : Mapping of str to ndarray of int64
        Each with a row a record.
    back : ndarray of float32, shape (n_records, n_variables)
        What decoding makes of them.
    exact : ndarray of bool, shape (n_records, n_variables)
        Values that must be kept as they are.
    outside : ndarray of bool, shape (n_records,)
        Records out of the range of an encoder.
    """

    tables: Tables
    back: Floats
    exact: NDArray[np.bool_]
    outside: NDArray[np.bool_]

    @classmethod
    def of(cls, tables: Tables, back: Floats) -> Self:
        """Return tables of records none of which must be kept as they are."""
        return cls(tables, back, np.zeros(back.shape, bool), np.zeros(len(back), bool))


class Codec(ABC):
    """Tables of integers of records, and back.

    Parameters
    ----------
    task : Task
        What to work on.

    Attributes
    ----------
    name : str
        Under which settings and files know it.
    needs : tuple of tuples of str
        Files of a run that it needs, which become a part of what it writes: all of one tuple.
    coders : Mapping of str to Coder
        How each of its tables becomes bytes, without learning.
    schemes : Mapping of str to Scheme
        How each of its tables is learned.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[tuple[str, ...], ...]] = ()
    coders: Mapping[str, Coder]
    schemes: Mapping[str, Scheme]

    def __init__(self, task: Task) -> None:
        self.task = task

    @classmethod
    def from_config(cls, config: Mapping[str, Any], task: Task) -> Self:
        """Make a codec, by default of the task alone.

        Parameters
        ----------
        config : Mapping of str to Any
            Options, or what `to_config` returned. Of a run whose training data lacked variables,
            ``unlearned`` names them.
        task : Task
            What to work on.

        Raises
        ------
        UsageError
            If it cannot be made of these.
        """
        return cls(task)

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content, for the file's header."""
        return {}

    @abstractmethod
    def quantize(self, values: Floats) -> Quantized:
        """Return tables of records, shape (n_records, n_variables), in physical units."""

    @abstractmethod
    def restore(self, tables: Tables) -> Floats:
        """Return records in physical units: `back` of what `quantize` returned, to rounding."""


@dataclass(frozen=True)
class Checked(Quantized):
    """Tables of records whose bounds are kept, with how far those are from the originals.

    Parameters
    ----------
    errors : ndarray of float64, shape (n_records, n_variables)
        In each variable's unit, not negative.
    """

    errors: NDArray[np.float64]


def quantize_within(codec: Codec, values: Floats) -> Checked:
    """Quantize, and keep exactly what would be out of its bound; `back` has what is kept.

    With bounds, objects that would come or go are kept exactly, too.
    """
    values = np.asfortranarray(values)
    made, profile, schema = codec.quantize(values), codec.task.profile, codec.task.schema
    exact, found = made.exact, errors(schema, values, made.back)
    if profile:
        exact = exact | ~profile.allows(schema, values, found)
        for pt, columns in objects_of(schema):
            differs = (values[:, pt] == 0) != (made.back[:, pt] == 0)
            exact[np.ix_(differs, columns)] = True
    back = made.back
    if exact.any():
        back, found = np.where(exact, values, back), np.where(exact, 0.0, found)
    return Checked(made.tables, back, exact, made.outside, found)
