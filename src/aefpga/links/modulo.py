"""Words of a fixed rate for a trigger link: steps of which only the low bits are sent.

Each variable becomes steps of its own scale, and its word is the step modulo a power of two. The
decoder knows the rest: of the steps with these low bits it takes those that the conditional models
find most probable. Rare kinds of particles share a word, in which their steps are added: where one
is absent its energy is zero, and its multiplicity says so. One more word checks: all steps' higher
bits have a part in it, so that of the few hypotheses that are about as probable one is left.
(Coding with side information at the decoder alone: A. Wyner and J. Ziv, IEEE Trans. Inf. Theory 22
(1976) 1; by remainders: S. Pradhan and K. Ramchandran, IEEE Trans. Inf. Theory 49 (2003) 626.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint import Emulator, EncoderSpec
from aefpga.links.decoder import ModuloDecoder

Floats = NDArray[np.float32]
Words = NDArray[np.int64]


@dataclass(frozen=True)
class ModuloCode:
    """Records to words of fixed widths, as an FPGA computes them, and back.

    `spec` alone is the encoder; `learn_modulo` (`links/learning.py`) makes both.
    """

    spec: EncoderSpec
    decoder: ModuloDecoder

    @property
    def label(self) -> str:
        """What it is, for tables."""
        return "modulo words"

    def widths(self, n_variables: int) -> Words:
        """Return the bits of each word, the same for every record."""
        return np.asarray(self.spec.latent_type.width, np.int64)

    def to_words(self, jets: Floats) -> Words:
        """Return words, shape (n_records, n_words), of records in physical units."""
        return Emulator(self.spec).encode(jets)

    def to_jets(self, words: Words) -> Floats:
        """Return records in physical units; `decoder.decode` also names improbable ones."""
        return self.decoder.decode(words).values
