"""Text files of events, a line each, as the data challenge of DarkMachines keeps them.

A line is ``eventID;processID;weight;MET;METphi;object;object;…``, each object
``type,E,pt,eta,phi``. Fields at the end may be empty.
"""

from collections.abc import Collection, Iterable
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.data.sources.text import TextLines
from aefpga.errors import DataError

LAYOUT = "eventID;processID;weight;MET;METphi;type,E,pt,eta,phi;…"
TYPES = ("j", "b", "e-", "e+", "m-", "m+", "g")
_EVENT = ("eventID", "processID", "weight", "MET", "METphi")
_OBJECT = ("object_type", "object_E", "object_pt", "object_eta", "object_phi")


class Lines:
    """Events as lines of text; lines that are empty are none.

    Parameters
    ----------
    path : Path
        Where the file is.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, TextLines(path)
        self._parsed: tuple[tuple[int, int], dict[str, Any]] | None = None

    @property
    def begin_as_events(self) -> bool:
        """Whether the first line has the fields of an event, whatever is in them."""
        return all(line.count(";") >= len(_EVENT) - 1 for line in self._lines.read(0, 1))

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self._lines)

    @property
    def branches(self) -> Collection[str]:
        """The fields of events, and of their objects."""
        return (*_EVENT, *_OBJECT)

    def read(self, branch: str, start: int, stop: int) -> Any:
        """Return a field of the events from `start` to below `stop`; of objects, lists.

        Raises
        ------
        DataError
            If a line has another layout.
        """
        if self._parsed is None or self._parsed[0] != (start, stop):
            self._parsed = (start, stop), self._parse(start, stop)
        return self._parsed[1][branch]

    def stored_bytes(self, branches: Iterable[str]) -> int:
        """Return the size of the file: fields of a line are not apart."""
        return self._path.stat().st_size

    def _parse(self, start: int, stop: int) -> dict[str, Any]:
        import awkward as ak

        events: list[list[Any]] = []
        objects: list[list[Any]] = []
        counts = []
        lines, numbers = self._lines.read(start, stop), self._lines.numbers[start:stop]
        for line, number in zip(lines, numbers, strict=True):
            event, found = self._parse_line(line, int(number))
            events.append(event)
            objects += found
            counts.append(len(found))
        # The empty ones have types too.
        of_events = list(zip(*events, strict=True)) or [()] * len(_EVENT)
        of_objects = list(zip(*objects, strict=True)) or [()] * len(_OBJECT)
        columns = {
            name: ak.from_numpy(np.array(values, str if name == "processID" else np.float64))
            for name, values in zip(_EVENT[1:], of_events[1:], strict=True)
        }
        columns["eventID"] = ak.from_numpy(np.array(of_events[0], np.int64))
        for name, values in zip(_OBJECT, of_objects, strict=True):
            kind = str if name == "object_type" else np.float64
            flat = ak.from_numpy(np.array(values, kind))
            columns[name] = ak.unflatten(flat, np.array(counts, np.int64))
        return columns

    def _parse_line(self, line: str, number: int) -> tuple[list[Any], list[list[Any]]]:
        fields = [field.strip() for field in line.split(";")]
        try:
            event, process = int(float(fields[0])), fields[1]
            weight, *missing = map(_number, fields[2:5])
            if len(missing) != 2:
                raise ValueError(f"{len(fields)} fields")
            return [event, process, weight, *missing], [_object(f) for f in fields[5:] if f]
        except (ValueError, IndexError) as error:
            raise DataError(
                f"{self._path}, line {number}: found {line[:80]!r} ({error}), expected {LAYOUT} "
                "with numbers in MeV, as DarkMachines files have it"
            ) from error


def _object(field: str) -> list[Any]:
    which, *numbers = (part.strip() for part in field.split(","))
    if which not in TYPES or len(numbers) != len(_OBJECT) - 1:
        raise ValueError(f"no object: {field[:40]!r}; types are {', '.join(TYPES)}")
    return [which, *map(_number, numbers)]


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number
