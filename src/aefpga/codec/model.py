"""What encodes and decodes: a run's encoder, decoder and normaliser."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.decoder import Decoder
from aefpga.errors import RunError
from aefpga.fixedpoint import EncoderSpec
from aefpga.normalise import Normaliser, load_normaliser
from aefpga.schema import Schema

Floats = NDArray[np.float32]
Words = NDArray[np.int64]

MODEL_FILES = ("encoder.json", "encoder.npz", "decoder.onnx", "normaliser.json")
# A decoder on another machine may round otherwise: no integer may hang on that.
UNSTABLE = 1e-4


@dataclass(frozen=True)
class Model:
    """An encoder with the decoder and the normaliser that belong to it."""

    spec: EncoderSpec
    decoder: Decoder
    normaliser: Normaliser
    schema: Schema

    @classmethod
    def load(cls, folder: Path, record: Schema) -> "Model":
        """Read a model; raise RunError if it is damaged or its parts do not belong together."""
        spec = EncoderSpec.load(folder)
        decoder = Decoder(folder / "decoder.onnx", spec.hash)
        normaliser = load_normaliser(folder / "normaliser.json", spec.input.variables)
        n_variables = len(spec.input.variables)
        found = decoder.n_in, decoder.n_out, normaliser.n_columns
        if found != (len(spec.latent_type.width), n_variables, n_variables):
            raise RunError(
                f"{folder}: a decoder of {found[0]} words to {found[1]} variables and a normaliser "
                f"of {found[2]} do not belong to an encoder of {n_variables} variables to "
                f"{len(spec.latent_type.width)} words; train again"
            )
        return cls(spec, decoder, normaliser, record.select(spec.input.variables))

    def decoded(self, words: Words) -> Floats:
        """Return jets in physical units."""
        return self.normaliser.inverse_transform(self.decoder(words))

    def decoded_with_care(self, words: Words) -> tuple[Floats, NDArray[np.bool_]]:
        """Return jets, and which of their integers hang on the decoder's last digits."""
        columns = self.decoder(words)
        low, high = (
            np.rint(self.normaliser.inverse_transform(columns + np.float32(e)))
            for e in (-UNSTABLE, UNSTABLE)
        )
        counts = [v.kind.is_count for v in self.schema.variables]
        return self.normaliser.inverse_transform(columns), np.asarray((low != high) & counts)
