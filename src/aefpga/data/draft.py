"""A first draft of a schema, guessed from what a file holds."""

import fnmatch
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from aefpga.data.formats.format import EVENT_BRANCHES
from aefpga.data.formats.table import checked
from aefpga.data.sources import Source
from aefpga.data.sources.table import open_table
from aefpga.errors import DataError
from aefpga.schema import STANDARD, Variable
from aefpga.schema.expression import quoted
from aefpga.schema.variable import ANGLE, AREA, ENERGY, MOMENTUM, MULTIPLICITY, POSITION, Kind

# Guesses are of the first rows.
ROWS = 10_000
MOST_VARIABLES = 1000
# Names of momenta whose median is above this are in MeV rather than in GeV.
MEV_MEDIAN = 5000.0
# Integers above are no longer exact in float32.
LARGEST_COUNT = 1 << 24
# What the last word of a name says.
_WORDS: dict[str, tuple[Kind, str]] = {
    **dict.fromkeys(("pt", "mass", "m", "met", "ht", "et", "mt", "p"), (MOMENTUM, "GeV")),
    **dict.fromkeys(("e", "energy"), (ENERGY, "GeV")),
    **dict.fromkeys(("px", "py", "pz"), (POSITION, "GeV")),
    **dict.fromkeys(("eta", "rapidity", "y"), (ANGLE, "")),
    **dict.fromkeys(("phi", "theta"), (ANGLE, "rad")),
    **dict.fromkeys(("x", "z", "vx", "vy", "vz", "dxy", "dz", "d0", "z0"), (POSITION, "cm")),
    "area": (AREA, ""),
}
# What YAML takes for something else than text.
_RESERVED = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_FOUR = ("px", "py", "pz"), ("e", "energy")


@dataclass(frozen=True)
class _Guess:
    """A variable, and in words where it comes from."""

    variable: Variable
    why: str

    def line(self) -> str:
        """Return a line of YAML."""
        content = self.variable.model_dump(mode="json", exclude_defaults=True)
        fields = ", ".join(f"{name}: {_plain(value)}" for name, value in content.items())
        return f"- {{{fields}}}  # {self.why}"


def draft(path: Path, tree: str = "", columns: str = "*") -> str:
    """Return the YAML of a schema for a file, with what is guessed marked as such.

    Of lists for each event, those are taken that have as many entries in every event, which are
    one collection: the one with most columns. Rows are events where there are no lists.

    Parameters
    ----------
    path : Path
        A table of any kind.
    tree : str
        Where in it, if it has several tables.
    columns : str
        A pattern that the columns to take have, such as ``Jet_*``.

    Raises
    ------
    DataError
        If it cannot be read, or holds no numbers.
    """
    with open_table(path, tree) as source:
        held, left = _columns(source, columns)
        n_rows = source.n_events
    if not held:
        raise DataError(
            f"{path} holds no columns of numbers that {columns!r} fits: found "
            f"{', '.join([*left][:20]) or 'nothing'}"
        )
    chosen, others = _collection(held)
    if len(chosen) > MOST_VARIABLES:
        raise DataError(
            f"{path}: {len(chosen):,} columns, at most {MOST_VARIABLES:,} are expected: choose "
            "some with --columns, such as 'Jet_*'"
        )
    is_flat = next(iter(chosen.values())).ndim == 1
    values = {name: ak.to_numpy(ak.flatten(x, axis=None)) for name, x in chosen.items()}
    guesses = list(_guesses(values))
    lines = [
        f"# A draft from the first {min(ROWS, n_rows):,} of {n_rows:,} rows of "
        f"{_plain(path.name)}. Units and kinds are guesses:",
        "# check each. Kinds: momentum and energy (0 and above, errors relative), angle, position",
        "# (errors absolute), area, multiplicity (whole numbers from 0).",
        f"name: {_record_name(path)}  # of what is encoded, in the plural",
    ]
    lines += [f"tree: {_plain(tree)}"] if tree else []
    if is_flat:
        lines.append("one_per_event: true  # each row is one; without, there are lists for events")
    lines += ["variables:", *(guess.line() for guess in guesses)]
    lines += _remarks(others, left)
    return "\n".join(lines) + "\n"


def _columns(source: Source, pattern: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns of numbers, and why others are left out."""
    held, left = {}, {}
    for name in source.branches:
        if name in EVENT_BRANCHES:
            left[name] = "kept beside the records, as what is said of events"
        elif fnmatch.fnmatchcase(name, pattern):
            try:
                held[name] = checked(name, source.read(name, 0, min(ROWS, source.n_events)))
            except ValueError as error:
                left[name] = str(error)
            except DataError:
                left[name] = "cannot be read"
    return held, left


def _collection(held: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the columns of one collection; of others an example, with how many columns they have.

    If there are any lists, numbers for events are no collection.
    """
    groups: dict[bytes, dict[str, Any]] = {}
    for name, column in held.items():
        counts = np.asarray(ak.num(column), np.int64).tobytes() if column.ndim > 1 else b""
        groups.setdefault(counts, {})[name] = column
    largest = max(groups, key=lambda counts: (bool(counts), len(groups[counts])))
    others = {next(iter(g)): len(g) for counts, g in groups.items() if counts != largest}
    return groups[largest], others


def _guesses(values: Mapping[str, NDArray[Any]]) -> Iterator[_Guess]:
    names: set[str] = set()
    left, four_vectors = dict(values), list(_four_vectors(values))
    for components in four_vectors:
        stem = _words(components[0])[0] if len(four_vectors) > 1 else ""
        yield from _of_four_vector(stem, components, names)
        for name in components:
            del left[name]
    for name, column in left.items():
        yield _guess(name, column, _variable_name(name, names))


def _four_vectors(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the names of px, py, pz and energy that belong together."""
    by_words = {_words(name): name for name in names}
    for stem in dict.fromkeys(stem for stem, _ in by_words):
        space = [by_words.get((stem, word)) for word in _FOUR[0]]
        energy = [found for word in _FOUR[1] if (found := by_words.get((stem, word)))]
        if all(space) and energy:
            yield (*(str(name) for name in space), energy[0])


def _of_four_vector(stem: str, components: tuple[str, ...], names: set[str]) -> Iterator[_Guess]:
    x, y, z, e = map(quoted, components)
    for name, kind, unit, period, source in (
        ("pt", MOMENTUM, "GeV", None, f"hypot({x}, {y})"),
        ("eta", ANGLE, "", None, f"arcsinh({z} / hypot({x}, {y}))"),
        ("phi", ANGLE, "rad", 2 * pi, f"arctan2({y}, {x})"),
        ("mass", MOMENTUM, "GeV", None, f"sqrt(maximum({e}**2 - {x}**2 - {y}**2 - {z}**2, 0))"),
    ):
        variable = Variable(
            name=_variable_name(f"{stem}_{name}" if stem else name, names),
            unit=unit,
            kind=kind,
            period=period,
            source=source,
        )
        yield _Guess(variable, "guessed: of a four-vector")


def _guess(column: str, values: NDArray[Any], name: str) -> _Guess:
    finite = values[np.isfinite(values)]
    least, most = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    median = float(np.median(finite)) if len(finite) else 0.0
    word, source = _words(column)[1], quoted(column)
    kind, unit = _WORDS.get(word, (POSITION, ""))
    period, why = None, f"guessed from the name; {least:g} to {most:g}"
    if word not in _WORDS:
        is_whole = values.dtype.kind in "biu" or bool((finite == np.rint(finite)).all())
        is_count = is_whole and least >= 0 and most < LARGEST_COUNT
        kind = MULTIPLICITY if is_count else POSITION
        why = f"guessed from the values, {least:g} to {most:g}"
    elif word == "phi" and least >= -1e-6 and pi < most <= 2 * pi + 1e-6:
        period, source = 2 * pi, f"arctan2(sin({source}), cos({source}))"
        why = "guessed; from 0 to 2 pi in the file, from -pi to pi here"
    elif word == "phi" and max(-least, most) <= pi + 1e-6:
        period = 2 * pi
    elif kind.is_companded and least < 0:
        below = int((finite < 0).sum())
        kind, why = POSITION, f"guessed; {below:,} values are below 0: leave them out with `where`?"
    if unit == "GeV" and abs(median) > MEV_MEDIAN:
        unit, why = "MeV", f"{why}, which look like MeV"
    if len(finite) < len(values):
        why += f"; {len(values) - len(finite):,} NaN or infinite: leave them out with `where`"
    elif least == most:
        why += "; always the same"
    variable = Variable(
        name=name, unit=unit, kind=kind, period=period, source="" if source == name else source
    )
    return _Guess(variable, why)


def _words(name: str) -> tuple[str, str]:
    """Return what a name begins with, and its last word in small letters, without a unit."""
    parts = re.findall(r"[A-Za-z0-9]+", re.sub(r"[\[(].*", "", name, flags=re.DOTALL)) or [""]
    return "_".join(parts[:-1]), parts[-1].lower()


def _variable_name(name: str, names: set[str]) -> str:
    """Return a name that a variable can have, and that none has yet."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:90] or "column"
    plain = plain if plain[0].isalpha() else f"c_{plain}"
    found, number = plain, 1
    # ROOT files count the entries of `x` in `nx`.
    while found in names or f"n{found}" in names or (found[0] == "n" and found[1:] in names):
        number += 1
        found = f"{plain}_{number}"
    names.add(found)
    return found


def _record_name(path: Path) -> str:
    name = _variable_name(path.stem, set())
    return f"my_{name}" if name in STANDARD else name


def _remarks(others: Mapping[str, int], left: Mapping[str, str]) -> Iterator[str]:
    yield "# sums: {total: [part, other]}  # variables that are exactly the sum of others"
    yield "# cuts: [{variable: pt, least: 20}]  # records to train on and to judge"
    yield "# where: pt > 20  # rows of the file that are read at all; of its own columns"
    for example, n in others.items():
        yield f"# not taken: {_plain(example)} and what goes with it: {n:,} in all"
    for name, why in [*left.items()][:50]:
        yield f"# not taken: {_plain(name)}: {' '.join(why.split())[:150]}"


def _plain(value: Any) -> str:
    """Return a text or a number as YAML, in quotes where it needs them."""
    text = str(value)
    is_plain = isinstance(value, float) or re.fullmatch(r"[A-Za-z][A-Za-z0-9_./*+ -]*", text)
    if is_plain and text.lower() not in _RESERVED:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
