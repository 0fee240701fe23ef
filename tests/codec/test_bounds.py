import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aefpga.codec.bounds import Profile, parse_profile
from aefpga.codec.corrections import Corrector
from aefpga.errors import UsageError
from aefpga.schema import JETS, KINDS

NAMES = ("pt", "eta", "phi", "mass", "area", "photon_energy", "photon_multiplicity")
VARIABLES = JETS.select(NAMES)
COUNT = NAMES.index("photon_multiplicity")
PHI = NAMES.index("phi")
finite = st.floats(-1e5, 1e5, width=32)


def tables(n):
    return arrays(np.float32, (n, len(NAMES)), elements=finite)


@given(tables(8), tables(8), st.sampled_from([0.001, 0.01, 0.1]))
def test_corrected_values_are_within_their_bounds_or_found_not_to_be(original, decoded, share):
    original[:, COUNT] = np.rint(original[:, COUNT])
    original[:, PHI] = np.mod(original[:, PHI] + np.pi, 2 * np.pi) - np.pi
    profile = Profile.relative(share)
    corrector = Corrector(profile, VARIABLES)
    steps, far = corrector.steps(original, decoded, np.zeros(original.shape, bool))
    back = corrector.corrected(decoded, steps)
    within = profile.within(VARIABLES, original, back)
    # Whatever the decoder said; but float32 cannot tell angles apart at 1e5.
    columns = [i for i, n in enumerate(NAMES) if n != "eta"]
    assert (within | far)[:, columns].all(), (original[~within], back[~within])
    near = ~far[:, COUNT]
    np.testing.assert_array_equal(back[near, COUNT], original[near, COUNT])


def test_small_steps_are_enough_where_the_decoder_is_close():
    rng = np.random.default_rng(0)
    original = rng.uniform(5, 500, (2000, len(NAMES))).astype(np.float32)
    decoded = original * rng.normal(1, 0.005, original.shape).astype(np.float32)
    steps = Corrector(Profile.relative(0.01), VARIABLES).steps(
        original, decoded, np.zeros(original.shape, bool)
    )[0]
    assert np.abs(steps[:, 0]).max() <= 2
    assert (steps[:, 0] == 0).mean() > 0.9


@given(tables(7), tables(7))
def test_blocks_do_not_show(original, decoded):
    corrector, kept = Corrector(Profile.relative(0.01), VARIABLES), original < 0

    def made():
        steps, far = corrector.steps(original, decoded, kept)
        return steps, far, corrector.corrected(decoded, steps)

    whole = made()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.codec.corrections.BLOCK", 3)
        for one, other in zip(whole, made(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_phi_is_corrected_across_the_cut():
    original, decoded = np.ones((2, 1, len(NAMES)), np.float32)
    original[0, PHI], decoded[0, PHI] = np.pi - 0.01, -np.pi + 0.02
    profile = Profile.relative(0.01)
    corrector = Corrector(profile, VARIABLES)
    steps, _ = corrector.steps(original, decoded, np.zeros((1, len(NAMES)), bool))
    assert abs(steps[0, PHI]) == 1
    assert profile.within(VARIABLES, original, corrector.corrected(decoded, steps)).all()


def test_profiles_are_read(tmp_path):
    assert parse_profile("1%") == Profile.relative(0.01)
    path = tmp_path / "profile.yaml"
    kinds = "\n".join(
        f"{k}: {{absolute: 0.1}}" for k in ("momentum", "energy", "area", "angle", "position")
    )
    path.write_text(kinds + "\nmultiplicity: {absolute: 1}\n")
    assert parse_profile(str(path)).of(KINDS["multiplicity"]).absolute == 1


@pytest.mark.parametrize("text", ["1e-318%", "banana", "0%", "-1%", "100%", "x%", "nowhere.yaml"])
def test_other_bounds_are_refused(text):
    with pytest.raises(UsageError, match="max-error"):
        parse_profile(text)


@pytest.mark.parametrize(
    "bound", ["{absolute: .inf}", "{absolute: .nan}", "{relative: 0.1}", "{absolute: 1e-9}"]
)
def test_bounds_that_no_number_keeps_are_refused(tmp_path, bound):
    path = tmp_path / "profile.yaml"
    kinds = ("momentum", "energy", "area", "angle", "position")
    path.write_text(
        "\n".join(f"{k}: {{absolute: 0.1}}" for k in kinds) + f"\nmultiplicity: {bound}"
    )
    with pytest.raises(UsageError, match="no error profile"):
        parse_profile(str(path))


def test_a_bound_that_zero_cannot_keep_is_refused(tmp_path):
    path = tmp_path / "profile.yaml"
    path.write_text(
        "\n".join(
            f"{k}: {{relative: 0.1}}" for k in ("momentum", "energy", "area", "angle", "position")
        )
    )
    with pytest.raises(UsageError, match="absolute must be above 0"):
        parse_profile(str(path))
