"""Float truncation, the baseline that any learned compression has to beat.

Each float32 keeps its sign, its exponent and the first bits of its mantissa, rounded to nearest.
Two rates: *fixed*, 9 bits and the mantissa for each number, which is what a trigger link needs and
compares with latent words as they are sent; and *compressed*, LZMA over the columns, whose size is
that of real bytes, decoded again.
"""

import lzma
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError

Floats = NDArray[np.float32]
MANTISSA_BITS = 23
SIGN_AND_EXPONENT = 9


@dataclass(frozen=True)
class FloatTruncation:
    """Keep `mantissa` bits (0 to 22) of the 23 that a float32 has.

    Examples
    --------
    >>> truncation = FloatTruncation(mantissa=5)
    >>> jets = np.array([[100.3, 0.1], [7.7, -3.3]], np.float32)
    >>> truncation.decode(truncation.encode(jets), jets.shape)
    array([[100.     ,   0.09961],
           [  7.75   ,  -3.3125 ]], dtype=float32)
    """

    mantissa: int

    def __post_init__(self) -> None:
        if not 0 <= self.mantissa < MANTISSA_BITS:
            raise ValueError(f"mantissa must be 0 to {MANTISSA_BITS - 1}, found {self.mantissa}")

    def round(self, jets: Floats) -> Floats:
        """Return the jets as they are after truncation."""
        dropped = MANTISSA_BITS - self.mantissa
        words = np.ascontiguousarray(jets, np.float32).view(np.uint32) + np.uint32(
            1 << (dropped - 1)
        )
        return (words & ~np.uint32((1 << dropped) - 1)).view(np.float32)

    @property
    def bits_per_value(self) -> int:
        """Bits kept of each number."""
        return SIGN_AND_EXPONENT + self.mantissa

    def encode(self, jets: Floats) -> bytes:
        """Return compressed bytes: one column after the other, whole bytes a number, LZMA.

        The kept bits of a number, as one integer, in as few whole bytes as hold them: LZMA models
        that better than byte planes or padded floats (`docs/physics.md` has the figures).
        """
        columns = np.ascontiguousarray(self._words(jets).T)
        octets = columns.astype("<u4").reshape(-1, 1).view(np.uint8)[:, : self._bytes_per_value]
        return lzma.compress(octets.tobytes())

    def decode(self, data: bytes, shape: tuple[int, ...]) -> Floats:
        """Return the truncated jets, of this shape, from compressed bytes.

        Raises
        ------
        DataError
            If the bytes are damaged, or of other jets.
        """
        n_jets, n_columns = shape
        try:
            octets = np.frombuffer(lzma.decompress(data), np.uint8)
            octets = octets.reshape(n_columns, n_jets, self._bytes_per_value)
        except (lzma.LZMAError, ValueError) as error:
            raise DataError(f"these bytes are no {shape} jets of {self} ({error})") from error
        padded = np.zeros((n_columns, n_jets, 4), np.uint8)
        padded[..., : self._bytes_per_value] = octets
        return self._floats(np.ascontiguousarray(padded.view("<u4")[..., 0].T))

    def pack(self, jets: Floats) -> bytes:
        """Return bytes at the fixed rate: `bits_per_value` bits a number, without gaps."""
        octets = self._words(jets).astype(">u4").view(np.uint8).reshape(-1, 4)
        bits = np.unpackbits(octets, axis=1)[:, 32 - self.bits_per_value :]
        return np.packbits(bits).tobytes()

    def unpack(self, data: bytes, shape: tuple[int, ...]) -> Floats:
        """Return the truncated jets, of this shape, from `pack`'s bytes.

        Raises
        ------
        DataError
            If the number of bytes is not that of so many jets.
        """
        n_values = int(np.prod(shape))
        if len(data) != -(-n_values * self.bits_per_value // 8):
            raise DataError(f"{len(data)} bytes are no {shape} jets of {self}")
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=n_values * self.bits_per_value)
        padded = np.zeros((n_values, 32), np.uint8)
        padded[:, 32 - self.bits_per_value :] = bits.reshape(n_values, self.bits_per_value)
        return self._floats(np.packbits(padded, axis=1).view(">u4").reshape(shape))

    @property
    def _bytes_per_value(self) -> int:
        return -(-self.bits_per_value // 8)

    def _words(self, jets: Floats) -> NDArray[np.uint32]:
        """Return the kept bits of each number as one integer below ``2**bits_per_value``."""
        return self.round(jets).view(np.uint32) >> np.uint32(MANTISSA_BITS - self.mantissa)

    def _floats(self, words: NDArray[np.uint32]) -> Floats:
        return (words.astype(np.uint32) << np.uint32(MANTISSA_BITS - self.mantissa)).view(
            np.float32
        )

    def fixed_bits(self, n_variables: int) -> int:
        """Return bits per jet at a fixed rate."""
        return n_variables * self.bits_per_value

    def compressed_bits(self, jets: Floats) -> float:
        """Return bits per jet of the compressed bytes."""
        return 8 * len(self.encode(jets)) / len(jets)

    def get_config(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {"id": "float-truncation", "mantissa": self.mantissa}


def nearest_fixed(n_variables: int, bits_per_jet: float) -> FloatTruncation:
    """Return the truncation whose fixed rate is nearest to a number of bits per jet.

    It cannot go below 9 bits a variable (no mantissa): where the latent words are fewer bits than
    that, the nearest is larger.
    """
    return min(
        (FloatTruncation(m) for m in range(MANTISSA_BITS)),
        key=lambda t: abs(t.fixed_bits(n_variables) - bits_per_jet),
    )


def nearest_compressed(jets: Floats, bits_per_jet: float) -> FloatTruncation:
    """Return the truncation whose compressed size is nearest to a number of bits per jet."""
    # The size grows with the mantissa: stop once it has passed the target.
    best = FloatTruncation(0)
    best_distance = abs(best.compressed_bits(jets) - bits_per_jet)
    for mantissa in range(1, MANTISSA_BITS):
        candidate = FloatTruncation(mantissa)
        distance = abs(candidate.compressed_bits(jets) - bits_per_jet)
        if distance > best_distance:
            break
        best, best_distance = candidate, distance
    return best
