"""The decoders that a run can have: a network and a normaliser, or that of modulo words."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.decoding import Decoded, RecordDecoder
from aefpga.errors import RunError
from aefpga.fixedpoint import EncoderSpec
from aefpga.fixedpoint.total import Total
from aefpga.links.decoder import ModuloDecoder
from aefpga.networks.decoder import Decoder
from aefpga.normalise import Normaliser, load_normaliser
from aefpga.runs import layout

Floats = NDArray[np.float32]
Words = NDArray[np.int64]

# A network on another machine may round otherwise, by so much in normalised units.
UNSTABLE = 1e-4
# Shares of a sum, which are below 1, by less: so much of the sum.
UNSTABLE_SHARE = 1e-5


@dataclass(frozen=True)
class NetworkDecoder:
    """A network, and the normaliser of what it returns.

    Of shares of a `total`, the last word says how much that is.
    """

    network: Decoder
    normaliser: Normaliser
    total: Total | None = None

    @property
    def n_words(self) -> int:
        """Number of words of a record."""
        return self.network.n_in + (self.total is not None)

    @property
    def n_variables(self) -> int:
        """Number of variables of a record."""
        return self.normaliser.n_columns

    def decode(self, words: Words) -> Decoded:
        """Return the records of words, shape (n_records, n_words)."""
        columns = self.network(words[:, : self.network.n_in])
        totals = None if self.total is None else self.total.values(words[:, -1])
        values = self.normaliser.inverse_transform(columns, totals)
        return _OfNetwork(values, columns=columns, normaliser=self.normaliser, totals=totals)

    def rounded(self, records: Floats) -> Floats | None:
        """Return None: what a network returns is never just rounded."""
        return None


@dataclass(frozen=True, kw_only=True)
class _OfNetwork(Decoded):
    """What a network returned, `columns`, and the records that it stands for."""

    columns: Floats
    normaliser: Normaliser
    totals: NDArray[np.float64] | None

    def ends(self) -> tuple[Floats, Floats]:
        """Return the records of a network whose last digits are others; cells not rounded yet."""
        if self.totals is not None:
            cells = self.normaliser.unrounded(self.columns, self.totals)
            off = UNSTABLE_SHARE * self.totals[:, None]
            return (cells - off).astype(np.float32), (cells + off).astype(np.float32)
        low, high = (
            self.normaliser.inverse_transform(self.columns + np.float32(e))
            for e in (-UNSTABLE, UNSTABLE)
        )
        return low, high


def load_decoder(folder: Path, spec: EncoderSpec) -> RecordDecoder:
    """Return the decoder in a folder; RunError if it is damaged or of another encoder."""
    if (folder / layout.MODULO_DECODER).exists():
        return ModuloDecoder.load(folder / layout.MODULO_DECODER, spec)
    network = Decoder(folder / layout.DECODER, spec.latent_hash)
    normaliser = load_normaliser(folder / layout.NORMALISER, spec.input.variables)
    if network.n_out != normaliser.n_columns:
        raise RunError(
            f"{folder}: a decoder to {network.n_out} variables and a normaliser of "
            f"{normaliser.n_columns} do not belong together; train again"
        )
    return NetworkDecoder(network, normaliser, spec.input.total)
