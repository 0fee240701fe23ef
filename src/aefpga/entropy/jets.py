"""What is known of a jet before it is decoded: those before it in the event, and their recoil."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.functions import angle, cos_sin
from aefpga.entropy.schemes import Hint, JetScheme, Rows, Words, flag, rank_of

# Jets of an event of which each knows all those before; those after them know of these.
KNOWN_JETS = 8


class EventJetScheme(JetScheme):
    """Steps of jets, each given all those before it in the event.

    Kinematics come first: of the first jets of all events, then of the second ones, and so on. pt
    is counted down from that of the jet before, phi from the direction that balances all jets
    before. What jets consist of follows, of all at once. See `JetScheme`.
    """

    _is_fine = True

    def walk(self, counts: Words, known: Words) -> Iterator[tuple[int, Rows, Hint]]:
        """Yield kinematics jet by jet, then multiplicities, mass and area, energies, and totals."""
        rank, n_jets = rank_of(counts), np.repeat(counts, counts)
        first = np.arange(len(rank)) - rank
        groups = [np.flatnonzero(rank == r) for r in range(KNOWN_JETS)]
        groups.append(np.flatnonzero(rank >= KNOWN_JETS))
        # Sums of momenta across the beam, at the first jet of each event.
        sums = np.zeros((2, len(rank)))
        # Where there are no jets, columns come once, too.
        for number, rows in enumerate(groups):
            if len(rows) or (number == 0 and not len(rank)):
                start = first[rows]
                before = [start + i for i in sorted({*range(number)} & {0, 1, number - 1})]
                yield from self._kinematics(
                    rows, before, sums[:, start], rank[rows], n_jets[rows], known
                )
                if number < KNOWN_JETS:
                    sums[:, start] += self._across(known[rows])
        for name in self._of_event:
            column = self._place[name]
            for rows in (np.flatnonzero(rank == 0), np.flatnonzero(rank)):
                reference = np.where(rank[rows] > 0, known[first[rows], column], 0)
                yield column, rows, Hint([], reference)
        eta = known[:, self._place[self._momentum.eta]]
        pt = known[:, self._place[self._momentum.pt]]
        features = [np.minimum(rank, 8), np.minimum(n_jets, 8), pt, eta, np.abs(eta)]
        rows = np.arange(len(rank))
        for column, hint in self._content(slice(None), features, known):
            yield column, rows, hint

    def _across(self, steps: Words) -> NDArray[np.float64]:
        """Return momenta of jets across the beam, shape (2, n), of the steps of all columns."""
        pt, phi = self._place[self._momentum.pt], self._place[self._momentum.phi]
        directions = cos_sin(self._scales[phi].values(steps[:, phi]))
        return np.asarray(self._scales[pt].values(steps[:, pt]) * np.stack(directions))

    def _kinematics(
        self,
        rows: Rows,
        before: list[Rows],
        momentum: NDArray[np.float64],
        rank: Words,
        n_jets: Words,
        known: Words,
    ) -> Iterator[tuple[int, Rows, Hint]]:
        """Yield pt, eta and phi of jets, after others in their events with this sum of momenta.

        Of those before, known are the first, the second and the last one; some may be the same.
        """
        pt, eta, phi = (self._place[name] for name in self._momentum.names[:3])
        zeros = np.zeros(len(rows), np.int64)

        def of(column: int) -> list[Words]:
            """Return the steps of the first, the second and the last jet before."""
            found = [known[rows, column] for rows in before]
            return [*found[:2], *[zeros] * (2 - len(found[:2])), found[-1] if found else zeros]

        along, across = momentum
        recoil = self._scales[pt].steps(np.sqrt(along * along + across * across))
        left = np.minimum(n_jets - rank, 8)
        features = [np.minimum(rank, 8), np.minimum(n_jets, 8), left, flag(left == 1)]
        first, _, last = pts = of(pt)
        features += [*pts, recoil, first - recoil, last - recoil]
        yield pt, rows, Hint(list(features), last)
        own = known[rows, pt]
        features += [own, own - recoil, last - own]
        features += [x for steps in of(eta) for x in (steps, np.abs(steps))]
        yield eta, rows, Hint(list(features), zeros)
        own = known[rows, eta]
        balance = Hint([], self._scales[phi].steps(angle(-along, -across)), self._half_turn)
        turned = [balance.distances(steps) for steps in of(phi)]
        features += [own, np.abs(own), *(x for steps in turned for x in (steps, np.abs(steps)))]
        yield phi, rows, Hint(features, balance.reference, self._half_turn)
