import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aefpga.codec.bounds import Bound, Profile
from aefpga.codec.grid import LARGEST, Grid, Grids
from aefpga.errors import UsageError
from aefpga.schema import JETS

bounds = st.builds(
    Bound,
    relative=st.sampled_from([0.0, 0.0005, 0.0107, 0.3]),
    absolute=st.sampled_from([0.0005, 0.01, 2.0]),
)
numbers = arrays(np.float64, 30, elements=st.floats(-LARGEST / 2, LARGEST / 2))


@given(bounds, numbers)
def test_the_nearest_value_is_within_the_bound(bound, x):
    grid = Grid(bound)
    allowed = np.maximum(bound.relative * np.abs(x), bound.absolute)
    reached = np.abs(grid.steps(x)) < 2**22
    assert (np.abs(grid.values(grid.steps(x)) - x) <= allowed)[reached].all()


@given(bounds, st.lists(st.integers(-500, 500)))
def test_a_value_of_the_grid_is_its_own_step(bound, steps):
    steps = np.array(steps, np.int64)
    values = Grid(bound).values(steps)
    inside = np.abs(values) < LARGEST
    np.testing.assert_array_equal(Grid(bound).steps(values)[inside], steps[inside])


@given(st.sampled_from([0.0005, 0.0107, 0.3]), st.floats(1e-6, 5), numbers)
def test_steps_are_those_of_a_search_among_all_thresholds(relative, absolute, x):
    """Also at and beside thresholds, and where those are too close for buckets."""
    grid = Grid(Bound(relative=relative, absolute=absolute))
    edges = grid._thresholds[:: len(grid._thresholds) // 50 + 1]
    beside = [np.nextafter(edges, 0), edges, np.nextafter(edges, np.inf), [0, 1e300, np.inf]]
    x = np.concatenate([x, *beside])
    expected = np.sign(x) * np.searchsorted(grid._thresholds, np.abs(x))
    np.testing.assert_array_equal(grid.steps(x), expected)


def test_exact_integers():
    x = np.arange(-5.0, 2000)
    np.testing.assert_array_equal(Grid(Bound()).values(Grid(Bound()).steps(x)), x)


def test_integer_thresholds_find_the_same_steps_as_an_fpga_would():
    """On fixed-point inputs a step is a comparison of integers: a table and no logarithm."""
    grid, fraction = Grid(Bound(relative=0.0107, absolute=0.0107)), 10
    words = np.random.default_rng(0).integers(0, 2**22, 20_000)
    table = np.ceil(grid._thresholds * 2**fraction).astype(np.int64)
    steps = (words[:, None] >= table[table <= words.max()]).sum(axis=1)
    exact = np.isin(words, table * (grid._thresholds * 2**fraction == table))
    np.testing.assert_array_equal(steps[~exact], grid.steps(words[~exact] / 2**fraction))


def test_too_fine_a_grid_is_refused():
    with pytest.raises(UsageError, match="allow a larger one"):
        Grid(Bound(relative=1e-7, absolute=1e-7)).steps(np.ones(1))


def test_totals_are_predicted_by_their_parts(jets):
    variables = JETS.choose("24")
    steps = Grids(Profile.relative(0.01), variables).steps(jets)
    totals = [
        j for j, parts in variables.totals if parts and not variables.variables[j].kind.is_count
    ]
    assert len(totals) == 3
    assert (steps[:, totals] == 0).mean() > 0.99


def test_phi_goes_around_the_circle():
    variables = JETS.choose("4")
    profile = Profile.relative(0.01)
    grids = Grids(profile, variables)
    jets = np.ones((5, 4), np.float32)
    jets[:, 2] = [np.pi, -np.pi, 3.2, 6.2, -4]
    back = grids.values(grids.steps(jets))
    assert (np.abs(back[:, 2]) <= np.pi).all()
    assert profile.within(variables, jets, back).all()
