import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aefpga.errors import DataError, RunError
from aefpga.normalise import MinMax, load_normaliser, save_normaliser

finite = st.floats(-1e6, 1e6, width=32)
tables = arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 5)), elements=finite)


@given(tables)
def test_inverse_undoes_transform(x):
    normaliser = MinMax().fit(x)
    y = normaliser.transform(x)
    assert y.dtype == np.float32
    assert y.min() >= 0
    assert y.max() <= 1
    # Two roundings to float32: of the normalised value, scaled by the range, and of the result.
    span = normaliser.maximum_ - normaliser.minimum_
    allowed = 2.0**-24 * (span + np.abs(x.astype(np.float64))) + 1e-30
    assert np.all(np.abs(normaliser.inverse_transform(y).astype(np.float64) - x) <= 1.01 * allowed)


@given(finite, st.integers(1, 9))
def test_constant_variable_maps_to_zero_and_back_exactly(value, n_jets):
    x = np.full((n_jets, 1), value, np.float32)
    normaliser = MinMax().fit(x)
    assert np.array_equal(normaliser.transform(x + np.float32(1)), np.zeros((n_jets, 1)))
    assert np.array_equal(normaliser.inverse_transform(np.full((n_jets, 1), 0.7, np.float32)), x)


@given(tables)
def test_config_survives_json(x):
    normaliser = MinMax().fit(x)
    again = MinMax.from_config(json.loads(json.dumps(normaliser.get_config())))
    assert np.array_equal(again.minimum_, normaliser.minimum_)
    assert np.array_equal(again.maximum_, normaliser.maximum_)


@pytest.mark.parametrize(
    "x", [np.empty((0, 3)), np.array([[1.0, np.nan]]), np.array([[np.inf]]), np.zeros(4)]
)
def test_unusable_jets_are_refused(x):
    with pytest.raises(DataError, match="cannot normalise"):
        MinMax().fit(x.astype(np.float32))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "normaliser.json"
    save_normaliser(MinMax().fit(np.array([[1, 5], [3, 5]], np.float32)), path)
    return path


def test_saved_and_loaded(saved):
    loaded = load_normaliser(saved)
    assert loaded.minimum_.tolist() == [1, 5]
    assert loaded.maximum_.tolist() == [3, 5]


@pytest.mark.parametrize(
    ("key", "value"),
    [("minimum", [1.5, 5]), ("schema", 99), ("id", "other"), ("checksum", "0"), ("extra", 1)],
)
def test_changed_file_is_refused(saved, key, value):
    saved.write_text(json.dumps({**json.loads(saved.read_text()), key: value}))
    with pytest.raises(RunError, match=str(saved)):
        load_normaliser(saved)


def test_damaged_and_missing_files_are_refused(saved, tmp_path):
    saved.write_text(saved.read_text()[:40])
    for path in (saved, tmp_path / "none.json"):
        with pytest.raises(RunError, match="cannot be read"):
            load_normaliser(path)
