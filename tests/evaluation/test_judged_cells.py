"""Cells judged: distances with closed forms, and choices that keep to their bits."""

from math import ceil, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from aefpga.evaluation.cells.distance import earth_movers
from aefpga.evaluation.cells.judge import (
    MOST_CELLS,
    CellsJudgement,
    Reconstruction,
    chosen,
    judge_cells,
)
from aefpga.evaluation.cells.schemes import choices
from aefpga.fixedpoint.total import Total
from aefpga.schema import CELLS, IMAGES, REGIONS

pytest.importorskip("ot", reason="the earth mover's distance needs the extra `baselines`")
IMAGE = CELLS.image()
ENERGIES = st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(any)
SOME = ["largest cells", "largest cells only", "threshold", "super cells"]
BITS = (56, 72, 88, 120, 152)


@pytest.fixture(scope="module")
def modules():
    """Modules with one cell to 48."""
    rng = np.random.default_rng(7)
    cells = np.floor(rng.lognormal(3, 1, (300, 48)))
    return cells * (rng.random((300, 48)) < np.linspace(0.02, 1, 300)[:, None]) + np.eye(300, 48)


@given(ENERGIES, ENERGIES)
@settings(deadline=None)
def test_on_a_line_the_distance_is_the_area_between_cumulative_shares(before, after):
    line = np.column_stack([[0.0, 1.0, 1.5, 4.0, 4.5, 7.0], np.zeros(6)])
    shares = [np.cumsum(np.array(x) / sum(x)) for x in (before, after)]
    area = np.abs(shares[0] - shares[1])[:-1] @ np.diff(line[:, 0])
    found = earth_movers(np.array([before]), np.array([after]), line)
    assert found == pytest.approx([area], abs=1e-7)


def test_energy_at_another_cell_is_as_far_off_as_that_is():
    before, after = np.zeros((2, 48)), np.zeros((2, 48))
    before[:, 3], after[:, 40] = (10, 7), (2, 300)
    way = np.hypot(*(IMAGE.positions[3] - IMAGE.positions[40]))
    assert earth_movers(before, after, IMAGE.positions) == pytest.approx([way, way])


def test_nothing_counts_as_everywhere():
    before = np.eye(48)[:1]
    mean = np.hypot(*(IMAGE.positions - IMAGE.positions[0]).T).mean()
    assert earth_movers(before, np.zeros((1, 48)), IMAGE.positions) == pytest.approx([mean])


@pytest.mark.parametrize("bits", BITS)
def test_choices_keep_to_their_bits_and_to_the_sum(modules, bits):
    total = Total.fitting(modules)
    sums = total.values(total.words(modules))
    found = {c.name: c for c in choices(modules, IMAGE, bits)}
    assert list(found) == [
        "largest cells",
        "largest cells only",
        "threshold",
        "super cells",
        "truncation",
    ]
    for choice in found.values():
        assert bits / 2 < choice.bits <= bits
        assert choice.back.min() >= 0
        assert choice.back.sum(axis=1) == pytest.approx(sums)


def test_all_that_fits_is_kept_but_for_roundings(modules):
    (largest, *_) = choices(modules, IMAGE, 152)
    room = int(largest.how.partition(" ")[0])
    few = (modules > 0).sum(axis=1) < room
    assert few.sum() > 20
    assert np.array_equal(largest.back[few] > 0, modules[few] > 0)
    there = modules[few] > 0
    assert np.abs(largest.back[few] / np.maximum(modules[few], 1) - 1)[there].max() < 0.15


def test_largest_cells_only_are_those_and_no_others(modules):
    (_, only, *_) = choices(modules, IMAGE, 88)
    room = int(only.how.partition(" ")[0])
    assert ((only.back > 0).sum(axis=1) == np.minimum((modules > 0).sum(axis=1), room)).all()


def test_bits_of_the_largest_cells_are_counted_with_their_addresses(modules):
    (largest, *_) = choices(modules, IMAGE, 88)
    width = int(Total.fitting(modules).type.width.item())
    room, charge = (int(largest.how.split()[i]) for i in (0, -1))
    assert largest.bits == width + room * (ceil(log2(48)) + charge)
    assert 2**charge > np.log2(modules.max()) * 8 - 24
    assert (np.unique(np.round(largest.back[-1], 6)).size) <= room + 1


def test_the_threshold_is_the_least_that_fits(modules):
    found = {c.name: c for c in choices(modules, IMAGE, 88)}["threshold"]
    least = float(found.how.split()[2])
    more = modules[modules < least].max()
    mean = (modules >= least).sum(axis=1).mean()
    one = (found.bits - Total.fitting(modules).type.width.item() - 6) / mean
    assert found.bits + one * ((modules >= more).sum(axis=1).mean() - mean) > 88


def test_super_cells_are_squares_of_neighbours(modules):
    found = {c.name: c for c in choices(modules, IMAGE, 152)}["super cells"]
    # Cells 0, 1, 4 and 5 are a square of the first rhombus.
    assert (np.ptp(found.back[:, [0, 1, 4, 5]], axis=1) == 0).all()
    summed = modules[:, [0, 1, 4, 5]].sum(axis=1) / modules.sum(axis=1)
    back = found.back[:, [0, 1, 4, 5]].sum(axis=1) / found.back.sum(axis=1)
    assert np.abs(back - summed)[summed > 0.05].max() < 0.01


def test_more_cells_need_larger_squares_and_what_there_is_no_room_for_is_left_out():
    rng = np.random.default_rng(1)
    for schema, n in ((REGIONS, 252), (IMAGES, 256)):
        cells = np.floor(rng.lognormal(1, 1, (20, n)))
        found = [c.name for c in choices(cells, schema.image(), 88)]
        assert found == SOME
    assert list(choices(np.eye(48) * 300, IMAGE, 12)) == []


def test_what_comes_back_unchanged_is_right(modules):
    judged = judge_cells(modules, {"same": Reconstruction(modules, 9)}, IMAGE.positions, "cm", 3)
    same = judged.judgement.schemes["same"]
    for figure in (same.distance.mean, same.response.half_width_99, same.position.below_90):
        assert figure == pytest.approx(0, abs=1e-9)
    assert same.width.half_width_99 == pytest.approx(0, abs=1e-6)
    assert same.lost == 0
    assert sum(b.records for b in same.by_occupancy) == len(modules)
    assert sum(b.records for b in same.by_energy) == len(modules)
    again = TypeAdapter(CellsJudgement).validate_python(judged.judgement.to_dict())
    assert again == judged.judgement


def test_shifts_losses_and_widths_are_measured():
    before = np.zeros((2, 48))
    before[:, 0] = 10
    after = np.zeros((2, 48))
    after[0, [0, 1]] = 4, 4
    judged = judge_cells(before, {"x": Reconstruction(after, 1)}, IMAGE.positions, "cm", 0)
    found = judged.judgement.schemes["x"]
    apart = np.hypot(*(IMAGE.positions[0] - IMAGE.positions[1]))
    assert found.lost == 0.5
    assert found.position.mean == pytest.approx(apart / 2)
    assert found.width.median == pytest.approx(apart / 2)
    assert found.response.mean == pytest.approx((-0.2 - 1) / 2)


def test_a_scheme_is_set_beside_the_best_plain_choice(modules):
    blurred = np.tile(modules.mean(axis=1, keepdims=True), 48)
    plain = {name: Reconstruction(back, 48, "plain") for name, back in
             (("a copy", modules), ("a blur", blurred))}  # fmt: skip
    ours = {"good": Reconstruction(modules, 50), "bad": Reconstruction(blurred, 50)}
    judged = judge_cells(modules, ours | plain, IMAGE.positions, "cm", 0).judgement
    assert judged.beside("good").verdict == "as close"
    assert judged.beside("bad").verdict == "farther"
    assert judged.beside("bad").sentence.endswith(" cm on average in 50 bits, of a copy 0 cm in 48")
    without = judge_cells(modules, ours, IMAGE.positions, "cm", 0).judgement
    assert without.beside("good") is None
    del plain["a copy"]
    assert (
        judge_cells(modules, ours | plain, IMAGE.positions, "cm", 0)
        .judgement.beside("good")
        .verdict
        == "closer"
    )


def test_the_first_records_that_are_not_empty_are_judged():
    cells = np.ones((3000, 48))
    cells[[0, 5]] = 0
    rows = chosen(cells)
    assert rows[:5].tolist() == [1, 2, 3, 4, 6]
    assert len(rows) == MOST_CELLS // 48
