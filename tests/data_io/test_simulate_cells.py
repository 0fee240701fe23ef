"""Toy cells: reproducible, and like real charges where they are said to be."""

from dataclasses import asdict, replace
from itertools import islice

import numpy as np
import pytest
from typer.testing import CliRunner

from aefpga.cli import app
from aefpga.data.reader import iterate_records, read_records
from aefpga.data.sample import CELLS, sample_path
from aefpga.data.simulate import ImageSimulation, ModuleSimulation, RegionSimulation
from aefpga.data.simulate.grids import BLOCK, COUNTER, THRESHOLDS
from aefpga.data.simulate.showers import LogNormal, PowerLaw, Showers, Spots, collected
from aefpga.data.writer import read_provenance
from aefpga.errors import UsageError
from aefpga.schema import CELLS as SCHEMA

KINDS = (
    ModuleSimulation("pileup", 300),
    ModuleSimulation("jets", 300),
    RegionSimulation(events=300),
    ImageSimulation("one-prong", 300),
    ImageSimulation("two-prongs", 300),
)


@pytest.fixture(scope="module")
def modules():
    [first] = islice(iterate_records([str(sample_path("cells"))]), 1)
    return first


@pytest.mark.parametrize("simulation", KINDS, ids=lambda s: f"{s.schema.name}-{s.process}")
def test_cells_are_whole_numbers_with_their_sum(simulation):
    records = simulation.block(0)
    cells, total = records.values[:, :-1], records.values[:, -1]
    assert (len(records), simulation.blocks) == (300, 1)
    assert np.array_equal(cells, np.rint(cells))
    assert cells.min() == 0
    assert np.array_equal(cells.sum(axis=1), total)
    assert total.min() > 0
    again = replace(simulation, events=20).block(0)
    assert np.array_equal(again.values, records.values[:20])
    assert not np.array_equal(replace(simulation, seed=2).block(0).values, records.values)


def test_blocks_have_seeds_of_their_own():
    simulation = ModuleSimulation(events=BLOCK + 10)
    first, second = simulation.block(0), simulation.block(1)
    assert (len(first), len(second)) == (BLOCK, 10)
    assert not np.array_equal(first.values[:10], second.values)


def test_the_embedded_cells_are_what_their_command_makes(modules):
    provenance = read_provenance(sample_path("cells"))
    assert provenance["simulation"] == asdict(CELLS)
    assert sample_path("cells").stat().st_size <= 3_000_000
    # Chance is the same in all versions of NumPy, the last digit of a power may not be.
    made = CELLS.block(0).values
    assert (made == modules.values[: len(made)]).all(axis=1).mean() > 0.999


def test_modules_are_as_full_as_real_ones(modules):
    # Of the 6,050 dense modules that docs/cells.md compares with: median sum 596 and occupancy 15,
    # and of charges that are not 0 a tenth below 6, half below 26, a tenth above 123.
    cells, total = modules.values[:, :-1], modules.values[:, -1]
    charges = cells[cells > 0]
    assert np.median(total) == pytest.approx(596, rel=0.1)
    assert np.median((cells > 0).sum(axis=1)) == pytest.approx(15, abs=2)
    assert np.quantile(charges, [0.1, 0.5, 0.9]) == pytest.approx([6, 26, 123], rel=0.2)
    assert charges.min() == THRESHOLDS["pileup"]


def test_regions_stop_at_their_counter_and_go_around():
    loud = replace(RegionSimulation(events=BLOCK), seed=5).block(0).values[:, :-1]
    assert loud.max() <= COUNTER
    rows = loud.reshape(-1, 18, 14).sum(axis=(0, 2))
    assert rows == pytest.approx(np.full(18, rows.mean()), rel=0.1)


def test_two_prongs_are_wider_than_one():
    widths = []
    for process in ("one-prong", "two-prongs"):
        cells = ImageSimulation(process, 500).block(0).values[:, :-1]
        place = ImageSimulation.schema.image().positions
        around = np.square(place).sum(axis=1)
        widths.append(np.median(cells @ around / cells.sum(axis=1)))
    assert widths[1] > 1.5 * widths[0]


def test_a_shower_keeps_its_energy_and_half_of_its_core_is_within_its_radius():
    rng = np.random.default_rng(1)
    showers = Showers(LogNormal(1, 0, 1), PowerLaw(1, 1, 1), 2.0, 9.0, 0.0, 1.0)
    spots = showers.spread(rng, np.zeros(4000, int), np.zeros((4000, 2)), np.full(4000, 10.0))
    assert spots.energy.sum() == pytest.approx(40_000, rel=0.02)
    assert (np.hypot(*spots.position.T) < 2).mean() == pytest.approx(0.5, abs=0.02)


def test_energy_is_in_the_nearest_cell_or_in_none():
    cells = np.array([[0.0, 0.0], [1.0, 0.0]])
    points = np.array([[0.4, 0.1], [0.6, 0.0], [1.2, 0.1], [5.0, 0.0]])
    spots = Spots(np.array([0, 0, 1, 1]), points, np.array([1.0, 2.0, 4.0, 8.0]))
    assert collected(spots, cells, 0.8, 2).tolist() == [[1, 2], [0, 4]]


def test_unknown_processes_are_named():
    with pytest.raises(UsageError, match="unknown process qcd; expected pileup or jets"):
        ModuleSimulation("qcd")


def test_the_command_writes_what_the_reader_reads(tmp_path):
    file = tmp_path / "jets.root"
    line = f"data simulate --record images --process two-prongs --events 30 --output {file}"
    answer = CliRunner().invoke(app, line.split())
    assert answer.exit_code == 0, answer.output
    assert "30 images" in answer.output
    table = read_records([str(file)])
    assert np.array_equal(table.values, ImageSimulation("two-prongs", 30).block(0).values)


@pytest.mark.parametrize(
    ("name", "process", "rel"), [("econt_calq", "pileup", 0.25), ("econt_jets_0PU", "jets", 1.0)]
)
def test_toy_modules_are_like_real_ones(shared_data, name, process, rel):
    real = read_records([str(shared_data / f"{name}.csv")], SCHEMA.choose()).values
    toy = replace(CELLS, process=process).block(0).values[:, :-1]
    for figure in (
        lambda x: (x > 0).sum(axis=1),
        lambda x: x.sum(axis=1),
        lambda x: x[x > 0],
        lambda x: x.max(axis=1) / x.sum(axis=1),
    ):
        found, expected = (np.quantile(figure(x), [0.1, 0.5, 0.9]) for x in (toy, real))
        assert found == pytest.approx(expected, rel=rel, abs=1)
