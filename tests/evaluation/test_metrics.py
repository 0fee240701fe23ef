import json

import numpy as np
import pytest

from aefpga.evaluation.metrics import gaussian_core, judge, residuals
from aefpga.normalise import Normaliser
from aefpga.schema import JETS

FOUR = JETS.choose("4")


def four_momenta(n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            rng.exponential(30, n) + 10,
            rng.uniform(-5, 5, n),
            rng.uniform(-np.pi, np.pi, n),
            rng.exponential(5, n) + 6,
        ],
        axis=1,
    ).astype(np.float32)


def test_a_scaled_variable_has_its_response():
    jets = four_momenta()
    scaled = jets * np.array([1.1, 1, 1, 1], np.float32)
    quality = judge(jets, scaled, FOUR, Normaliser("min-max", FOUR).fit(jets))
    pt = quality.variable("pt")
    assert pt.response == pytest.approx(1.1, rel=1e-5)
    assert pt.residual.half_width_68 == pytest.approx(0.1, rel=1e-4)
    assert quality.variable("mass").residual.half_width_95 == 0
    assert sum(s.records for s in pt.by_pt) == len(jets)


def test_a_gaussian_has_its_quantiles():
    jets = four_momenta(100_000)
    smeared = jets.copy()
    smeared[:, 1] += np.random.default_rng(1).normal(0, 0.2, len(jets))
    eta = judge(jets, smeared, FOUR, Normaliser("min-max", FOUR).fit(jets)).variable("eta").residual
    assert eta.half_width_68 == pytest.approx(0.2 * 0.9945, rel=0.02)
    assert eta.half_width_95 == pytest.approx(0.2 * 1.96, rel=0.02)


def test_normalised_errors_are_the_definition():
    jets = four_momenta()
    shifted = jets + np.float32(0.5)
    normaliser = Normaliser("min-max", FOUR).fit(jets)
    span = normaliser.maximum_ - normaliser.minimum_
    quality = judge(jets, shifted, FOUR, normaliser)
    assert quality.mse == pytest.approx(np.mean((0.5 / span) ** 2), rel=1e-3)
    assert quality.rmse == pytest.approx(quality.mse**0.5)
    assert quality.mean_absolute_residual == pytest.approx(np.mean(0.5 / span), rel=1e-3)


def test_phi_wraps_around():
    phi = JETS.variable("phi")
    residual, _ = residuals(phi, np.array([3.1]), np.array([-3.1]))
    assert residual[0] == pytest.approx(2 * np.pi - 6.2)


def test_zeros_enter_no_ratio_and_json_has_no_nan():
    variables = JETS.choose("19")
    jets = np.zeros((50, 19), np.float32)
    jets[:, 0] = 20
    quality = judge(jets, jets + 1, variables, Normaliser("min-max", variables).fit(jets))
    photon = quality.variable("photon_energy")
    assert photon.residual.records == 0
    assert photon.response is None
    assert quality.variable("photon_multiplicity").exact == 0
    json.dumps(quality.to_dict(), allow_nan=False)


def test_the_core_of_a_gaussian_is_the_gaussian_whatever_its_tails():
    rng = np.random.default_rng(3)
    gaussian = rng.normal(0.02, 0.05, 100_000)
    assert gaussian_core(gaussian) == pytest.approx((0.02, 0.05), rel=0.02)
    tails = rng.normal(0.02, 1.0, 5_000)
    mean, width = gaussian_core(np.concatenate([gaussian, tails]))
    assert mean == pytest.approx(0.02, rel=0.05)
    assert width == pytest.approx(0.05, rel=0.05)
    assert np.concatenate([gaussian, tails]).std() > 0.2


@pytest.mark.parametrize("values", [[0.0], [0.25, 0.25, 0.25, 7.0], [1.0, 2.0]])
def test_the_core_of_a_few_values_is_finite(values):
    assert np.isfinite(gaussian_core(np.array(values))).all()


def test_bins_of_eta_share_out_all_jets():
    jets = four_momenta()
    quality = judge(jets, jets, FOUR, Normaliser("min-max", FOUR).fit(jets))
    pt = quality.variable("pt")
    assert sum(s.records for s in pt.by_eta) == pt.residual.records
    barrel = np.abs(jets[:, 1]) < 1.3
    assert pt.by_eta[0].records == (barrel & (jets[:, 0] >= 5)).sum()
