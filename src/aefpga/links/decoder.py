"""The decoder of modulo words: what is sent is the low bits, what it has learned is the rest."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.decoding import Decoded
from aefpga.entropy.column_model import SLOTS, ColumnModel
from aefpga.entropy.learned import load_models, save_models
from aefpga.entropy.schemes import dense_scheme_for
from aefpga.errors import DataError, RunError
from aefpga.files import atomic_path, load_arrays
from aefpga.fixedpoint import EncoderSpec
from aefpga.links.beam import Search
from aefpga.links.encoder import read_scales, read_sums
from aefpga.links.steps import sent_columns, steps_of
from aefpga.schema import Schema

Floats = NDArray[np.float32]
Words = NDArray[np.int64]

SCHEMA_VERSION = 5
# Of these the models compute otherwise, which they say themselves.
EARLIER_VERSION = 4
# What a file's arrays may have, at most.
MAX_BYTES = 8_000_000


@dataclass(frozen=True)
class Limits:
    """Beyond which steps found are improbable: `doubt` and `information` of `Found`.

    Beyond `usual` information they are searched for once more, more broadly, and those still beyond
    `information` once again.
    """

    doubt: float
    information: float
    usual: float


class ModuloDecoder:
    """From modulo words to records in physical units.

    Every machine decodes the same records: all but the naming of improbable ones is in integers.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder.
    schema : Schema
        The columns of records.
    models : sequence of ColumnModel
        What is known of each variable that is sent, given those before.
    ranges : ndarray of int64, shape (n_sent, 2)
        Smallest and largest step of each variable that is sent.
    limits : Limits
        Beyond which records are improbable.

    Raises
    ------
    ValueError
        If these do not belong together.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        schema: Schema,
        models: Sequence[ColumnModel],
        ranges: Words,
        limits: Limits,
    ) -> None:
        self._schema, self.sent = schema, sent_columns(schema)
        self.scales = read_scales(spec, schema)
        _check(spec, models, ranges)
        self._encoder, self._models, self._ranges = spec.latent_hash, models, ranges
        self.limits = limits
        scheme = dense_scheme_for(self.sent, self.scales)
        counts = {
            self.sent.index(c.energy): self.sent.index(c.count)
            for c in self.sent.classes
            if self.sent.holds(c.energy, c.count)
        }
        sums = read_sums(spec)
        self.search = Search(scheme, models, ranges, sums, counts, limits.usual, limits.information)
        self.n_words, self.n_variables = spec.layers[-1].n_out, len(schema)

    def decode(self, words: Words) -> Decoded:
        """Return the records of words, shape (n_records, n_words).

        Improbable are those that are likely to be others, or unlike all that was learned from.
        """
        found, limits = self.search(words), self.limits
        beyond = (found.doubt > limits.doubt) | (found.information > limits.information)
        return Decoded(self.values(found.steps), np.asarray(beyond))

    def steps(self, records: Floats) -> Words:
        """Return the steps that the encoder makes of records before it drops any bit."""
        return steps_of(records, self._schema, self.scales)

    def rounded(self, records: Floats) -> Floats:
        """Return what becomes of records of which all bits are sent."""
        return self.values(self.steps(records))

    def values(self, steps: Words) -> Floats:
        """Return records in physical units of the steps that are sent."""
        columns = zip(self.sent.names, self.scales, steps.T, strict=True)
        values = {name: scale.values(column) for name, scale, column in columns}
        for name in self._schema.names:
            if name not in values:
                values[name] = np.sum([values[t] for t in self._schema.sums[name]], axis=0)
        return np.stack([values[name] for name in self._schema.names], axis=1).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write a NumPy archive without pickles, which `load` reads beside the encoder."""
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(
                stream,
                allow_pickle=False,
                schema=SCHEMA_VERSION,
                encoder=self._encoder,
                record=json.dumps(self._schema.to_config()),
                models=np.frombuffer(save_models(self._models), np.uint8),
                ranges=self._ranges,
                limits=list(astuple(self.limits)),
            )

    @classmethod
    def load(cls, path: Path, spec: EncoderSpec) -> "ModuloDecoder":
        """Read what `save` wrote; RunError if it cannot be, or is of another encoder."""
        try:
            saved = load_arrays(path, MAX_BYTES)
            if saved["schema"] not in (SCHEMA_VERSION, EARLIER_VERSION):
                raise ValueError(f"schema {saved['schema']}, expected {SCHEMA_VERSION}")
            if (encoder := str(saved["encoder"])) != spec.latent_hash:
                raise ValueError(
                    f"it decodes words of encoder {encoder[:16]}…, not of {spec.latent_hash[:16]}…"
                )
            record = Schema.from_config(json.loads(str(saved["record"])), str(path))
            models = load_models(saved["models"].tobytes())
            doubt, information, usual = saved["limits"].astype(np.float64).tolist()
            limits = Limits(doubt, information, usual)
            return cls(spec, record, models, saved["ranges"], limits)
        except (ValueError, KeyError, TypeError, RecursionError, DataError) as error:
            raise RunError(f"{path} is no decoder of this encoder's words ({error})") from error


def _check(spec: EncoderSpec, models: Sequence[ColumnModel], ranges: Words) -> None:
    """Raise ValueError unless the search of these takes a bounded time and memory."""
    steps = spec.layers[0]
    kind = steps.output.broadcast((steps.n_out,))
    if len(models) != steps.n_out:
        raise ValueError(f"models of {len(models)} columns, expected {steps.n_out}")
    if ranges.dtype != np.int64 or ranges.shape != (steps.n_out, 2):
        raise ValueError(f"ranges of {ranges.dtype} and shape {ranges.shape}")
    low, high = ranges.T
    if np.any((low < kind.min_word) | (low > high) | (high > kind.max_word)):
        raise ValueError("a range that no steps have")
    if any(np.diff(model.edges).max() > SLOTS for model in models):
        raise ValueError("a bin that is wider than any range")
