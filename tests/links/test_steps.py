"""Steps of variables: what modulo words are made of."""

import numpy as np
import pytest

from aefpga.errors import UsageError
from aefpga.links.steps import TURN, Scale
from aefpga.schema import JETS, Kind, Variable


@pytest.mark.parametrize("name", ["pt", "eta", "phi", "area", "photon_energy", "vertex_z"])
def test_steps_come_back_as_values_within_a_step(name):
    scale = Scale.of(JETS.variable(name))
    rng = np.random.default_rng(0)
    values = {"phi": rng.uniform(-np.pi, np.pi, 5000), "area": rng.uniform(0, 1.9, 5000)}.get(
        name, rng.lognormal(1, 2, 5000).clip(0, 4 if name == "eta" else 30)
    )
    steps = scale.steps(values)
    back = scale.values(steps)
    np.testing.assert_array_equal(scale.steps(back), steps)
    assert np.quantile(np.abs(back - values) / np.maximum(np.abs(values), 1), 0.99) < 0.025


def test_phi_wraps_as_the_word_does():
    scale = Scale.of(JETS.variable("phi"))
    steps = scale.steps(np.linspace(-np.pi, np.pi, 1001))
    assert steps.min() == -TURN // 2
    assert steps.max() == TURN // 2 - 1


def test_a_kind_without_steps_is_named():
    time = Variable(name="t", unit="ns", kind=Kind(name="time", resolution=0.1, bound=1.0))
    with pytest.raises(UsageError, match="no steps of t, of kind time"):
        Scale.of(time)
