"""Float truncation at the size of something else: the baseline that any compression has to beat.

Two rates: *fixed*, 9 bits and the mantissa for each number, which is what a trigger link needs and
compares with latent words as they are sent; and *compressed*, LZMA over the columns, whose size is
that of real bytes, decoded again.
"""

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.coders import encode
from aefpga.evaluation.quantizers import MANTISSA_BITS, FloatTruncation

Floats = NDArray[np.float32]


def nearest_fixed(n_variables: int, bits_per_jet: float) -> FloatTruncation:
    """Return the truncation whose fixed rate is nearest to a number of bits per jet.

    It cannot go below 9 bits a variable (no mantissa): where the latent words are fewer bits than
    that, the nearest is larger.
    """
    return min(
        (FloatTruncation(m) for m in range(MANTISSA_BITS)),
        key=lambda t: abs(int(t.widths(n_variables).sum()) - bits_per_jet),
    )


def nearest_compressed(jets: Floats, bits_per_jet: float) -> FloatTruncation:
    """Return the truncation whose size after LZMA is nearest to a number of bits per jet."""
    # The size grows with the mantissa: stop once it has passed the target.
    best = FloatTruncation(0)
    best_distance = abs(compressed_bits(best, jets) - bits_per_jet)
    for mantissa in range(1, MANTISSA_BITS):
        candidate = FloatTruncation(mantissa)
        distance = abs(compressed_bits(candidate, jets) - bits_per_jet)
        if distance > best_distance:
            break
        best, best_distance = candidate, distance
    return best


def compressed_bits(truncation: FloatTruncation, jets: Floats) -> float:
    """Return the bits per record of a truncation with LZMA, of real bytes."""
    words, widths = truncation.to_words(jets), truncation.widths(jets.shape[1])
    return 8 * len(encode(words, widths, "LZMA")) / len(jets)
