"""What a page is made of: a heading, verdicts, and sections of tables, figures and listings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from markupsafe import Markup

from aefpga.report.figures import Figure
from aefpga.report.findings import Missing

State = Literal["good", "bad", "note", "unknown"]
Cell = str | Markup | None


@dataclass(frozen=True)
class Verdict:
    """An answer in a word, and its reason in a sentence."""

    question: str
    state: State
    word: str
    reason: str


@dataclass(frozen=True)
class Rows:
    """Rows of a table under a common heading, such as the unit that they share.

    `choices` names for each row what it shows in the figures of the table's group; none if empty.
    """

    heading: str
    rows: Sequence[Sequence[Cell]]
    choices: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first column, and those in `words`, hold words, the others figures.

    `group` is that of the figures that show what a row's choice names.
    """

    kind: ClassVar[str] = "table"

    title: str
    columns: Sequence[str]
    body: Sequence[Rows]
    words: Sequence[int] = ()
    note: str = ""
    group: str = ""


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    kind: ClassVar[str] = "facts"

    facts: Mapping[str, Cell]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"

    text: str


@dataclass(frozen=True)
class Listing:
    """Lines to read or to copy as they are."""

    kind: ClassVar[str] = "listing"

    title: str
    text: str


@dataclass(frozen=True)
class Figures:
    """Figures side by side; one selection chooses the panel of all that have several."""

    kind: ClassVar[str] = "figures"

    figures: Sequence[Figure]
    chooses: str = ""

    @property
    def group(self) -> str:
        """The group of the figures with a choice of panels."""
        return next((f.group for f in self.figures if f.group), "")

    @property
    def choices(self) -> tuple[str, ...]:
        """What can be chosen."""
        return tuple(dict.fromkeys(n for f in self.figures if f.group for n in f.panels))


@dataclass(frozen=True)
class Folded:
    """Blocks that a reader opens."""

    kind: ClassVar[str] = "folded"

    title: str
    blocks: Sequence["Block"]


Block = Table | Facts | Text | Listing | Figures | Folded


@dataclass(frozen=True)
class Section:
    """A chapter of a page."""

    key: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """All of a page; `missing` is named at its top."""

    title: str
    subtitle: str
    missing: Sequence[Missing]
    verdicts: Sequence[Verdict]
    sections: Sequence[Section]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, in their order."""
        return tuple(_figures(b for s in self.sections for b in s.blocks))


def _figures(blocks: Iterable[Block]) -> list[Figure]:
    found: list[Figure] = []
    for block in blocks:
        if isinstance(block, Figures):
            found += block.figures
        elif isinstance(block, Folded):
            found += _figures(block.blocks)
    return found
