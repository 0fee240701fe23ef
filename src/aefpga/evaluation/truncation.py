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
        words = jets.astype(np.float32).view(np.uint32) + np.uint32(1 << (dropped - 1))
        return (words & ~np.uint32((1 << dropped) - 1)).view(np.float32)

    def encode(self, jets: Floats) -> bytes:
        """Return compressed bytes: columns one after the other, byte planes apart, LZMA."""
        columns = np.ascontiguousarray(self.round(jets).T)
        planes = columns.view(np.uint8).reshape(*columns.shape, 4).transpose(0, 2, 1)
        return lzma.compress(np.ascontiguousarray(planes).tobytes())

    def decode(self, data: bytes, shape: tuple[int, ...]) -> Floats:
        """Return the truncated jets, of this shape, from compressed bytes."""
        n_jets, n_columns = shape
        planes = np.frombuffer(lzma.decompress(data), np.uint8).reshape(n_columns, 4, n_jets)
        columns = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(np.float32)
        return np.ascontiguousarray(columns[..., 0].T)

    def fixed_bits(self, n_variables: int) -> int:
        """Return bits per jet at a fixed rate."""
        return n_variables * (SIGN_AND_EXPONENT + self.mantissa)

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
