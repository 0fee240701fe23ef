"""Convolutions as matrices: the words of an image, in Keras's order, times a matrix."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aefpga.importing.chain import check_size

Shape = tuple[int, int, int]
Padding = Literal["valid", "same"]


def output_shape(
    name: str,
    shape: Shape,
    kernel: tuple[int, ...],
    strides: tuple[int, int],
    padding: Padding,
) -> Shape:
    """Return height, width and filters of what a convolution returns.

    Parameters
    ----------
    name : str
        Of the layer, for messages.
    shape : tuple of int
        Height, width and channels of the image.
    kernel : tuple of int
        Height, width, channels and filters.

    Raises
    ------
    Refusal
        If its matrix would be larger than that of a layer can be, or there is no output.
    """
    places = [
        -(-n // step) if padding == "same" else max(-(-(n - size + 1) // step), 0)
        for n, size, step in zip(shape, kernel[:2], strides, strict=False)
    ]
    check_size(name, shape[0] * shape[1] * shape[2], places[0] * places[1] * kernel[3])
    return places[0], places[1], kernel[3]


def matrix(
    kernel: NDArray[np.int64],
    shape: Shape,
    output: Shape,
    strides: tuple[int, int],
    padding: Padding,
) -> NDArray[np.int64]:
    """Return the matrix of a convolution, shape (inputs, outputs), channels last.

    Parameters
    ----------
    kernel : ndarray of int64, shape (height, width, channels, filters)
        Words of the weights.
    shape, output : tuple of int
        Height, width and channels of the image, and of what `output_shape` returned.
    """
    rows, columns = (
        _taps(*sizes, padding)
        for sizes in zip(shape[:2], output[:2], kernel.shape[:2], strides, strict=True)
    )
    placed = np.zeros((*shape, *output), np.int64)
    for down, row, i in rows:
        for across, column, j in columns:
            placed[row, column, :, down, across, :] = kernel[i, j]
    return placed.reshape(int(np.prod(shape)), -1)


def _taps(n: int, n_out: int, size: int, step: int, padding: Padding) -> list[tuple[int, int, int]]:
    """Return which output reads which input through which tap, along an axis."""
    before = max((n_out - 1) * step + size - n, 0) // 2 if padding == "same" else 0
    return [
        (out, place, tap)
        for out in range(n_out)
        for tap in range(size)
        if 0 <= (place := out * step + tap - before) < n
    ]
