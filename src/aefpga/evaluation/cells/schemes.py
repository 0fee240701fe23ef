"""What else could be sent of cells in as many bits: the plain choices of trigger electronics.

Each sends the sum of the cells as the autoencoder of shares does (`fixedpoint/total.py`), in its
bits; what is decoded adds up to it.

* Largest cells (CMS's ECON-T: best choice): as many of the largest as there is room for, each with
  its address and its charge as a float with 3 bits of mantissa. The addresses are numbers, or a map
  of all cells with a bit each, whichever leaves more room.
* Largest cells only: the same, with nothing where no cell was sent, as CMS has it.
* Threshold: all cells from a threshold on, each as above, and how many. The threshold is the least
  with which the records have that many bits **on average**: single ones have more, so that a link
  needs a buffer. It is chosen on the very records that are judged.
* Super cells: squares of 2 by 2 cells, of 4 by 4 and so on, the smallest for which there are
  `LEAST_BITS` bits each; their shares of the sum on a logarithmic scale. Decoded, the cells of one
  are equal.
* Truncation: the same of every single cell, where there is a bit for each.

Of the first and the third, what is left of the sum, where it is more than roundings make, is spread
evenly over the cells that were not sent; of a record with fewer cells than there is room for,
nothing is left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.fixedpoint.compand import compand, expand
from aefpga.fixedpoint.total import Total
from aefpga.schema import Image

Floats = NDArray[np.float64]

CHARGE_MANTISSA = 3
LEAST_BITS = 3


@dataclass(frozen=True)
class Choice:
    """What a scheme makes of records.

    Parameters
    ----------
    name : str
        Of the scheme.
    bits : float
        Of a record; of a threshold, on average.
    back : ndarray of float64, shape (n_records, n_cells)
        What is decoded.
    how : str
        What is sent.
    """

    name: str
    bits: float
    back: Floats
    how: str


def choices(cells: NDArray[Any], image: Image, bits: float) -> Iterator[Choice]:
    """Yield what each scheme makes of records in at most as many bits.

    Parameters
    ----------
    cells : ndarray, shape (n_records, n_cells)
        Whole numbers from 0, in the order of `image.cells`.
    image : Image
        How they lie.
    bits : float
        Of a record.
    """
    task = _Task(np.asarray(cells, np.float64), image, int(bits))
    for scheme in (task.largest, task.threshold, task.super_cells, task.truncation):
        yield from scheme()


class _Task:
    """Records, and how many bits there are for each."""

    def __init__(self, cells: Floats, image: Image, bits: int) -> None:
        self._cells, self._image, self._bits = cells, image, bits
        self._n = cells.shape[1]
        self._total = Total.fitting(cells)
        self._sum_bits = int(self._total.type.width.item())
        self._sums = self._total.values(self._total.words(cells))
        self._left = bits - self._sum_bits
        largest = int(compand(max(float(cells.max()), 1.0), CHARGE_MANTISSA))
        self._charge_bits = largest.bit_length()
        self._address_bits = ceil(log2(self._n))
        self._one = self._address_bits + self._charge_bits

    def largest(self) -> Iterator[Choice]:
        """Send the largest cells."""
        listed, mapped = self._left // self._one, (self._left - self._n) // self._charge_bits
        room = min(max(listed, mapped), self._n)
        if room < 1:
            return
        order = np.argsort(-self._cells, axis=1, kind="stable")[:, :room]
        is_sent = np.zeros(self._cells.shape, bool)
        np.put_along_axis(is_sent, order, True, axis=1)
        # A slot without charge says that there is no more.
        is_all = (self._cells > 0).sum(axis=1) < room
        addresses = f"addresses of {self._address_bits} bits"
        if mapped > listed:
            addresses = f"a map of {self._n} bits"
        used = room * self._one if listed >= mapped else self._n + room * self._charge_bits
        how = f"{room} cells, {addresses}, charges of {self._charge_bits}"
        bits, nothing = self._sum_bits + used, np.ones(len(is_all), bool)
        yield Choice("largest cells", bits, self._decoded(is_sent, is_all), how)
        yield Choice("largest cells only", bits, self._decoded(is_sent, nothing), how)

    def threshold(self) -> Iterator[Choice]:
        """Send cells from a threshold on."""
        count_bits = self._n.bit_length()
        most = (self._left - count_bits) / self._one * len(self._cells)
        charges = np.sort(self._cells[self._cells > 0])
        thresholds = np.unique(charges)
        above = len(charges) - np.searchsorted(charges, thresholds)
        fitting = np.flatnonzero(above <= most)
        if not len(fitting) or self._left < count_bits:
            return
        least = thresholds[fitting[0]]
        is_sent = self._cells >= least
        mean = float(is_sent.sum(axis=1).mean())
        yield Choice(
            "threshold",
            self._sum_bits + count_bits + mean * self._one,
            self._decoded(is_sent, np.zeros(len(is_sent), bool)),
            f"cells from {least:g} on, {mean:.1f} of a record on average",
        )

    def super_cells(self) -> Iterator[Choice]:
        """Send squares of cells."""
        height, width, _ = self._image.shape
        side = 2
        while side < 2 * max(height, width):
            groups = _squares(self._image, side)
            n_groups = int(groups.max()) + 1
            bits = self._left // n_groups
            if bits >= LEAST_BITS:
                summed = np.zeros((len(self._cells), n_groups))
                np.add.at(summed.T, groups, self._cells.T)
                members = np.bincount(groups)
                back = _levels(summed / self._nonzero_sums, bits)[:, groups] / members[groups]
                yield Choice(
                    "super cells",
                    self._sum_bits + n_groups * bits,
                    self._scaled(back),
                    f"{n_groups} squares of {side} by {side}, {bits} bits each",
                )
                return
            side *= 2

    def truncation(self) -> Iterator[Choice]:
        """Send all cells."""
        bits = self._left // self._n
        if bits < 1:
            return
        back = _levels(self._cells / self._nonzero_sums, bits)
        used = self._sum_bits + self._n * bits
        yield Choice("truncation", used, self._scaled(back), f"{bits} bits a cell")

    @property
    def _nonzero_sums(self) -> Floats:
        return np.asarray(np.maximum(self._cells.sum(axis=1, keepdims=True), 1))

    def _decoded(self, is_sent: NDArray[np.bool_], is_all: NDArray[np.bool_]) -> Floats:
        """Return what is decoded of the cells that are sent, which may be all there is."""
        words = np.floor(compand(self._cells, CHARGE_MANTISSA))
        least, following = (expand(words + i, CHARGE_MANTISSA) for i in (0, 1))
        back = np.where(is_sent, (least + following - 1) / 2, 0)
        sent = back.sum(axis=1)
        unsure = sent * 2.0 ** -(CHARGE_MANTISSA + 1) + self._sums * 2.0 ** -(
            self._total.mantissa + 1
        )
        left = np.where(is_all | (self._sums - sent <= unsure), 0, self._sums - sent)
        others = np.maximum((~is_sent).sum(axis=1), 1)
        return self._scaled(np.where(is_sent, back, (left / others)[:, None]))

    def _scaled(self, back: Floats) -> Floats:
        """Return records that add up to what is known of their sums."""
        found = back.sum(axis=1)
        factor = np.divide(self._sums, found, out=np.zeros(len(found)), where=found > 0)
        return np.asarray(back * factor[:, None])


def _levels(shares: Floats, bits: int) -> Floats:
    """Return shares of one, as words of so many bits have them on a logarithmic scale.

    The word 0 is nothing. The others are equally many octaves wide, down to an even share of all,
    and an octave further for each bit beyond the first.
    """
    n_levels = (1 << bits) - 1
    octaves = log2(shares.shape[1]) + bits - 1
    with np.errstate(divide="ignore"):
        level = np.floor(-np.log2(np.minimum(shares, 1)) * n_levels / octaves)
    middle = np.exp2(-(np.minimum(level, n_levels) + 0.5) * octaves / n_levels)
    return np.asarray(np.where(level < n_levels, middle, 0))


def _squares(image: Image, side: int) -> NDArray[np.int64]:
    """Return the number of the square that each cell is in, shape (n_cells,)."""
    place = {int(column): where for where, column in np.ndenumerate(image.columns) if column >= 0}
    squares = [(i // side, j // side, k) for i, j, k in (place[int(c)] for c in image.cells)]
    numbers = {square: number for number, square in enumerate(dict.fromkeys(squares))}
    return np.array([numbers[square] for square in squares])
