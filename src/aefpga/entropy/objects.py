"""What is known of an event's objects before they are decoded: those before, and their recoil."""

from collections.abc import Iterator, Sequence

import numpy as np

from aefpga.entropy.functions import angle, cos_sin
from aefpga.entropy.jets import EventJetScheme
from aefpga.entropy.schemes import (
    Hint,
    Rows,
    Scale,
    Scheme,
    Words,
    dense_scheme_for,
    has_momentum,
)
from aefpga.schema import Schema
from aefpga.schema.relations import Gate, alike, gates
from aefpga.schema.schema import PhysicsObject


class ObjectScheme:
    """Steps of objects of an event, each given those before it.

    Objects of a kind are in order of pt: each pt is counted down from the one before. Angles around
    the beam are counted from the direction that balances all objects before. What is alone of its
    kind comes last: missing energy is what balances all others. Columns of no object come first.

    Parameters
    ----------
    schema : Schema
        The columns.
    scales : sequence of Scale
        What the steps of each column mean.
    """

    def __init__(self, schema: Schema, scales: Sequence[Scale]) -> None:
        self._schema, self._scales = schema, scales
        self.n_columns = len(schema)
        self.gates: Sequence[Gate | None] = gates(schema)
        model_of = {j: i for i, group in enumerate(alike(schema)) for j in group}
        self.model_of: Sequence[int] = [model_of[j] for j in range(len(schema))]
        there = [one for one in schema.objects if schema.holds(one.pt)]
        kinds: dict[str, list[PhysicsObject]] = {}
        for one in there:
            kinds.setdefault(one.kind or one.pt, []).append(one)
        self._kinds = sorted(kinds.values(), key=lambda objects: len(objects) == 1)
        names = {name for one in there for name in one.names}
        self._others = [name for name in schema.names if name not in names]

    def walk(self, counts: Words, known: Words) -> Iterator[tuple[int, Rows, Hint]]:
        """Yield what is of no object, then object by object its pt and the rest."""
        rows, zeros, place = (
            np.arange(len(known)),
            np.zeros(len(known), np.int64),
            self._schema.index,
        )

        def steps(name: str) -> Words:
            return np.asarray(known[:, place(name)])

        features: list[Words] = []
        for name in self._others:
            yield place(name), rows, Hint(list(features), zeros)
            features.append(steps(name))
        # Of all objects so far: number, sum of momenta across the beam, angles of the first and
        # the last one of each kind.
        number, along, across = zeros, np.zeros(len(known)), np.zeros(len(known))
        angles: list[Words] = []
        for objects in self._kinds:
            first = last = [zeros] * max(len(one.names) for one in objects)
            mine: list[Words] = []
            for rank, one in enumerate(objects):
                scale = self._scales[place(one.pt)]
                recoil = scale.steps(np.sqrt(along * along + across * across))
                about = [*features, *first, *last, zeros + rank, number, recoil]
                reference = recoil if len(objects) == 1 else last[0]
                yield place(one.pt), rows, Hint(about, reference, zero_apart=True)
                now = [steps(one.pt)]
                for name in one.rest:
                    if not self._schema.holds(name):
                        now.append(zeros)
                        continue
                    if half_turn := self._half_turn(name):
                        angular = self._scales[place(name)]
                        balance = Hint([], angular.steps(angle(-along, -across)), half_turn)
                        others = [*angles, *(mine or [balance.reference] * 2)]
                        turned = [balance.distances(phi) for phi in others]
                        yield (
                            place(name),
                            rows,
                            Hint([*about, *now, *turned], balance.reference, half_turn),
                        )
                        cos, sin = cos_sin(angular.values(steps(name)))
                        pt = scale.values(now[0])
                        along, across = along + pt * cos, across + pt * sin
                        mine = [*(mine or [steps(name)])[:1], steps(name)]
                    else:
                        yield place(name), rows, Hint([*about, *now], zeros)
                    now.append(steps(name))
                number = number + (now[0] != 0)
                last = now + first[len(now) :]
                first = first if rank else last
            features += first
            angles += mine

    def _half_turn(self, name: str) -> int:
        """Return the steps of half a turn; 0 of what does not go around."""
        period = self._schema.variable(name).period
        scale = self._scales[self._schema.index(name)]
        return abs(int(scale.steps(np.array([period / 2]))[0])) if period else 0


def scheme_for(schema: Schema, scales: Sequence[Scale], *, knows_events: bool = True) -> Scheme:
    """Return what is known of the columns of a record: the more, the more its schema says.

    Files of earlier versions of the format know less of the events that jets are in.
    """
    if any(schema.holds(one.pt) for one in schema.objects):
        return ObjectScheme(schema, scales)
    if knows_events and has_momentum(schema):
        return EventJetScheme(schema, scales, gates(schema))
    return dense_scheme_for(schema, scales, gates(schema))
