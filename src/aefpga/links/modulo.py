"""Words of a fixed rate for a trigger link: steps of which only the low bits are sent.

Each variable becomes steps of its own scale, and its word is the step modulo a power of two. The
decoder knows the rest: of the few steps with these low bits it takes the one that the conditional
model, given what it decoded before, finds most probable. Rare kinds of particles share a word, in
which their steps are added: where one is absent its energy is zero, and its multiplicity says so.
(Coding with side information at the decoder alone: A. Wyner and J. Ziv, IEEE Trans. Inf. Theory 22
(1976) 1; by remainders: S. Pradhan and K. Ramchandran, IEEE Trans. Inf. Theory 49 (2003) 626.)

The encoder is an `EncoderSpec` of one layer, some multiplications by constants and an adder or two:
its rounding is to the nearest step, its overflow drops the high bits.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.conditional import ColumnModel
from aefpga.codec.learned import load_models, save_models
from aefpga.codec.learning import learn
from aefpga.codec.schemes import Hint, Scheme, scheme_for
from aefpga.errors import DataError, UsageError
from aefpga.files import atomic_path, load_arrays
from aefpga.fixedpoint import (
    DenseLayer,
    Emulator,
    EncoderInput,
    EncoderSpec,
    FixedType,
    Tensor,
    exact_accumulator,
)
from aefpga.fixedpoint.compand import compand, expand
from aefpga.progress import Step, silent
from aefpga.schema import Kind, Schema, Variable
from aefpga.schema import variable as kinds

Floats = NDArray[np.float32]
Words = NDArray[np.int64]

SCHEMA_VERSION = 2
# What a file's arrays may have, at most.
MAX_BYTES = 32_000_000
# Momenta and energies: a grid of 1/128 GeV up to 8192 GeV, companded with 7 bits of mantissa.
GRID, MANTISSA, ENERGY_BITS = 7, 7, 13
# Steps an octave, a unit of eta, a turn, a unit of area, a cm: residuals of 1 %, 0.015, 1 %.
OCTAVE, ETA, TURN, AREA, POSITION = 24, 24, 256, 44, 64
# Bits behind the point of a multiplication by a constant.
FRACTION = 16
COUNT_BITS = 8
# Share of jets in which a word may be decoded wrongly, for want of a higher bit.
FAILURES = 0.002
LEAST_JETS = 100


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
            raise UsageError(f"modulo words know no steps of {v.name}, of kind {v.kind.name}")
        return scales[v.kind]

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


class ModuloCode:
    """Jets to words of fixed widths, as an FPGA computes them, and back.

    Parameters
    ----------
    schema : Schema
        The columns of jets; those that are sums of others are not sent.
    models : sequence of ColumnModel
        What is known of each variable that is sent, given those before.
    ranges : ndarray of int64, shape (n_sent, 2)
        Smallest and largest step of each variable that is sent.
    widths : sequence of int
        Bits of each word.
    """

    def __init__(
        self,
        schema: Schema,
        models: Sequence[ColumnModel],
        ranges: Words,
        widths: Sequence[int],
    ) -> None:
        self._schema, self._models, self._ranges = schema, models, ranges
        self._sent = _sent(schema)
        self._scheme = _scheme(self._sent)
        self._word_of = _word_of(self._sent)
        self.spec = _specification(self._sent, self._word_of, widths)

    @classmethod
    def learn(
        cls,
        jets: Floats,
        schema: Schema,
        step: Step = silent,
        failures: float = FAILURES,
    ) -> "ModuloCode":
        """Learn what the decoder knows, and how many bits are needed beside it.

        Parameters
        ----------
        jets : ndarray of float32, shape (n_jets, n_variables)
            Training jets, in physical units; the last fifth decides the widths.
        schema : Schema
            Their columns.
        step : Step
            Told how many columns are learned.
        failures : float
            Share of jets in which a word may be decoded wrongly.

        Raises
        ------
        UsageError
            If there are next to no jets.
        """
        if len(jets) < LEAST_JETS:
            raise UsageError(f"{len(jets)} jets are too few to learn from; give {LEAST_JETS:,}")
        sent = _sent(schema)
        scheme, place = _scheme(sent), [schema.index(name) for name in sent.names]
        columns = zip(sent.variables, jets[:, place].astype(np.float64).T, strict=True)
        steps = np.stack([Scale.of(v).steps(x) for v, x in columns], 1)
        n_learning = len(jets) * 4 // 5
        models = learn(scheme, [(steps[:n_learning], np.ones(n_learning, np.int64))], step)
        ranges = np.stack([steps.min(axis=0), steps.max(axis=0)], axis=1)
        judged = steps[n_learning:]
        alone = np.ones(len(judged), np.int64)
        word_of = _word_of(sent)
        # A word has a bit at least, even of a variable that is always the same.
        widths = [1] * (max(word_of) + 1)
        for column, hint in scheme.walk(np.arange(len(judged)), alone, judged):
            true, reach, word = judged[:, column], ranges[column], word_of[column]
            for width in range(widths[word], 1 + int(np.ptp(reach)).bit_length()):
                widths[word] = width
                found = _most_probable(models[column], hint, true, width, reach)
                found = np.where(_is_absent(sent, column, judged), 0, found)
                if np.mean(found != true) <= failures:
                    break
        return cls(schema, models, ranges, widths)

    def save(self, path: Path) -> None:
        """Write the code, for those who decode; `spec` alone is the encoder."""
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(
                stream,
                allow_pickle=False,
                schema=SCHEMA_VERSION,
                record=np.array(json.dumps(self._schema.to_config())),
                models=np.frombuffer(save_models(self._models), np.uint8),
                ranges=self._ranges,
                widths=self.spec.latent_type.width,
            )

    @classmethod
    def load(cls, path: Path) -> "ModuloCode":
        """Read what `save` wrote; raise DataError if it cannot be."""
        try:
            saved = load_arrays(path, MAX_BYTES)
            if saved["schema"] != SCHEMA_VERSION:
                raise ValueError(f"schema {saved['schema']}, expected {SCHEMA_VERSION}")
            record = Schema.from_config(json.loads(str(saved["record"])), str(path))
            models = load_models(saved["models"].tobytes())
            return cls(record, models, saved["ranges"], saved["widths"].tolist())
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} cannot be read as a modulo code ({error})") from error

    def widths(self, n_variables: int) -> Words:
        """Return the bits of each word, the same for every jet."""
        return np.asarray(self.spec.latent_type.width, np.int64)

    @property
    def label(self) -> str:
        """What it is, for tables."""
        return "modulo words"

    def to_words(self, jets: Floats) -> Words:
        """Return words, shape (n_jets, n_words), of jets in physical units."""
        place = [self._schema.index(name) for name in self._sent.names]
        return Emulator(self.spec).encode(jets[:, place])

    def to_jets(self, words: Words) -> Floats:
        """Return jets in physical units; a few in a thousand have a wrong value."""
        n, sent, widths = len(words), self._sent, self.spec.latent_type.width
        table, left = np.zeros((n, len(sent)), np.int64), words.copy()
        for column, hint in self._scheme.walk(np.arange(n), np.ones(n, np.int64), table):
            word = self._word_of[column]
            found = _most_probable(
                self._models[column], hint, left[:, word], int(widths[word]), self._ranges[column]
            )
            found = np.where(_is_absent(self._sent, column, table), 0, found)
            table[:, column] = found
            left[:, word] -= found
        values = {v.name: Scale.of(v).values(table[:, j]) for j, v in enumerate(sent.variables)}
        for name in self._schema.names:
            if name not in values:
                values[name] = np.sum([values[t] for t in self._schema.sums[name]], axis=0)
        return np.stack([values[name] for name in self._schema.names], axis=1).astype(np.float32)


def _most_probable(
    model: ColumnModel, hint: Hint, residue: Words, width: int, reach: Words
) -> Words:
    """Return, of the steps within `reach` whose low bits are those of `residue`, the best ones."""
    (low, high), turn = reach, 1 << width
    table = model.table(hint.features)
    candidates = low + np.mod(residue - low, turn) + np.arange(0, high - low + 1, turn)[:, None]
    best, largest = candidates[0], np.full(len(residue), -1.0)
    for candidate in candidates:
        symbols = model.symbols(hint.distances(candidate))
        _, frequency = table.intervals(symbols)
        share = np.where(candidate <= high, frequency / model.widths(symbols), -1.0)
        best = np.where(share > largest, candidate, best)
        largest = np.maximum(share, largest)
    return np.asarray(best, np.int64)


def _is_absent(sent: Schema, column: int, steps: Words) -> NDArray[np.bool_]:
    """Return where the particles of an energy that shares its word are known to be absent."""
    count = _shared(sent).get(sent.names[column])
    if count is None or not sent.holds(count):
        return np.zeros(len(steps), bool)
    return np.asarray(steps[:, sent.index(count)] == 0)


def _shared(sent: Schema) -> dict[str, str]:
    """Return the energies that share a word, of particles that rarely come together, and counts."""
    return {c.energy: c.count for c in sent.classes if c.is_rare}


def _sent(schema: Schema) -> Schema:
    """Return the columns without those that are sums of others."""
    return schema.select(schema.names[j] for j, parts in schema.totals if not parts)


def _scheme(sent: Schema) -> Scheme:
    return scheme_for(sent, [Scale.of(v) for v in sent.variables])


def _word_of(sent: Schema) -> list[int]:
    """Return which word each variable goes into."""
    found: list[int] = []
    shared: int | None = None
    for name in sent.names:
        following = max(found, default=-1) + 1
        if name in _shared(sent):
            shared = following if shared is None else shared
            found.append(shared)
        else:
            found.append(following)
    return found


def _specification(sent: Schema, word_of: Sequence[int], widths: Sequence[int]) -> EncoderSpec:
    scales = [Scale.of(v) for v in sent.variables]
    source = EncoderInput(
        variables=sent.names,
        units=sent.units,
        type=FixedType(
            np.array([s.type.signed for s in scales]),
            np.array([s.type.width for s in scales]),
            np.array([s.type.integer for s in scales]),
        ),
        exponent=np.array([s.exponent for s in scales]),
        mantissa=np.array([s.mantissa for s in scales]),
    )
    arriving = source.network_type
    values = np.zeros((len(sent), len(widths)))
    for row, (word, scale) in enumerate(zip(word_of, scales, strict=True)):
        values[row, word] = np.ldexp(scale.factor, int(arriving.fraction[row]) - FRACTION)
    kind = _weight_type(values)
    weight = Tensor(kind.to_words(values), kind)
    bias = Tensor(np.zeros(len(widths), np.int64), FixedType(True, 2, 2))
    width = np.array(widths)
    layer = DenseLayer(
        name="latent",
        weight=weight,
        bias=bias,
        accumulator=exact_accumulator(arriving, weight, bias),
        activation="linear",
        output=FixedType(False, width, width, "RND", "WRAP"),
    )
    return EncoderSpec(source, (layer,), {"origin": "modulo code"})


def _weight_type(values: NDArray[np.float64]) -> FixedType:
    """Return the narrowest type of each column's weights, all of which are dyadic."""
    fraction = np.zeros(values.shape[1], np.int64)
    for column, weights in enumerate(values.T):
        while np.any(np.ldexp(weights, fraction[column]) % 1):
            fraction[column] += 1
    width = np.frexp(np.ldexp(values.max(axis=0), fraction))[1] + 1
    return FixedType(True, width, width - fraction)
