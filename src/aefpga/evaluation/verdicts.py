"""Verdicts: are records like those of the training, is an encoder worth its bits, and does its
decoder know where it is wrong?

Likeness
--------
Two samples of one distribution have a Kolmogorov distance above
``sqrt(-ln(a / 2) / 2) * sqrt(1 / n + 1 / m)`` with probability `a` (Smirnov's limit for large
samples; never more for integers). Here `a` is 0.001, shared by the variables. To it comes 0.05:
between the jets of the same process with another seed (0.015 at most in any variable) and those of
another process (0.107 and more; `docs/physics.md`).

Worth
-----
Float truncation to the fewest mantissa bits whose 68 % half-width, in one variable, is at most the
scheme's: what it takes for all variables, at a fixed rate and with LZMA.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import log, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aefpga.evaluation.figures import two_digits
from aefpga.evaluation.metrics import Quality, Spread, residuals
from aefpga.evaluation.physics import kolmogorov
from aefpga.evaluation.quantizers import MANTISSA_BITS, FloatTruncation
from aefpga.evaluation.truncation import compressed_bits
from aefpga.schema import Schema

Floats = NDArray[np.float32]

CHANCE, FLOOR = 0.001, 0.05
# Share of improbable records that is not usual any more, where chance (so many standard deviations)
# does not explain it: one in a hundred is.
MANY, DEVIATIONS = 0.02, 3
# In words, so many variables are named.
LISTED = 6


@dataclass(frozen=True)
class Likeness:
    """Whether records are like those that a run was trained for.

    `variable` is the one furthest above its limit, or nearest to it, with its Kolmogorov
    `distance`; `beyond` are all variables above the `threshold`, the furthest first.
    """

    verdict: Literal["like", "unlike"]
    variable: str
    distance: float
    threshold: float
    reason: str
    beyond: tuple[str, ...]
    distances: Mapping[str, float]

    @classmethod
    def of(cls, ours: Floats, theirs: Floats, schema: Schema) -> "Likeness":
        """Compare two tables, shape (n_records, n_variables), of the same columns."""
        columns = zip(schema.names, ours.T, theirs.T, strict=True)
        distances = {name: kolmogorov(x, y) for name, x, y in columns}
        chance = sqrt(-log(CHANCE / len(schema) / 2) / 2) * sqrt(1 / len(ours) + 1 / len(theirs))
        limit = FLOOR + chance
        ordered = sorted(distances, key=lambda name: -distances[name])
        beyond = tuple(name for name in ordered if distances[name] > limit)
        return cls(
            verdict="unlike" if beyond else "like",
            variable=ordered[0],
            distance=distances[ordered[0]],
            threshold=limit,
            reason=(
                f"{chance:.3f}, which chance exceeds in one of {1 / CHANCE:g} comparisons of "
                f"{len(theirs):,} with {len(ours):,} {schema.name}, and {FLOOR:g} of tolerance"
            ),
            beyond=beyond,
            distances=distances,
        )

    @property
    def sentence(self) -> str:
        """The verdict's reason, in words."""
        where = "above" if self.beyond else "below"
        text = (
            f"largest Kolmogorov distance {self.distance:.3f}, in {self.variable}, {where} the "
            f"limit of {self.threshold:.3f} ({self.reason})"
        )
        if not self.beyond:
            return text
        names = ", ".join(self.beyond[:LISTED]) + ", …" * (len(self.beyond) > LISTED)
        return f"{text}; above it {len(self.beyond)} of {len(self.distances)} variables: {names}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return asdict(self)


@dataclass(frozen=True)
class Named:
    """How many records a decoder calls improbable, and how many are wrong.

    Wrong is a record that is not what becomes of it where no bit is dropped.
    """

    records: int
    improbable: int
    wrong: int
    wrong_and_improbable: int

    @classmethod
    def of(cls, improbable: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> "Named":
        """Count records."""
        both = int((improbable & wrong).sum())
        return cls(len(wrong), int(improbable.sum()), int(wrong.sum()), both)

    @property
    def verdict(self) -> Literal["few", "many"]:
        """Whether the records are like those that the decoder learned from."""
        expected = MANY * self.records
        return "many" if self.improbable > expected + DEVIATIONS * sqrt(expected) else "few"

    @property
    def sentence(self) -> str:
        """The counts, in words."""
        right = self.records - self.wrong
        called = self.improbable - self.wrong_and_improbable
        unlike = ", these are unlike what the decoder learned from" * (self.verdict == "many")
        return (
            f"{self.improbable:,} of {self.records:,}{unlike}; of {self.wrong:,} wrong ones it "
            f"names {self.wrong_and_improbable:,}, of {right:,} right ones {called:,}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {"verdict": self.verdict, **asdict(self)}


@dataclass(frozen=True)
class Worth:
    """Bits per record of a scheme, and of float truncation with the same residual.

    `half_width_68` is the scheme's in `variable`, `mantissa` how many bits truncation needs for it.
    """

    scheme: str
    variable: str
    half_width_68: float
    unit: str
    bits: float
    mantissa: int
    fixed_rate: float
    compressed: float
    is_relative: bool = False

    @property
    def verdict(self) -> Literal["fewer", "more"]:
        """Whether the scheme sends fewer bits than truncation at a fixed rate, or not."""
        return "fewer" if self.bits < self.fixed_rate else "more"

    @property
    def sentence(self) -> str:
        """The verdict's reason, in words."""
        unit = " %" if self.is_relative else f" {self.unit}" * bool(self.unit)
        width = self.half_width_68 * (100 if self.is_relative else 1)
        packed = "also fewer than" if self.bits < self.compressed else "more than"
        return (
            f"{self.bits:.0f} bits per record for a {self.variable} residual of "
            f"{two_digits(width)}{unit} (68 %); truncation to {self.mantissa} mantissa bits "
            f"does as well in {self.fixed_rate:.0f} at a fixed rate; it is {packed} the "
            f"{self.compressed:.0f} that those take with LZMA, in a file"
        )

    @classmethod
    def of(
        cls, scheme: str, quality: Quality, bits: float, records: Floats, schema: Schema
    ) -> "Worth | None":
        """Compare a scheme with truncation of the same records, in the first headline variable.

        None where no record enters that variable's residual.
        """
        name = quality.shown[0]
        width = quality.variable(name).residual.half_width_68
        if width is None:
            return None
        variable, column = schema.variable(name), records[:, schema.index(name)]
        for mantissa in range(MANTISSA_BITS + 1):
            truncation = FloatTruncation(mantissa)
            back = truncation.to_jets(truncation.to_words(column[:, None]))[:, 0]
            residual, enters = residuals(variable, column, back)
            if (Spread.of(residual[enters]).half_width_68 or 0.0) <= width:
                break
        fixed = float(truncation.widths(len(schema)).sum())
        compressed = compressed_bits(truncation, records)
        relative = variable.kind.is_relative
        unit = "" if relative else variable.unit
        return cls(scheme, name, width, unit, bits, mantissa, fixed, compressed, relative)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {"verdict": self.verdict, **asdict(self)}
