"""Steps of a variable, as the firmware computes them: what modulo words are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import UsageError
from aefpga.fixedpoint import FixedType
from aefpga.fixedpoint.compand import compand, expand
from aefpga.schema import Kind, Schema, Variable
from aefpga.schema import variable as kinds

Words = NDArray[np.int64]

# Momenta and energies: a grid of 1/128 GeV up to 8192 GeV, companded with 7 bits of mantissa.
GRID, MANTISSA, ENERGY_BITS = 7, 7, 13
# Steps an octave, a unit of eta, a turn, a unit of area, a cm: residuals of 1 %, 0.015, 1 %.
OCTAVE, ETA, TURN, AREA, POSITION = 24, 24, 256, 44, 64
# Bits behind the point of a multiplication by a constant.
FRACTION = 16
COUNT_BITS = 8


@dataclass(frozen=True)
class Scale:
    """Steps of one variable, as the firmware computes them of an input word.

    Parameters
    ----------
    type : FixedType
        Of the quantity.
    exponent : int
        As of `EncoderInput`.
    mantissa : int
        As of `EncoderInput`.
    factor : int
        Steps are input words times this, times 2**-FRACTION, rounded half up.
    turn : int
        Steps of a full turn, for an angle around the beam; else 0.
    """

    type: FixedType
    exponent: int
    mantissa: int
    factor: int
    turn: int = 0

    @classmethod
    def of(cls, v: Variable) -> "Scale":
        """Return the scale of a variable; UsageError if there is none for its kind."""
        scales: dict[Kind, Scale] = {
            kinds.MULTIPLICITY: cls(
                FixedType(False, COUNT_BITS, COUNT_BITS), COUNT_BITS, -1, 1 << 16
            ),
            kinds.ANGLE: cls(FixedType(True, 16, 4), 3, -1, ETA << (FRACTION - 12)),
            kinds.POSITION: cls(FixedType(True, 16, 6), 5, -1, POSITION << (FRACTION - 10)),
            kinds.AREA: cls(FixedType(False, 16, 1), 1, -1, AREA << (FRACTION - 15)),
        }
        energy = FixedType(False, ENERGY_BITS + GRID, ENERGY_BITS)
        other = cls(energy, ENERGY_BITS, MANTISSA, OCTAVE << (FRACTION - MANTISSA))
        if v.period:
            factor = round(TURN / v.period * 2 ** (FRACTION - 12))
            return cls(FixedType(True, 16, 4), 3, -1, factor, TURN)
        scales |= dict.fromkeys((kinds.MOMENTUM, kinds.ENERGY), other)
        if v.kind not in scales:
            raise UsageError(
                f"modulo words know no steps of {v.name}, of kind {v.kind.name}; leave such "
                f"variables out, or choose another model.kind ({', '.join(k.name for k in scales)} "
                "have steps)"
            )
        return scales[v.kind]

    @property
    def ends(self) -> tuple[int, int]:
        """Smallest and largest step."""
        if self.turn:
            return -self.turn // 2, self.turn // 2 - 1
        low, high = self.steps(np.array([self.type.min, self.type.max])).tolist()
        return low, high

    def steps(self, values: NDArray[np.float64]) -> Words:
        """Return the steps of values in physical units."""
        words = np.floor(self._compand(self.type.to_words(values)))
        steps = np.floor(np.ldexp(words * self.factor, -FRACTION) + 0.5)
        if self.turn:
            steps = np.mod(steps + self.turn // 2, self.turn) - self.turn // 2
        return np.asarray(steps, np.int64)

    def values(self, steps: Words) -> NDArray[np.float64]:
        """Return the middles of steps in physical units; of energies, 0 for step 0."""
        low, high = (np.ceil(np.ldexp(steps + e, FRACTION) / self.factor) for e in (-0.5, 0.5))
        middle = (low + high) / 2
        if self.mantissa >= 0:
            middle = np.where(steps > 0, expand(np.maximum(middle, 0), self.mantissa), 0.5)
        # A word stands for all that is rounded to it, half a count to either side.
        return np.asarray((middle - 0.5) * self.type.lsb)

    def _compand(self, counts: Words) -> NDArray[np.float64]:
        return compand(counts, self.mantissa) if self.mantissa >= 0 else counts.astype(np.float64)


def steps_of(records: NDArray[np.float32], schema: Schema, scales: Sequence[Scale]) -> Words:
    """Return the steps, shape (n_records, n_sent), of records, shape (n_records, n_variables)."""
    place = [schema.index(name) for name in sent_columns(schema).names]
    columns = zip(scales, records[:, place].T.astype(np.float64), strict=True)
    return np.stack([scale.steps(x) for scale, x in columns], axis=1)


def sent_columns(schema: Schema) -> Schema:
    """Return the columns without those that are sums of others."""
    return schema.select(schema.names[j] for j, parts in schema.totals if not parts)
