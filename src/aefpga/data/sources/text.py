"""Text files by lines: where each begins is kept, and nothing else."""

from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError

# Bytes that a line may have; nothing longer is a row of a table.
MAX_LINE = 1_000_000


class TextLines:
    """The lines of a text file that are not empty.

    Parameters
    ----------
    path : Path
        Where it is.

    Raises
    ------
    DataError
        If a line is longer than any row.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        places, numbers, place, number = array("q"), array("q"), 0, 0
        with path.open("rb") as file:
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise DataError(
                        f"{path}, line {number} has more than {MAX_LINE:,} bytes: no table of "
                        "lines; check the file"
                    )
                if line.strip():
                    places.append(place)
                    numbers.append(number)
                place += len(line)
        self._places = np.frombuffer(places, np.int64) if places else np.zeros(0, np.int64)
        self.numbers: NDArray[np.int64] = np.array(numbers, np.int64)

    def __len__(self) -> int:
        """Number of lines that are not empty; `numbers` has where they are in the file, from 1."""
        return len(self._places)

    def read(self, start: int, stop: int) -> list[str]:
        """Return the lines from `start` to below `stop`, without white space around."""
        found: list[str] = []
        with self._path.open("rb") as file:
            for place in self._places[start:stop]:
                file.seek(place)
                found.append(file.readline().decode("utf-8", errors="replace").strip())
        return found
