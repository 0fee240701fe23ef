"""Events in level best: learned from each other, object by object."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Task, quantize_within
from aefpga.codec.scalar import Scalar
from aefpga.data.reader import read_records
from aefpga.data.sample import sample_path
from aefpga.entropy.conditional import Conditional
from aefpga.entropy.functions import angle, cos_sin, cosh
from aefpga.entropy.learning import learn
from aefpga.schema import EVENTS

USUAL = EVENTS.choose()
PROFILE = Profile.relative(0.0107)
CODEC = Scalar(Task(USUAL, profile=PROFILE))


@pytest.fixture(scope="module")
def events():
    """Embedded events."""
    return read_records([str(sample_path("events"))], USUAL, max_records=5000).values


@pytest.fixture(scope="module")
def coder(events):
    """A coder that learned, for a moment, from most of them."""
    scheme, steps = CODEC.schemes["steps"], CODEC.quantize(events[:4000]).tables["steps"]
    return Conditional(scheme, learn(scheme, [(steps, np.ones(4000, np.int64))], batches=150))


def test_other_events_take_less_than_with_histograms(events, coder):
    steps, counts = CODEC.quantize(events[4000:]).tables["steps"], np.ones(1000, np.int64)
    data = coder.encode(steps, counts)
    np.testing.assert_array_equal(coder.decode(data, counts), steps)
    assert len(data) < 0.95 * len(CODEC.coders["steps"].encode(steps, counts))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 99), st.sampled_from([2, 300, 2**22]), st.floats(0, 1))
def test_whatever_the_objects_are_they_come_back(events, coder, seed, reach, share):
    """Ghosts, holes and orders that no event has included."""
    rng = np.random.default_rng(seed)
    steps = CODEC.quantize(events[:20]).tables["steps"]
    turns = [USUAL.index(n) for n in USUAL.names if n.endswith("_phi")]
    made = rng.integers(-reach, reach, steps.shape)
    made[:, turns] %= 98
    steps = np.where(rng.random(steps.shape) < share, made, steps)
    counts = np.ones(len(steps), np.int64)
    np.testing.assert_array_equal(coder.decode(coder.encode(steps, counts), counts), steps)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 99), st.sampled_from([0.5, 0.0107, 1e-4]), st.sampled_from([1e-3, 0.02, 1, 400])
)
def test_what_is_there_stays_there_within_its_bounds(seed, share, pt):
    """Also what has next to no pt, directions without one, and negative zeros."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, pt, (30, len(USUAL))).astype(np.float32)
    values[rng.random(values.shape) < 0.5] = 0
    columns = [USUAL.index(n) for n in USUAL.names if n.endswith("_pt")]
    values[:, columns] = np.abs(values[:, columns])
    values[0] = -0.0
    codec = Scalar(Task(USUAL, profile=Profile.relative(share)))
    made = quantize_within(codec, values)
    assert codec.task.profile.within(USUAL, values, made.back).all()
    np.testing.assert_array_equal(made.back[:, columns] > 0, values[:, columns] > 0)


@given(st.floats(-3.2, 3.2), st.floats(1e-3, 1e6))
def test_functions_are_close_to_those_of_libraries(x, size):
    cos, sin = cos_sin(np.array([x]))
    np.testing.assert_allclose([cos[0], sin[0]], [np.cos(x), np.sin(x)], atol=1e-8)
    found = angle(size * cos, size * sin)[0]
    assert abs(np.angle(np.exp(1j * (found - x)))) < 1e-4
    np.testing.assert_allclose(cosh(np.array([x])), np.cosh(x), rtol=1e-8)
