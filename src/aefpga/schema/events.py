"""Events: missing energy, leptons, photons and jets, of each kind the first in order of pt."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi

from aefpga.schema.schema import PhysicsObject, Quantity, Schema
from aefpga.schema.variable import ANGLE, MOMENTUM, Variable


@dataclass(frozen=True)
class ObjectKind:
    """A kind of objects: its name in variables, in words and in symbols.

    Of an event at most `most` are kept, and `usual` unless asked otherwise. A present one has a pt
    of at least `least`, in GeV, in files that this toolkit simulates.
    """

    name: str
    words: str
    symbol: str
    most: int
    usual: int
    least: float

    def object_name(self, rank: int) -> str:
        """Return what the variables of the object of this rank, from 1, begin with."""
        return self.name if self.most == 1 else f"{self.name}{rank}"


MET = ObjectKind("met", "missing transverse energy", r"\mathrm{miss}", 1, 1, 0.0)
LEPTON_PT, JET_PT = 3.0, 15.0
OBJECT_KINDS = (
    MET,
    ObjectKind("e", "electron", "e", 8, 4, LEPTON_PT),
    ObjectKind("mu", "muon", r"\mu", 8, 4, LEPTON_PT),
    ObjectKind("g", "photon", r"\gamma", 8, 0, LEPTON_PT),
    ObjectKind("j", "jet", "j", 16, 10, JET_PT),
)
QUANTITIES = ("pt", "eta", "phi")


def _objects(counts: dict[str, int]) -> Iterator[tuple[ObjectKind, int]]:
    for kind in OBJECT_KINDS:
        for rank in range(1, counts[kind.name] + 1):
            yield kind, rank


def _variables(kind: ObjectKind, rank: int) -> Iterator[Variable]:
    name, which = kind.object_name(rank), f"{kind.symbol}{rank}"
    words = kind.words if kind is MET else f"{kind.words} {rank}"
    index = kind.symbol if kind is MET else which
    for quantity, unit, sort, symbol, period in (
        ("pt", "GeV", MOMENTUM, "p_T", None),
        ("eta", "", ANGLE, r"\eta", None),
        ("phi", "rad", ANGLE, r"\phi", 2 * pi),
    ):
        yield Variable(
            name=f"{name}_{quantity}",
            unit=unit,
            kind=sort,
            description=f"{quantity} of {words}",
            symbol=f"${symbol}^{{{index}}}$",
            period=period,
            # Files may keep no photons, or only what missing energy is made of.
            is_optional=kind is MET or kind.usual == 0,
        )


_ALL = {kind.name: kind.most for kind in OBJECT_KINDS}
_USUAL = tuple(
    f"{kind.object_name(rank)}_{quantity}"
    for kind, rank in _objects({kind.name: kind.usual for kind in OBJECT_KINDS})
    for quantity in QUANTITIES
)

EVENTS = Schema(
    name="events",
    variables=tuple(v for kind, rank in _objects(_ALL) for v in _variables(kind, rank)),
    objects=tuple(
        PhysicsObject(
            pt=f"{kind.object_name(rank)}_pt",
            rest=tuple(f"{kind.object_name(rank)}_{q}" for q in QUANTITIES[1:]),
            kind=kind.name,
            least=kind.least,
        )
        for kind, rank in _objects(_ALL)
    ),
    quantities=(
        Quantity(name="lepton_pt", how="largest", of=("e1_pt", "mu1_pt")),
        Quantity(name="ht", how="sum", of=tuple(v for v in _USUAL if v[0] == "j" and "_pt" in v)),
        Quantity(name="met_over_ht", how="ratio", of=("met_pt", "ht")),
    ),
    sets={"57": _USUAL},
    usual="57",
    one_per_event=True,
    headline=("met_pt", "met_phi", "e1_pt", "e1_eta", "mu1_pt", "mu1_eta", "j1_pt", "j1_eta"),
)
