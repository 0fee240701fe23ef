import json

import numpy as np
import pytest

from aefpga.evaluation.metrics import judge
from aefpga.evaluation.physics import detector_resolution, judge_physics
from aefpga.normalise import Normaliser
from aefpga.schema import JETS

VARIABLES = JETS.choose("24")
NAMES = list(VARIABLES.names)


def physics(before, after, variables=VARIABLES):
    quality = judge(before, after, variables, Normaliser("min-max", variables).fit(before))
    return judge_physics(before, after, variables, quality)


def test_the_published_points_and_between():
    assert [detector_resolution(p) for p in (30, 100, 1000)] == pytest.approx([0.15, 0.1, 0.05])
    assert detector_resolution(10) == detector_resolution(30)
    assert 0.05 < detector_resolution(300) < 0.1


def test_nothing_is_added_by_nothing(jets):
    found = physics(jets, jets)
    assert all(r.added == 0 for r in found.resolution)
    assert found.pair_mass.half_width_99 == 0
    assert set(found.kolmogorov.values()) == {0.0}
    assert found.energy_sum == found.energy_sum_before
    # The sums of simulated jets hold by construction.
    assert found.multiplicity_sums == {"charged_multiplicity": 1.0, "neutral_multiplicity": 1.0}
    assert found.energy_sum.half_width_95 < 0.05
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_scaled_pt_adds_in_quadrature(jets):
    scaled = jets.copy()
    scaled[:, 0] *= 1.05
    for bin_ in physics(jets, scaled).resolution:
        assert bin_.compression == pytest.approx(0.05, rel=1e-3)
        expected = np.hypot(bin_.detector, bin_.compression) / bin_.detector - 1
        assert bin_.added == pytest.approx(expected)


def test_pair_mass_scales_with_the_momenta(jets):
    scaled = jets.copy()
    scaled[:, [NAMES.index("pt"), NAMES.index("mass")]] *= 0.9
    assert physics(jets, scaled).pair_mass.mean == pytest.approx(-0.1, abs=1e-4)


def test_a_wrong_count_breaks_its_sum(jets):
    wrong = jets.copy()
    wrong[::4, NAMES.index("charged_multiplicity")] += 1
    found = physics(jets, wrong)
    assert found.multiplicity_sums["charged_multiplicity"] == pytest.approx(0.75)
    assert found.multiplicity_sums["neutral_multiplicity"] == 1


def test_kolmogorov_of_shifted_uniform_values():
    four = JETS.choose("4")
    before = np.stack([np.linspace(20, 30, 1001)] * 4, axis=1).astype(np.float32)
    before[:, 1:3] = 0.5
    after = before.copy()
    after[:, 0] += 2.0
    found = physics(before, after, four)
    assert found.kolmogorov["pt"] == pytest.approx(0.2, abs=0.002)
    assert found.energy_sum is None
    assert found.multiplicity_sums == {}


def test_the_correlation_that_changed_most_is_named():
    rng = np.random.default_rng(5)
    four = JETS.choose("4")
    before = rng.normal(50, 5, (4000, 4)).astype(np.float32)
    before[:, 1:3] *= 0.02
    after = before.copy()
    after[:, 3] = before[:, 0]
    change = physics(before, after, four).correlation_change
    assert {change.first, change.second} == {"pt", "mass"}
    assert change.before == pytest.approx(0, abs=0.05)
    assert change.after == pytest.approx(1, abs=1e-6)
    assert physics(before, before, four).correlation_change is None
