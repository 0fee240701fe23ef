import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aefpga.errors import DataError
from aefpga.evaluation.metrics import Spread, absolute_residual, judge, residuals
from aefpga.normalise import Normaliser
from aefpga.schema import JETS

FOUR = JETS.choose("4")


def four_momenta(n, seed=0):
    rng = np.random.default_rng(seed)
    low, high = [10, -5, -3.1, 6], [900, 5, 3.1, 90]
    return rng.uniform(low, high, (n, 4)).astype(np.float32)


def judged(original, reconstructed, variables=FOUR):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return judge(
            original, reconstructed, variables, Normaliser("min-max", variables).fit(original)
        )


def test_scaled_jets_have_that_response_everywhere():
    x = four_momenta(2000)
    quality = judged(x, (1.1 * x.astype(np.float64)).astype(np.float32))
    for name in ("pt", "mass"):
        found = quality.variable(name)
        assert found.kind == "relative"
        assert found.response == pytest.approx(1.1, abs=1e-6)
        assert found.response_median == pytest.approx(1.1, abs=1e-6)
        spreads = [found.residual, *(s for s in found.by_pt if s.records)]
        for spread in spreads:
            assert spread.half_width_68 == pytest.approx(0.1, abs=1e-6)
            assert spread.half_width_95 == pytest.approx(0.1, abs=1e-6)
        assert sum(s.records for s in found.by_pt) == len(x)


def test_normal_smearing_has_the_normal_distributions_quantiles():
    x, rng = np.full((200_000, 4), [100, 0, 0, 20], np.float32), np.random.default_rng(3)
    x[0] = [200, 1, 1, 40]  # a range, for the normaliser
    y = x.copy()
    y[:, 0] *= rng.normal(1, 0.05, len(x)).astype(np.float32)
    y[:, 1] += rng.normal(0, 0.02, len(x)).astype(np.float32)
    quality = judged(x, y)
    # P(|z| < 0.99446) = 0.68 and P(|z| < 1.95996) = 0.95
    for name, sigma in (("pt", 0.05), ("eta", 0.02)):
        spread = quality.variable(name).residual
        assert spread.half_width_68 == pytest.approx(0.99446 * sigma, rel=0.01)
        assert spread.half_width_95 == pytest.approx(1.95996 * sigma, rel=0.01)
        assert spread.mean == pytest.approx(0, abs=5 * sigma / len(x) ** 0.5)


def test_half_widths_count_bias():
    spread = Spread.of(np.full(10, -0.3))
    assert (spread.mean, spread.median) == pytest.approx((-0.3, -0.3))
    assert (spread.half_width_68, spread.half_width_95) == pytest.approx((0.3, 0.3))


def test_phi_wraps_and_eta_does_not():
    original, reconstructed = np.array([3.1, -3.1]), np.array([-3.1, 3.1])
    short = 2 * np.pi - 6.2
    assert absolute_residual(JETS.variable("phi"), original, reconstructed) == pytest.approx(
        [short, -short]
    )
    assert absolute_residual(JETS.variable("eta"), original, reconstructed) == pytest.approx(
        [-6.2, 6.2]
    )


angles = st.floats(-4, 4)


@given(angles, angles)
def test_wrapped_phi_is_the_same_angle_in_range(a, b):
    (residual,) = absolute_residual(JETS.variable("phi"), np.array([a]), np.array([b]))
    assert -np.pi <= residual < np.pi
    turns = (b - a - residual) / (2 * np.pi)
    assert turns == pytest.approx(round(turns), abs=1e-12)


def test_a_tiny_step_below_minus_pi_stays_in_range():
    (residual,) = absolute_residual(
        JETS.variable("phi"), np.array([0.0]), np.array([np.nextafter(-np.pi, -4)])
    )
    assert -np.pi <= residual < np.pi


def test_small_energies_are_judged_absolutely_and_counted():
    energy = JETS.variable("photon_energy")
    x = np.array([[50, 1, 0], [50, 1, 4.9], [50, 1, 5], [50, 1, 100]], np.float32)
    y = x + np.array([0, 0, 0.5], np.float32)
    found = judged(x, y, JETS.select(["pt", "eta", "photon_energy"])).variable("photon_energy")
    assert found.residual.records == 2
    assert found.response == pytest.approx(1 + (0.5 / 5 + 0.5 / 100) / 2)
    assert found.below.records == 2
    assert found.below.half_width_95 == pytest.approx(0.5)
    residual, enters = residuals(energy, x[:, 2], y[:, 2])
    assert enters.tolist() == [False, False, True, True]
    assert np.isfinite(residual).all()


def test_multiplicities_count_after_rounding():
    three = JETS.select(["pt", "eta", "photon_multiplicity"])
    x = np.array([[50, 1, 0], [60, 1, 3], [70, 1, 3], [80, 1, 9]], np.float32)
    y = x + np.array([[0, 0, 0.4], [0, 0, -0.4], [0, 0, 0.6], [0, 0, 5]], np.float32)
    assert judged(x, y, three).variable("photon_multiplicity").exact == 0.5


def test_normalised_errors_in_closed_form():
    x = np.array([[10, -1, 0, 5], [20, 1, 1, 25]], np.float32)
    y = x + np.array([[1, 0, 0, 0], [1, 0, 0, -4]], np.float32)
    quality = judged(x, y)
    # Ranges 10 and 20: residuals 0.1, 0.1 and 0, -0.2; the other four are nought.
    assert quality.mse == pytest.approx((0.01 + 0.01 + 0.04) / 8, rel=1e-5)
    assert quality.rmse == pytest.approx(quality.mse**0.5)
    assert quality.mean_absolute_residual == pytest.approx(0.4 / 8, rel=1e-5)
    assert quality.variable("mass").normalised_mse == pytest.approx(0.02, rel=1e-5)
    assert quality.variable("mass").normalised_mean_absolute == pytest.approx(0.1, rel=1e-5)


def test_zero_constant_and_empty_give_json_without_nan():
    variables = JETS.choose("28")
    x = np.zeros((3, len(variables)), np.float32)
    x[:, 0] = 15
    quality = judged(x, x, variables)
    text = json.dumps(quality.to_dict(), allow_nan=False)
    assert json.loads(text)["mse"] == 0
    electron = quality.variable("electron_energy")
    assert (electron.residual.records, electron.residual.half_width_68, electron.response) == (
        0,
        None,
        None,
    )
    assert electron.below.records == 3
    assert [s.records for s in quality.variable("pt").by_pt] == [3, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_unusable_values_are_named(bad):
    x = four_momenta(5)
    y = x.copy()
    y[2, 3] = bad
    with pytest.raises(DataError, match="mass of 1 reconstructed jets"):
        judge(x, y, FOUR, Normaliser("min-max", FOUR).fit(x))


def test_other_shapes_and_no_jets_are_refused():
    x = four_momenta(5)
    normaliser = Normaliser("min-max", FOUR).fit(x)
    for original, reconstructed in ((x, x[:4]), (x[:, :3], x[:, :3]), (x[:0], x[:0])):
        with pytest.raises(DataError, match="shape"):
            judge(original, reconstructed, FOUR, normaliser)


def test_what_the_data_lack_is_not_judged():
    schema = JETS.select(["pt", "eta", "photon_multiplicity"])
    x = four_momenta(50)[:, :3]
    x[:, 2] = 0
    quality = judge(
        x, x + np.float32(1), schema, Normaliser("min-max", schema).fit(x), ["photon_multiplicity"]
    )
    assert [v.name for v in quality.variables] == ["pt", "eta"]
    assert quality.shown == ("pt", "eta")
    alone = JETS.select(["pt", "eta"])
    two = x[:, :2]
    same = judge(two, two + np.float32(1), alone, Normaliser("min-max", alone).fit(two))
    assert quality.mse == pytest.approx(same.mse)


def test_the_uncertainty_of_a_half_width_is_that_of_repeated_samples():
    rng = np.random.default_rng(4)
    spreads = [Spread.of(rng.normal(0, 1, 400)) for _ in range(300)]
    stated = np.mean([s.half_width_68_error for s in spreads])
    assert stated == pytest.approx(np.std([s.half_width_68 for s in spreads]), rel=0.15)
