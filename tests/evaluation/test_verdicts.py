import doctest
import json

import numpy as np
import pytest

from aefpga.evaluation import figures
from aefpga.evaluation.metrics import judge
from aefpga.evaluation.quantizers import FloatTruncation
from aefpga.evaluation.verdicts import FLOOR, Likeness, Worth
from aefpga.normalise import Normaliser
from aefpga.schema import JETS

PAIR = JETS.select(["pt", "eta"])


def sample(n, seed, scale=30.0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.exponential(scale, n) + 10, rng.normal(0, 2, n)], axis=1).astype("f4")


@pytest.mark.parametrize("n", [5, 300, 20_000])
def test_the_same_process_is_like_however_few(n):
    for seed in range(1, 20):
        found = Likeness.of(sample(5000, 0), sample(n, seed), PAIR)
        assert found.verdict == "like"
        assert found.beyond == ()
        assert found.distance < found.threshold


def test_another_process_is_unlike_and_the_variable_is_named():
    found = Likeness.of(sample(5000, 0), sample(5000, 1, scale=60.0), PAIR)
    assert (found.verdict, found.variable, found.beyond) == ("unlike", "pt", ("pt",))
    assert found.distance > found.threshold > FLOOR
    assert "pt" in found.sentence
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == "unlike"


def test_a_harmless_difference_of_large_samples_is_like():
    found = Likeness.of(sample(200_000, 0), sample(200_000, 1, scale=31.0), PAIR)
    assert 0.008 < found.distance < FLOOR
    assert found.verdict == "like"


@pytest.mark.parametrize(("bits", "verdict"), [(27.0, "fewer"), (28.0, "more"), (120.0, "more")])
def test_an_encoder_is_compared_with_truncation_of_the_same_residual(bits, verdict):
    x = sample(2000, 3)
    five = FloatTruncation(5)
    quality = judge(x, five.to_jets(five.to_words(x)), PAIR, Normaliser("min-max", PAIR).fit(x))
    found = Worth.of("quantized model", quality, bits, x, PAIR)
    assert (found.mantissa, found.fixed_rate, found.verdict) == (5, 28.0, verdict)
    assert found.compressed < found.fixed_rate
    assert f"residual of {100 * found.half_width_68:.2g} % (68 %)" in found.sentence
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == verdict


def test_where_no_residual_is_there_is_no_verdict():
    x = sample(100, 3)
    x[:, 0] = 0
    quality = judge(x, x, PAIR, Normaliser("min-max", PAIR).fit(x))
    assert Worth.of("quantized model", quality, 10.0, x, PAIR) is None


def test_residuals_are_written_without_powers_of_ten():
    assert not doctest.testmod(figures).failed
