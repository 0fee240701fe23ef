"""Cells in compressed files: whole numbers come back exactly, or within a bound."""

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Bound, Profile
from aefpga.data.reader import read_records
from aefpga.schema import CELLS, KINDS
from aefpga.workflow.compress import Settings, compress

# Of all kinds that must have one; of charges none, which are exact then.
EXACT = Profile(
    {k.name: Bound(relative=0.01, absolute=0.01) for k in KINDS.values() if not k.is_count}
)


@pytest.mark.parametrize("name", ["econt_calq.csv", "econt_jets_0PU.csv"])
@pytest.mark.parametrize("profile", [EXACT, Profile.relative(0.1)], ids=["exact", "10 %"])
def test_real_modules_come_back_within_their_bounds(shared_data, tmp_path, name, profile):
    file = [str(shared_data / name)]
    original = read_records(file, CELLS.choose()).values
    packed = tmp_path / "cells.ae"
    compress(None, file, packed, Settings(record=CELLS, profile=profile))
    back = np.concatenate([part.values for part in Archive(packed).iterate()])
    assert profile.within(CELLS.choose(), original, back).all()
    if profile is EXACT:
        assert np.array_equal(back, original)
    # In a byte and a half for each cell that is hit.
    assert packed.stat().st_size < 1.5 * (original > 0).sum() + 10_000


def test_a_bound_of_charges_is_relative_or_a_count():
    bound = Profile.relative(0.1).of(KINDS["charge"])
    assert (bound.relative, bound.absolute) == (0.1, pytest.approx(1.0))
