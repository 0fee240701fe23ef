"""Records of which an encoder's words hold less than they should: their ranges end before."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# A range that was made for some records ends before one of thousands of others like them; where
# more than this share leaves it, these are others.
OFTEN = 0.01


@dataclass(frozen=True)
class SaturatedLayer:
    """The `records` that leave the range of any of a layer's words, and that of one `word`.

    Of all words it is the one that most records leave, `of_word` of them.
    """

    records: int
    word: int
    of_word: int


@dataclass(frozen=True)
class Saturation:
    """How many of so many `records` leave the range of which words, by layer; no layer without."""

    records: int
    layers: Mapping[str, SaturatedLayer]

    @classmethod
    def of(cls, beyond: Mapping[str, NDArray[np.bool_]]) -> "Saturation":
        """Count where words, shape (n_records, n_words), leave their ranges, by layer."""
        layers = {}
        for name, one in beyond.items():
            if (each := one.sum(axis=0)).any():
                some = int(one.any(axis=1).sum())
                layers[name] = SaturatedLayer(some, int(each.argmax()), int(each.max()))
        return cls(max(len(x) for x in beyond.values()), layers)

    @property
    def verdict(self) -> Literal["never", "rarely", "often"]:
        """Whether the records are like those that the ranges were made for."""
        most = max((x.records for x in self.layers.values()), default=0)
        return "often" if most > OFTEN * self.records else "rarely" if most else "never"

    @property
    def sentence(self) -> str:
        """The counts, in words."""
        found = (
            f"{x.records:,} in {name}, {x.of_word:,} of them in its word {x.word}"
            for name, x in self.layers.items()
        )
        return f"of {self.records:,} records {'; '.join(found) or 'none'}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {"verdict": self.verdict, **asdict(self)}
