"""The convolutions of a model, and where each is put: on a record's image, or on the one before."""

from dataclasses import dataclass

import numpy as np

from aefpga.config.model import ModelConfig
from aefpga.errors import UsageError
from aefpga.fixedpoint import Convolution
from aefpga.schema import Image, Schema


@dataclass(frozen=True)
class PlacedKernel:
    """A layer of a model that is a convolution.

    Parameters
    ----------
    name : str
        Of the layer.
    convolution : Convolution
        Where the kernel is put.
    kernel : tuple of int
        Height, width, channels and filters.
    """

    name: str
    convolution: Convolution
    kernel: tuple[int, int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and filters of what it makes."""
        return self.convolution.shape(self.kernel)


def placed_kernels(model: ModelConfig, schema: Schema) -> tuple[PlacedKernel, ...]:
    """Return the convolutions of a model of kind conv for tables of cells; of other kinds none.

    Raises
    ------
    UsageError
        If there is no image, something else beside its cells, or no room for a kernel.
    """
    if not model.filters:
        return ()
    image = schema.image(model.layout)
    if image is None:
        raise UsageError(
            f"model.kind conv takes images, and the variables of {schema.name} are no cells; "
            "choose another kind, a record of cells, or give its schema a `shape`"
        )
    if others := [schema.names[i] for i in set(range(len(schema))) - set(image.cells.tolist())]:
        raise UsageError(
            f"model.kind conv takes cells alone: leave out {', '.join(others)}, see --variables"
        )
    found: list[PlacedKernel] = []
    shape, places = image.shape, _places(image)
    for name, filters in zip(model.hidden_names, model.filters, strict=False):
        strides = model.strides, model.strides
        one = PlacedKernel(
            name,
            Convolution(shape, strides, model.padding, places),
            (model.kernel, model.kernel, shape[2], filters),
        )
        try:
            shape, places = one.shape, None
        except ValueError as error:
            raise UsageError(f"model.filters: {name}: {error}") from error
        found.append(one)
    return tuple(found)


def _places(image: Image) -> tuple[int, ...] | None:
    """Return where on an image each column is, word by word; None if they fill it in order."""
    columns = image.columns.ravel()
    there = np.flatnonzero(columns >= 0)
    if np.array_equal(columns, np.arange(columns.size)):
        return None
    return tuple(there[columns[there].argsort()].tolist())
