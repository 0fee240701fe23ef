"""A convolution: a layer that keeps its kernel, and is the matrix that it makes of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.layers import MAX_NEURONS, MAX_WEIGHTS, Layer, Tensor

Padding = Literal["valid", "same"]


@dataclass(frozen=True)
class Convolution:
    """Where a kernel is put on an image.

    Words of images come row by row, channels last, and so do those of what is made of them; those
    of an image that inputs do not fill come in any order.

    Parameters
    ----------
    image : tuple of int
        Height, width and channels of what comes in.
    strides : tuple of int
        Down and across.
    padding : {"valid", "same"}
        Where the kernel lies within the image; or one place for each of the image, with zeros
        around it, of which an odd one is below or right, as Keras has it.
    places : tuple of int or None
        Where on the image, word by word, each input is, with zeros elsewhere; None: one input is on
        each place, in their order.

    Raises
    ------
    ValueError
        If these are something else, or larger than a layer can be.
    """

    image: tuple[int, int, int]
    strides: tuple[int, int] = (1, 1)
    padding: Padding = "valid"
    places: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        sizes = (*self.image, *self.strides)
        if (len(self.image), len(self.strides)) != (3, 2) or not all(
            type(n) is int and 0 < n <= MAX_NEURONS for n in sizes
        ):
            raise ValueError(
                f"a convolution of an image {self.image} with strides {self.strides}; expected "
                f"three numbers and two, from 1 to {MAX_NEURONS}"
            )
        if self.padding not in get_args(Padding):
            raise ValueError(f"padding {self.padding!r:.40}; expected valid or same")
        if self.places is not None and not (
            0 < len(self.places) == len(set(self.places))
            and all(type(n) is int and 0 <= n < prod(self.image) for n in self.places)
        ):
            raise ValueError(f"expected different places of the inputs, below {prod(self.image)}")

    @property
    def n_in(self) -> int:
        """How many inputs there are."""
        return prod(self.image) if self.places is None else len(self.places)

    def shape(self, kernel: tuple[int, ...]) -> tuple[int, int, int]:
        """Return height, width and filters of what a kernel makes of the image.

        Parameters
        ----------
        kernel : tuple of int
            Height, width, channels and filters.

        Raises
        ------
        ValueError
            If it has other channels or no place, or its matrix is larger than a layer's can be.
        """
        if len(kernel) != 4 or kernel[2] != self.image[2] or min(kernel) < 1:
            raise ValueError(f"a kernel of shape {kernel} for an image of {self.image}")
        down, across = (
            -(-n // step) if self.padding == "same" else -(-(n - size + 1) // step)
            for n, size, step in zip(self.image, kernel[:2], self.strides, strict=False)
        )
        n_in, n_out = self.n_in, down * across * kernel[3]
        if min(down, across) < 1:
            raise ValueError(f"a kernel of shape {kernel} is larger than the image {self.image}")
        if max(n_in, n_out) > MAX_NEURONS or n_in * n_out > MAX_WEIGHTS:
            raise ValueError(
                f"its matrix is {n_in} × {n_out}; at most {MAX_NEURONS:,} neurons and "
                f"{MAX_WEIGHTS:,} weights are possible"
            )
        return down, across, kernel[3]

    def matrix(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """Return the matrix of a kernel, shape (inputs, outputs)."""
        shape = self.shape(kernel.shape)
        placed = np.zeros((*self.image, *shape), kernel.dtype)
        for down, row, i in self._taps(0, shape[0], kernel.shape[0]):
            for across, column, j in self._taps(1, shape[1], kernel.shape[1]):
                placed[row, column, :, down, across, :] = kernel[i, j]
        of_image = placed.reshape(prod(self.image), prod(shape))
        return of_image if self.places is None else of_image[list(self.places)]

    def lowered(self, kernel: Tensor) -> Tensor:
        """Return the matrix of a kernel with one type, or one for each filter."""
        shape = self.shape(kernel.words.shape)
        if kernel.type.shape not in ((), shape[2:]):
            raise ValueError("one type for all weights of a kernel, or for each filter's, expected")
        return Tensor(self.matrix(kernel.words), kernel.type.repeated(shape[0] * shape[1]))

    def inputs(self, kernel: tuple[int, ...]) -> Iterator[list[int]]:
        """Yield the inputs that each place of a kernel reads, row by row."""
        height, width, _ = self.shape(kernel)
        number = np.full(prod(self.image), -1)
        number[slice(None) if self.places is None else list(self.places)] = np.arange(self.n_in)
        number = number.reshape(self.image)
        rows, columns = (
            [[p for out, p, _ in self._taps(axis, n, kernel[axis]) if out == place]
             for place in range(n)]
            for axis, n in enumerate((height, width))
        )  # fmt: skip
        for row in rows:
            for column in columns:
                yield sorted(n for n in number[np.ix_(row, column)].ravel().tolist() if n >= 0)

    def _taps(self, axis: int, n_out: int, size: int) -> list[tuple[int, int, int]]:
        """Return which output reads which input through which tap, along an axis."""
        n, step = self.image[axis], self.strides[axis]
        before = max((n_out - 1) * step + size - n, 0) // 2 if self.padding == "same" else 0
        return [
            (out, place, tap)
            for out in range(n_out)
            for tap in range(size)
            if 0 <= (place := out * step + tap - before) < n
        ]


@dataclass(frozen=True, kw_only=True)
class ConvolutionLayer(Layer):
    """A layer of a kernel that is put on every place of an image.

    Parameters
    ----------
    weight : Tensor
        The kernel: height, width, channels and filters.
    image, strides, padding, places
        As of `Convolution`.
    """

    kind = "convolution"
    parts = ("weight", "bias")
    facts = ("image", "strides", "padding", "places")

    weight: Tensor
    image: tuple[int, int, int]
    strides: tuple[int, int]
    padding: Padding
    places: tuple[int, ...] | None = None

    @property
    def convolution(self) -> Convolution:
        """Where the kernel is put."""
        return Convolution(self.image, self.strides, self.padding, self.places)

    @cached_property
    def matrix(self) -> Tensor:
        """The kernel at every place."""
        return self.convolution.lowered(self.weight)

    @property
    def blocks(self) -> Iterator[tuple[Sequence[int], slice]]:
        """The filters of one place after the other."""
        n = self.weight.words.shape[3]
        for place, inputs in enumerate(self.convolution.inputs(self.weight.words.shape)):
            yield inputs, slice(place * n, place * n + n)
