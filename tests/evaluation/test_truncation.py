import numpy as np
import pytest

from aefpga.codec.coders import encode
from aefpga.evaluation.quantizers import FloatTruncation
from aefpga.evaluation.truncation import nearest_compressed, nearest_fixed


@pytest.mark.parametrize(("bits", "mantissa"), [(1, 0), (216, 0), (239, 1), (240, 1), (9999, 22)])
def test_nearest_fixed(bits, mantissa):
    assert nearest_fixed(24, bits).mantissa == mantissa


def test_nearest_compressed_is_the_nearest_of_all():
    rng = np.random.default_rng(5)
    x = rng.lognormal(3, 1, (1500, 4)).astype(np.float32)

    def bits(truncation):
        return 8 * len(encode(truncation.to_words(x), truncation.widths(4), "LZMA")) / len(x)

    rates = [bits(FloatTruncation(m)) for m in range(23)]
    for target in (5, 40, 55, 70, 500):
        best = int(np.argmin(np.abs(np.array(rates) - target)))
        assert nearest_compressed(x, target).mantissa == best
