"""What a run computes: records to words, words to records, and both in one.

Here alone the relations that the schema states are imposed on what a decoder returns.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aefpga.decoding import Decoded, RecordDecoder
from aefpga.errors import RunError
from aefpga.fixedpoint import Emulator, EncoderInput, EncoderSpec
from aefpga.fixedpoint.total import sums
from aefpga.networks.decoder import Decoder
from aefpga.normalise import Normaliser
from aefpga.runs import layout
from aefpga.runs.decoders import load_decoder
from aefpga.runs.run import Run
from aefpga.schema import Schema
from aefpga.schema.relations import consistent

Floats = NDArray[np.float32]
Words = NDArray[np.int64]


@dataclass(frozen=True)
class Autoencoder:
    """A fixed-point encoder with the decoder that belongs to it.

    Parameters
    ----------
    spec : EncoderSpec
        The encoder.
    decoder : RecordDecoder
        From its words to records.
    schema : Schema
        Of the records.
    lacking : collection of str
        Variables that the training data never had.
    """

    spec: EncoderSpec
    decoder: RecordDecoder
    schema: Schema
    lacking: Collection[str] = ()

    @classmethod
    def load(cls, folder: Path, record: Schema, lacking: Collection[str] = ()) -> Self:
        """Read the files in `folder`.

        Raises
        ------
        RunError
            If one is damaged, or they do not belong together.
        """
        spec = EncoderSpec.load(folder)
        decoder = load_decoder(folder, spec)
        n_variables, n_words = len(spec.input.variables), len(spec.sent_type.width)
        if (decoder.n_words, decoder.n_variables) != (n_words, n_variables):
            raise RunError(
                f"{folder}: a decoder of {decoder.n_words} words to {decoder.n_variables} "
                f"variables does not belong to an encoder of {n_variables} variables to {n_words} "
                "words; train again"
            )
        return cls(spec, decoder, record.select(spec.input.variables), lacking)

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return a quantized run's; RunError as of `load`."""
        return cls.load(run.folder, run.schema, run.lacking)

    @cached_property
    def _emulator(self) -> Emulator:
        return Emulator(self.spec)

    def words(self, records: Floats) -> Words:
        """Return the words, shape (n_records, n_words), that are sent for records."""
        return self.spec.sent(records, self.latent(records))

    def latent(self, records: Floats) -> Words:
        """Return latent words, shape (n_records, n_latent), of records in physical units."""
        return self._emulator.encode(records)

    def decode(self, words: Words) -> Floats:
        """Return records, shape (n_records, n_variables), physical units, of words."""
        return self.decode_naming(words).values

    def decode_naming(self, words: Words) -> Decoded:
        """Return records, and which of them are improbable, if the decoder can tell."""
        decoded = self.decoder.decode(words)
        values = consistent(self.schema, decoded.values, self.lacking)
        return Decoded(values, decoded.improbable)

    def rounded(self, records: Floats) -> Floats | None:
        """Return what becomes of records that are decoded rightly, if there is such a thing."""
        values = self.decoder.rounded(records)
        return None if values is None else consistent(self.schema, values, self.lacking)

    def reconstruct(self, records: Floats) -> Floats:
        """Return what becomes of records that are encoded and decoded."""
        return self.decode(self.words(records))


@dataclass(frozen=True)
class FloatAutoencoder:
    """The float network that a quantized one was made from, with the same input and normaliser."""

    input: EncoderInput
    network: Decoder
    normaliser: Normaliser
    schema: Schema
    lacking: Collection[str] = ()

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return a run's, quantized or not; RunError if a file is damaged."""
        n_variables = len(run.schema)
        network = Decoder(run.folder / layout.FLOAT_MODEL)
        if (network.n_in, network.n_out) != (n_variables, n_variables):
            raise RunError(
                f"{run.folder / layout.FLOAT_MODEL} takes {network.n_in} variables and returns "
                f"{network.n_out}, the run has {n_variables}; train again"
            )
        return cls(run.input, network, run.normaliser, run.schema, run.lacking)

    def reconstruct(self, records: Floats) -> Floats:
        """Return what becomes of records, shape (n_records, n_variables), physical units."""
        columns = self.network(self.input.scaled(records))
        total = None if self.input.total is None else sums(records)
        values = self.normaliser.inverse_transform(columns, total)
        return consistent(self.schema, values, self.lacking)
