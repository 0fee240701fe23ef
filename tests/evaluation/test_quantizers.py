import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aefpga.evaluation.quantizers import FloatTruncation, PcaQuantizer, logarithmic, uniform
from aefpga.normalise import Normaliser
from aefpga.schema import JETS

VARIABLES = JETS.choose("24")
NAMES = list(VARIABLES.names)
mantissas = st.integers(0, 23)
# Normal numbers, far from where rounding up would overflow.
normal = st.floats(2.0**-120, 2.0**120, width=32)
numbers = st.one_of(st.just(0.0), normal, normal.map(lambda v: -v))
tables = arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 5)), elements=numbers)


@given(tables, mantissas)
def test_truncation_is_within_half_a_step(x, mantissa):
    truncation = FloatTruncation(mantissa)
    words = truncation.to_words(x)
    assert (words >= 0).all()
    assert (words < 2.0 ** truncation.widths(x.shape[1])).all()
    error = np.abs(truncation.to_jets(words).astype(np.float64) - x)
    assert np.all(error <= 2.0 ** -(mantissa + 1) * np.abs(x.astype(np.float64)))


@given(tables)
def test_all_bits_are_lossless(x):
    lossless = FloatTruncation(23)
    back = lossless.to_jets(lossless.to_words(x))
    np.testing.assert_array_equal(back.view(np.uint32), x.view(np.uint32))


def test_columns_of_a_larger_array_are_taken_as_they_are():
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    truncation = FloatTruncation(10)
    for view in (x[:, ::2], x.T):
        np.testing.assert_array_equal(truncation.to_jets(truncation.to_words(view)), view)


@pytest.mark.parametrize("mantissa", [-1, 24])
def test_impossible_mantissa_is_refused(mantissa):
    with pytest.raises(ValueError, match="0 to 23"):
        FloatTruncation(mantissa)


def column(table, name):
    return table[:, NAMES.index(name)].astype(np.float64)


@pytest.mark.parametrize("relative", [0.003, 0.02, 0.2])
def test_logarithmic_steps_are_what_they_say(jets, relative):
    quantizer = logarithmic(relative, VARIABLES, jets)
    words = quantizer.to_words(jets)
    assert (words >= 0).all()
    assert (words < 2 ** quantizer.widths(24)).all()
    back = quantizer.to_jets(words)
    # ln(E + 1 GeV) within half a step.
    for name in ("pt", "mass", "photon_energy", "hf_em_energy"):
        error = np.log1p(column(back, name)) - np.log1p(column(jets, name))
        assert np.abs(error).max() <= relative / 2 + 1e-5
    assert np.abs(column(back, "eta") - column(jets, "eta")).max() <= 0.75 * relative + 1e-5
    counts = [i for i, v in enumerate(VARIABLES.variables) if v.kind.is_count]
    np.testing.assert_array_equal(back[:, counts], jets[:, counts])


def test_values_beyond_the_training_range_are_clipped(jets):
    quantizer = logarithmic(0.05, VARIABLES, jets[:500])
    far = jets[500:] * np.float32(100)
    words = quantizer.to_words(far)
    assert (words >= 0).all()
    assert (words < 2 ** quantizer.widths(24)).all()


def test_uniform_steps_divide_the_range(jets):
    quantizer = uniform(6, VARIABLES, jets)
    assert set(quantizer.widths(24)) <= {1, 6}
    error = np.abs(quantizer.to_jets(quantizer.to_words(jets)) - jets)
    assert (error <= np.ptp(jets, axis=0) / 63 / 2 * 1.001 + 1e-6).all()


def test_all_components_in_many_bits_are_lossless(jets):
    normaliser = Normaliser("standard", VARIABLES).fit(jets)
    quantizer = PcaQuantizer(24, 20, normaliser, jets)
    back = quantizer.to_jets(quantizer.to_words(jets))
    assert (np.abs(back - jets) <= 1e-3 * (np.abs(jets) + np.ptp(jets, axis=0))).all()
    fewer = PcaQuantizer(10, 8, normaliser, jets)
    assert fewer.widths(24).sum() == 80
