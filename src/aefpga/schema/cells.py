"""Records of cells: what a trigger module sends, regions of a calorimeter, and images of jets.

Each has the counts of all its cells, and their sum.
"""

from collections.abc import Iterator, Mapping, Sequence

from aefpga.choices import Normalisation
from aefpga.schema.image import NO_CELL, Layout
from aefpga.schema.schema import Schema
from aefpga.schema.variable import CHARGE, Variable

# A module of CMS's endcap calorimeter sends three rhombi of 4 by 4 trigger cells.
N_CELLS, SIDE, RHOMBI = 48, 4, 3
# The same on a square: a row of rhombi, and one below the first.
SQUARE = """
28 29 30 31  0  4  8 12
24 25 26 27  1  5  9 13
20 21 22 23  2  6 10 14
16 17 18 19  3  7 11 15
47 43 39 35  -  -  -  -
46 42 38 34  -  -  -  -
45 41 37 33  -  -  -  -
44 40 36 32  -  -  -  -
"""
# cm between neighbours: along an edge, and across and down (or up) along the slanted ones.
STEP, ACROSS, DOWN = 2.417, 2.093, 1.208

# Regions of CMS's calorimeter trigger: around the beam, and along it.
REGIONS_SHAPE = (18, 14)
# In units of 0.05 around the axis of a jet.
IMAGES_SHAPE, PIXEL = (16, 16), 0.05


def _record(
    name: str,
    cell: str,
    total: str,
    unit: str,
    layouts: Mapping[str, Layout],
    positions: Mapping[str, tuple[float, float]],
    source: str = "",
    normalisation: Normalisation = "shares",
    position_unit: str = "",
) -> Schema:
    """Return the record of a layout's cells, in the order in which they are numbered."""
    cells = tuple(positions)
    variables = [
        Variable(
            name=name,
            unit=unit,
            kind=CHARGE,
            description=f"{cell} {number}",
            source=source.format(number),
        )
        for number, name in enumerate(cells)
    ]
    sum_of_all = Variable(name=total, unit=unit, kind=CHARGE, description=f"sum of all {cell}s")
    return Schema(
        name=name,
        variables=(*variables, sum_of_all),
        sums={total: cells},
        sets={str(len(cells)): cells, str(len(cells) + 1): (*cells, total)},
        usual=str(len(cells)),
        layouts=layouts,
        positions=positions,
        position_unit=position_unit,
        normalisation=normalisation,
        one_per_event=True,
    )


def _cell(number: int) -> str:
    return f"cell_{number}"


def _rhombi() -> Layout:
    return Layout(
        shape=(SIDE, SIDE, RHOMBI),
        cells=tuple(
            _cell(SIDE * (SIDE * rhombus + row) + column)
            for row in range(SIDE)
            for column in range(SIDE)
            for rhombus in range(RHOMBI)
        ),
    )


def _square() -> Layout:
    rows = [line.split() for line in SQUARE.split("\n") if line]
    cells = tuple(NO_CELL if text == "-" else _cell(int(text)) for row in rows for text in row)
    return Layout(shape=(len(rows), len(rows[0])), cells=cells)


def _places() -> Iterator[tuple[float, float]]:
    """Yield where the cells of a module are, in cm."""
    by_four, by_one = range(SIDE), range(SIDE)
    for x, y, four, one in (
        (0.0, 0.0, (ACROSS, -DOWN), (0.0, -STEP)),
        (-8.372, -10.271, (0.0, STEP), (ACROSS, DOWN)),
        (4.709, -12.386, (-ACROSS, -DOWN), (-ACROSS, DOWN)),
    ):
        for j in by_four:
            for i in by_one:
                yield x + j * four[0] + i * one[0], y + j * four[1] + i * one[1]


def _grid(cell: str, shape: tuple[int, int]) -> tuple[Mapping[str, Layout], Sequence[str]]:
    names = tuple(f"{cell}_{i}_{j}" for i in range(shape[0]) for j in range(shape[1]))
    return {f"{shape[0]}x{shape[1]}": Layout(shape=shape, cells=names)}, names


def _regions() -> Schema:
    layouts, names = _grid("region", REGIONS_SHAPE)
    places = [
        (float(i % REGIONS_SHAPE[1]), -float(i // REGIONS_SHAPE[1])) for i in range(len(names))
    ]
    return _record(
        "regions",
        "region",
        "energy",
        "GeV",
        layouts,
        dict(zip(names, places, strict=True)),
        # Shares of hundreds of regions are small.
        normalisation="physics",
    )


def _images() -> Schema:
    layouts, names = _grid("pixel", IMAGES_SHAPE)
    height, width = IMAGES_SHAPE
    places = [
        ((i % width - (width - 1) / 2) * PIXEL, ((height - 1) / 2 - i // width) * PIXEL)
        for i in range(len(names))
    ]
    return _record(
        "images", "pixel", "energy", "GeV", layouts, dict(zip(names, places, strict=True))
    )


CELLS = _record(
    "cells",
    "cell",
    "charge",
    "",
    {"4x4x3": _rhombi(), "8x8": _square()},
    dict(zip(map(_cell, range(N_CELLS)), _places(), strict=True)),
    source="CALQ_{}",
    position_unit="cm",
)
REGIONS, IMAGES = _regions(), _images()
