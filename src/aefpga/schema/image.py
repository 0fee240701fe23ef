"""`Layout`: where the variables of a record lie on an image; `Image`: where those of a table do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

# Of an image, and of its sides together.
MOST_SIDES, MOST_PLACES = 3, 1 << 16
NO_CELL = ""


class Layout(BaseModel):
    """An arrangement of cells.

    Parameters
    ----------
    shape : tuple of int
        Of a row of cells, its length; height and width; or height, width and channels.
    cells : tuple of str
        The variable in each place, row by row, channels last; an empty name where there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: tuple[int, ...]
    cells: tuple[str, ...]

    @model_validator(mode="after")
    def _a_place_for_each(self) -> Self:
        shape, names = self.shape, tuple(filter(None, self.cells))
        if not 0 < len(shape) <= MOST_SIDES or min(shape) < 1 or prod(shape) > MOST_PLACES:
            raise ValueError(
                f"a shape of 1 to {MOST_SIDES} numbers from 1, of at most {MOST_PLACES:,} places, "
                "was expected"
            )
        if len(self.cells) != prod(shape):
            raise ValueError(
                f"{len(self.cells)} cells; a shape of {shape} has {prod(shape)} places"
            )
        if not names or len(set(names)) < len(names):
            raise ValueError("a cell at least, and none in two places, was expected")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, without the places that are empty."""
        return tuple(filter(None, self.cells))


@dataclass(frozen=True)
class Image:
    """Which columns of a table lie where on an image.

    Parameters
    ----------
    columns : ndarray of int64, shape (height, width, channels)
        The column in each place; -1 where there is no cell.
    positions : ndarray of float64, shape (n_cells, 2)
        Where the cells are, in the order of `cells`.
    """

    columns: NDArray[np.int64]
    positions: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.columns.shape
        return height, width, channels

    @property
    def cells(self) -> NDArray[np.int64]:
        """The columns that are cells, in the order of the table, shape (n_cells,)."""
        return np.sort(self.columns[self.columns >= 0])


def image_of(
    layout: Layout, place: Mapping[str, int], positions: Mapping[str, tuple[float, float]]
) -> Image:
    """Return the image of a table.

    Parameters
    ----------
    layout : Layout
        Of the record.
    place : Mapping of str to int
        The columns of the variables that the table has.
    positions : Mapping of str to tuple of float
        Where cells are; those that are not named are where the layout has them: x across, y up.
    """
    shape = (*layout.shape, 1, 1)[:MOST_SIDES] if len(layout.shape) > 1 else (1, *layout.shape, 1)
    columns = np.array([place.get(name, -1) for name in layout.cells]).reshape(shape)
    found = dict(_found(layout, shape, place, positions))
    return Image(columns, np.array([found[column] for column in sorted(found)]).reshape(-1, 2))


def _found(
    layout: Layout,
    shape: tuple[int, ...],
    place: Mapping[str, int],
    positions: Mapping[str, tuple[float, float]],
) -> Iterator[tuple[int, tuple[float, float]]]:
    """Yield the column of each cell, and where it is."""
    for (row, column, _), name in zip(np.ndindex(*shape), layout.cells, strict=True):
        if name in place:
            yield place[name], positions.get(name, (float(column), -float(row)))
