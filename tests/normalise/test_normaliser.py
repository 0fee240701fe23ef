import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aefpga.errors import DataError, RunError
from aefpga.normalise import Normaliser, load_normaliser, save_normaliser
from aefpga.normalise.maps import Companded
from aefpga.normalise.recipes import RECIPES, RESOLUTIONS
from aefpga.schema import CELLS, JETS, KINDS

finite = st.floats(-1e6, 1e6, width=32)
tables = arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 5)), elements=finite)


def min_max(x):
    """Return the normaliser of a table whose columns are of no particular meaning."""
    schema = JETS.select(JETS.names[: x.shape[-1]]) if x.ndim else JETS
    return Normaliser("min-max", schema).fit(x)


@given(tables)
def test_inverse_undoes_transform(x):
    normaliser = min_max(x)
    y = normaliser.transform(x)
    assert y.dtype == np.float32
    assert y.min() >= 0
    assert y.max() <= 1
    # Two roundings to float32: of the normalised value, scaled by the range, and of the result.
    span = normaliser.maximum_ - normaliser.minimum_
    allowed = 2.0**-24 * (span + np.abs(x.astype(np.float64))) + 1e-30
    assert np.all(np.abs(normaliser.inverse_transform(y).astype(np.float64) - x) <= 1.01 * allowed)


@pytest.mark.parametrize("n_jets", [0, 1, 7, 8])
def test_blocks_join_in_order(monkeypatch, n_jets):
    monkeypatch.setattr("aefpga.normalise.normaliser.BLOCK", 4)
    normaliser = min_max(np.array([[0, 0], [1, 1]], np.float32))
    y = np.arange(2 * n_jets, dtype=np.float32).reshape(n_jets, 2)
    assert np.array_equal(normaliser.inverse_transform(y), y)


@given(finite, st.integers(1, 9))
def test_constant_variable_maps_to_zero_and_back_exactly(value, n_jets):
    x = np.full((n_jets, 1), value, np.float32)
    normaliser = min_max(x)
    assert np.array_equal(normaliser.transform(x + np.float32(1)), np.zeros((n_jets, 1)))
    assert np.array_equal(normaliser.inverse_transform(np.full((n_jets, 1), 0.7, np.float32)), x)


@given(tables)
def test_config_survives_json(x):
    normaliser = min_max(x)
    again = Normaliser.from_config(json.loads(json.dumps(normaliser.get_config())))
    assert np.array_equal(again.minimum_, normaliser.minimum_)
    assert np.array_equal(again.maximum_, normaliser.maximum_)


@pytest.mark.parametrize(
    "x", [np.empty((0, 3)), np.array([[1.0, np.nan]]), np.array([[np.inf]]), np.zeros(4)]
)
def test_unusable_jets_are_refused(x):
    with pytest.raises(DataError, match="cannot normalise"):
        min_max(x.astype(np.float32))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "normaliser.json"
    save_normaliser(min_max(np.array([[1, 5], [3, 5]], np.float32)), path)
    return path


def test_saved_and_loaded(saved):
    loaded = load_normaliser(saved, ("pt", "eta"))
    assert loaded.minimum_.tolist() == [1, 5]
    assert loaded.maximum_.tolist() == [3, 5]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("minimum", [1.5, 5]),
        ("schema", 99),
        ("recipe", "other"),
        ("recipe", "physics"),
        ("checksum", "0"),
        ("extra", 1),
    ],
)
def test_changed_file_is_refused(saved, key, value):
    saved.write_text(json.dumps({**json.loads(saved.read_text()), key: value}))
    with pytest.raises(RunError, match=str(saved)):
        load_normaliser(saved, ("pt", "eta"))


def test_damaged_and_missing_files_are_refused(saved, tmp_path):
    saved.write_text(saved.read_text()[:40])
    for path in (saved, tmp_path / "none.json"):
        with pytest.raises(RunError, match="cannot be read"):
            load_normaliser(path, ("pt", "eta"))


VARIABLES = JETS.choose("24")
ranges = {
    KINDS["momentum"]: st.floats(2.0**-6, 8000, width=32),
    KINDS["energy"]: st.floats(0, 8000, width=32),
    KINDS["angle"]: st.floats(-3.125, 3.125, width=32),
    KINDS["area"]: st.floats(0.25, 2, width=32),
    KINDS["multiplicity"]: st.integers(0, 300).map(float),
}
jets = st.lists(
    st.tuples(*(ranges[v.kind] for v in VARIABLES.variables)), min_size=2, max_size=12, unique=True
).map(lambda rows: np.array(rows, np.float32))


@pytest.mark.parametrize("id", sorted(RECIPES.keys() - {"shares"}))
@given(x=jets)
def test_every_normaliser_is_undone(id, x):
    normaliser = Normaliser(id, VARIABLES).fit(x)
    y = normaliser.transform(x)
    assert y.dtype == np.float32
    assert y.shape == (len(x), normaliser.n_columns)
    back = normaliser.inverse_transform(y).astype(np.float64)
    # float32 in between: of the range for linear maps, of the value for logarithmic ones.
    allowed = 1e-5 * (np.abs(x) + np.ptp(x, axis=0) + 1)
    assert (np.abs(back - x) <= allowed).all()
    again = type(normaliser).from_config(json.loads(json.dumps(normaliser.get_config())))
    np.testing.assert_array_equal(again.transform(x), y)
    np.testing.assert_array_equal(again.inverse_transform(y), back.astype(np.float32))


def one_jet(**values):
    x = np.zeros((1, len(VARIABLES)), np.float32)
    for name, value in values.items():
        x[0, VARIABLES.index(name)] = value
    return x


def test_the_four_momentum_constants_are_the_studys():
    normaliser = Normaliser("four-momentum", VARIABLES).fit(one_jet(pt=50, mass=5))
    pt, eta, phi, mass = normaliser.transform(one_jet(pt=10**2.5, eta=2.5, phi=1.5, mass=9))[0, :4]
    assert (pt, eta, phi, mass) == pytest.approx((1.0, 0.5, 0.5, 1 / 1.8))
    assert normaliser.logarithmic == ("pt", "mass")


def test_physics_makes_equal_what_is_asked_to_be_equal():
    normaliser = Normaliser("physics", VARIABLES).fit(one_jet(pt=50, area=0.8))
    # A quarter into an octave; companded steps are those of a logarithm on the average of it.
    pt = 1.25 * 2**13
    base = {"pt": pt, "phi": 3.0, "area": 0.8, "photon_energy": 1e4, "photon_multiplicity": 7}
    y = normaliser.transform(one_jet(**base))
    for name, step in {
        "pt": 2**13 / np.log(2) * KINDS["energy"].resolution,
        "eta": KINDS["angle"].resolution,
        "phi": KINDS["angle"].resolution,
        "area": 0.8 * KINDS["area"].resolution,
        "photon_multiplicity": KINDS["multiplicity"].resolution,
    }.items():
        moved = normaliser.transform(one_jet(**{**base, name: base.get(name, 0) + step}))
        assert np.linalg.norm(moved - y) == pytest.approx(1 / RESOLUTIONS, rel=0.02), name
    # What comes back beyond a turn is the same angle within it, and integers are integers.
    beyond = normaliser.inverse_transform(normaliser.transform(one_jet(phi=np.pi + 0.1)))
    assert beyond[0, VARIABLES.index("phi")] == pytest.approx(0.1 - np.pi)
    noisy = normaliser.inverse_transform(
        y + np.float32(0.4 / KINDS["multiplicity"].resolution / RESOLUTIONS)
    )
    counts = [i for i, v in enumerate(VARIABLES.variables) if v.kind.is_count]
    np.testing.assert_array_equal(noisy[:, counts], one_jet(**base)[:, counts])


@given(tables)
def test_companding_is_undone(x):
    targets = Companded(7, 7, 3.0)
    values = np.abs(x[:, 0]).astype(np.float64)
    np.testing.assert_allclose(targets.backward(targets.forward(values)), values, rtol=1e-12)
    # A small octave and a large one have the same width.
    octaves = targets.forward(np.array([8.0, 16.0, 1024.0, 2048.0]))
    assert octaves[1] - octaves[0] == pytest.approx(octaves[3] - octaves[2])


def test_normalisers_of_before_are_read(tmp_path):
    """Schema 2 had a class for min-max, and its ranges beside every other one's maps."""
    from hashlib import sha256

    x = np.array([[20, 1, 2], [60, -1, 2]], np.float32)
    ranges = {"minimum": [20.0, -1.0, 2.0], "maximum": [60.0, 1.0, 2.0]}
    maps = [{"kind": "companded", "grid": 7, "mantissa": 7, "scale": 5.0}]
    maps += [{"kind": "affine", "offset": 0.0, "scale": 1.6}]
    maps += [{"kind": "wrapped", "offset": 0.0, "scale": 1.6}]
    names = ("pt", "eta", "phi")
    for config in (
        {"id": "min-max", **ranges},
        {
            "id": "physics",
            "variables": list(names),
            "maps": maps,
            "min_max": {"id": "min-max", **ranges},
        },
    ):
        text = json.dumps(config, sort_keys=True)
        content = {"schema": 2, "checksum": sha256(text.encode()).hexdigest(), **config}
        (tmp_path / "n.json").write_text(json.dumps(content))
        found = load_normaliser(tmp_path / "n.json", names)
        assert found.recipe == config["id"]
        np.testing.assert_allclose(found.inverse_transform(found.transform(x)), x, rtol=1e-6)
        np.testing.assert_array_equal(found.min_max_.transform(x), [[0, 1, 0], [1, 0, 0]])
    with pytest.raises(RunError, match="of eta, phi, pt"):
        load_normaliser(tmp_path / "n.json", ("eta", "phi", "pt"))


@given(st.lists(st.integers(0, 2000), min_size=48, max_size=48))
def test_shares_times_their_sum_are_the_cells(cells):
    x = np.array([cells], np.float32)
    normaliser = Normaliser("shares", CELLS.choose()).fit(x)
    columns = normaliser.transform(x)
    assert columns.sum() == pytest.approx(float(any(cells)))
    assert np.array_equal(normaliser.inverse_transform(columns, x.sum(axis=1)), x)


def test_shares_that_a_network_makes_add_up_to_the_sum(tmp_path):
    x = np.random.default_rng(1).integers(0, 90, (50, 48)).astype(np.float32)
    normaliser = Normaliser("shares", CELLS.choose()).fit(x)
    save_normaliser(normaliser, tmp_path / "n.json")
    again = load_normaliser(tmp_path / "n.json", CELLS.choose().names)
    wild = np.random.default_rng(2).normal(0.02, 0.05, (50, 48)).astype(np.float32)
    back = again.inverse_transform(wild, x.sum(axis=1))
    assert back.min() >= 0
    assert np.array_equal(back, np.rint(back))
    assert np.abs(back.sum(axis=1) - x.sum(axis=1)).max() <= 24
    assert not again.inverse_transform(-np.ones((1, 48), np.float32), np.array([7.0])).any()


def test_cells_of_an_image_have_one_map():
    x = np.random.default_rng(3).integers(0, 9, (40, 49)).astype(np.float32)
    x[:, 5] *= 10
    for recipe in ("min-max", "standard", "physics"):
        maps = Normaliser(recipe, CELLS.select(CELLS.names)).fit(x).maps_
        assert len(set(maps[:48])) == 1
    assert maps[48] == maps[0]
    assert len(set(Normaliser("min-max", CELLS.select(CELLS.names)).fit(x).maps_)) == 2
