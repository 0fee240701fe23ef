import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aefpga.errors import RunError
from aefpga.normalise import MinMax, load_normaliser, save_normaliser

numbers = st.floats(-1e6, 1e6, width=32)


@given(arrays(np.float32, (5, 3), elements=numbers))
def test_inverse(x):
    normaliser = MinMax().fit(x)
    back = normaliser.inverse_transform(normaliser.transform(x))
    span = x.max(axis=0).astype(float) - x.min(axis=0)
    # float32 in between: relative to the range, and to the value that is returned
    assert (np.abs(back - x) <= 1e-6 * span + 1e-6 * np.abs(x)).all()


def test_constants_come_back_exactly():
    x = np.full((4, 1), 3.7, np.float32)
    normaliser = MinMax().fit(x)
    assert (normaliser.transform(x) == 0).all()
    assert np.array_equal(normaliser.inverse_transform(np.full((4, 1), 9, np.float32)), x)


def test_files_round_trip_and_are_checked(tmp_path):
    path = tmp_path / "normaliser.json"
    save_normaliser(MinMax().fit(np.array([[1, 2], [3, 5]], np.float32)), path)
    assert load_normaliser(path).maximum_.tolist() == [3, 5]
    path.write_text(path.read_text().replace("5.0", "6.0"))
    with pytest.raises(RunError, match="was changed"):
        load_normaliser(path)
    path.write_text("[]")
    with pytest.raises(RunError, match="cannot be read"):
        load_normaliser(path)
