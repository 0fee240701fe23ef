import json

import numpy as np
import pytest

from aefpga.errors import DataError, UsageError
from aefpga.schema import CELLS, IMAGES, REGIONS, Layout, Schema, find_schema


def _yaml(path, text):
    path.write_text(text)
    return find_schema(str(path))


VARIABLES = "variables: [" + ", ".join(f"{{name: c{i}, kind: charge}}" for i in range(6)) + "]\n"


def test_cells_lie_as_the_module_has_them():
    rhombi, square = CELLS.image(), CELLS.image("8x8")
    assert (rhombi.shape, square.shape) == ((4, 4, 3), (8, 8, 1))
    for cell in range(48):
        assert rhombi.columns[cell // 4 % 4, cell % 4, cell // 16] == cell
    assert np.array_equal(np.sort(square.columns[square.columns >= 0]), np.arange(48))
    # Neighbours on the square, within a rhombus, are neighbours in space.
    place = square.positions
    for a, b in ((28, 29), (12, 13), (47, 46), (32, 36)):
        assert 2.1 < np.hypot(*(place[a] - place[b])) < 2.5


def test_cells_tile_their_module_without_gaps():
    apart = np.hypot(*(CELLS.image().positions[:, None] - CELLS.image().positions).T)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 2.1
    assert apart.min(axis=0).max() < 2.5
    # A cell within the module has six neighbours.
    assert (apart < 2.6).sum(axis=0).max() == 6


def test_a_table_of_some_cells_has_empty_places():
    image = CELLS.choose("cell_3,cell_17,charge").image()
    assert (image.columns >= 0).sum() == 2
    assert image.cells.tolist() == [0, 1]
    assert image.positions.tolist() == [list(CELLS.positions[n]) for n in ("cell_3", "cell_17")]
    assert CELLS.select(["charge"]).image() is None


def test_regions_and_images_have_their_shape():
    assert REGIONS.image().shape == (18, 14, 1)
    assert IMAGES.image().shape == (16, 16, 1)
    assert np.allclose(IMAGES.image().positions.mean(axis=0), 0)


def test_users_schemas_have_a_shape(tmp_path):
    schema = _yaml(tmp_path / "a.yaml", "name: towers\nshape: [2, 3]\n" + VARIABLES)
    assert schema.image().columns[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert schema.image().positions.tolist()[4] == [1, -1]
    assert Schema.from_config(json.loads(json.dumps(schema.to_config())), "x") == schema
    row = _yaml(tmp_path / "b.yaml", "name: strips\nshape: [6]\n" + VARIABLES)
    assert row.image().shape == (1, 6, 1)
    layouts = "layouts: {odd: {shape: [2, 2], cells: [c5, '', c1, c0]}}\npositions: {c5: [3, 4]}\n"
    odd = _yaml(tmp_path / "c.yaml", "name: odd\n" + layouts + VARIABLES)
    assert odd.image().columns[..., 0].tolist() == [[5, -1], [1, 0]]
    assert odd.image().positions.tolist() == [[1, -1], [0, -1], [3, 4]]
    assert odd.choose("c2,c3").image() is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("shape: [2, 2]", r"6 cells; a shape of \(2, 2\) has 4 places"),
        ("shape: [1, 2, 3, 1]", "a shape of 1 to 3 numbers"),
        ("shape: [0]", "numbers from 1"),
        ("shape: large", "a list of numbers was expected"),
        ("shape: [6]\nlayouts: {}", "leave one out"),
        ("layouts: {a: {shape: [2], cells: [c1, c1]}}", "none in two places"),
        ("layouts: {a: {shape: [1], cells: [c9]}}", "layout a names c9"),
        ("positions: {c9: [0, 0]}", "positions names c9"),
    ],
)
def test_a_wrong_shape_is_named(tmp_path, line, said):
    with pytest.raises(DataError, match=said):
        _yaml(tmp_path / "wrong.yaml", f"name: wrong\n{line}\n{VARIABLES}")


def test_unknown_layouts_are_named():
    with pytest.raises(UsageError, match="no layout 9x9; they are 4x4x3, 8x8"):
        CELLS.image("9x9")


def test_a_layout_is_checked_in_python_too():
    with pytest.raises(ValueError, match="a cell at least"):
        Layout(shape=(2,), cells=("", ""))
