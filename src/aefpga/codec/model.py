"""What encodes and decodes: a run's encoder, decoder and normaliser."""

import numpy as np
from numpy.typing import NDArray

from aefpga.runs import layout
from aefpga.runs.autoencoder import Autoencoder

Floats = NDArray[np.float32]
Words = NDArray[np.int64]

MODEL_FILES = (layout.ENCODER, layout.ENCODER_WORDS, layout.DECODER, layout.NORMALISER)
# A decoder on another machine may round otherwise: no integer may hang on that.
UNSTABLE = 1e-4


class Model(Autoencoder):
    """An encoder with the decoder and the normaliser that belong to it, as archives use them."""

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
