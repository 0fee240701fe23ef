"""Events: the collections of objects that experiments' files and data challenges keep."""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aefpga.data.formats.format import Columns, Format
from aefpga.data.objects import table_of
from aefpga.schema import EVENTS, Schema
from aefpga.schema.events import MET, OBJECT_KINDS, QUANTITIES, ObjectKind

GEV_PER_MEV = 1e-3


class EventFormat(Format):
    """A format that feeds events: it says where each kind of objects is."""

    schema = EVENTS
    default_collection = "objects"

    @abstractmethod
    def branches_of(self, kind: ObjectKind) -> tuple[str, ...]:
        """Return the branches that objects of a kind need; none, if the format has no such kind."""

    @abstractmethod
    def objects(self, kind: ObjectKind, columns: Columns) -> Any:
        """Return, for each event, a list of records with pt in GeV, eta and phi."""

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return for each variable the format could give the branches that it needs."""
        return {
            f"{kind.object_name(rank)}_{quantity}": branches
            for kind in OBJECT_KINDS
            if (branches := self.branches_of(kind))
            for rank in range(1, kind.most + 1)
            for quantity in QUANTITIES
        }

    def table(self, schema: Schema, columns: Columns, n_records: int) -> NDArray[np.float32]:
        """Return events, shape (n_events, n_variables); what an event lacks is 0."""
        objects = {
            kind.name: self.objects(kind, columns)
            for kind in OBJECT_KINDS
            if (branches := self.branches_of(kind)) and columns.keys() >= set(branches)
        }
        return table_of(schema, objects, n_records)


class Collections(EventFormat):
    """A tree with a collection of branches for each kind of objects.

    Attributes
    ----------
    known : Mapping of str to tuple of str
        The collections that a kind of objects may be in, the first that is there counts.
    joint : str
        What stands between the collection and the quantity.
    unit : float
        Of momenta, in GeV.
    """

    known: ClassVar[Mapping[str, tuple[str, ...]]]
    joint: ClassVar[str] = "_"
    unit: ClassVar[float] = 1.0

    def branches_of(self, kind: ObjectKind) -> tuple[str, ...]:
        """Return the branches of the first collection that is there; missing energy has no eta."""
        quantities = [q for q in QUANTITIES if kind is not MET or q != "eta"]
        found = [
            tuple(f"{collection}{self.joint}{q}" for q in quantities)
            for collection in self.known.get(kind.name, ())
        ]
        here = [branches for branches in found if self.branches.issuperset(branches)]
        return (here or found or [()])[0]

    def objects(self, kind: ObjectKind, columns: Columns) -> Any:
        """Return the objects of a kind."""
        import awkward as ak

        branches = self.branches_of(kind)
        found = {b.rpartition(self.joint)[2]: columns[b] for b in branches}
        depth = {column.ndim for column in found.values()}
        if depth != {1 if kind is MET else 2}:
            expected = "a number" if kind is MET else "a list of numbers"
            raise ValueError(f"{', '.join(branches)}: {expected} for each event was expected")
        if kind is MET:
            found = {name: ak.unflatten(column, 1) for name, column in found.items()}
            found["eta"] = ak.zeros_like(found["pt"])
        return ak.zip({**found, "pt": self.unit * found["pt"]})

    @classmethod
    def collections(cls, branches: Collection[str]) -> list[str]:
        """Return the one collection, of all objects, if there are jets and leptons."""
        available = cls(cls.default_collection, branches).available()
        return [cls.default_collection] if {"j1_pt", "e1_pt", "mu1_pt"} <= available.keys() else []


class ScoutingEvents(Collections):
    """CMS scouting NanoAOD: the trigger's own objects."""

    name, tree = "CMS scouting", "Events"
    known: ClassVar = {
        "met": ("ScoutingMET",),
        "e": ("ScoutingElectron",),
        "mu": ("ScoutingMuon", "ScoutingMuonVtx"),
        "g": ("ScoutingPhoton",),
        "j": ("ScoutingPFJet",),
    }


class NanoEvents(Collections):
    """CMS NanoAOD. Its jets contain the electrons and muons that are listed beside."""

    name, tree = "CMS NanoAOD", "Events"
    known: ClassVar = {
        "met": ("PuppiMET", "MET", "PFMET"),
        "e": ("Electron",),
        "mu": ("Muon",),
        "g": ("Photon",),
        "j": ("Jet",),
    }


class PhysliteEvents(Collections):
    """ATLAS DAOD_PHYSLITE, in MeV. It keeps terms of the missing energy only, not all of it."""

    name, tree, joint, unit = "ATLAS PHYSLITE", "CollectionTree", "AuxDyn.", GEV_PER_MEV
    known: ClassVar = {
        "e": ("AnalysisElectrons",),
        "mu": ("AnalysisMuons",),
        "g": ("AnalysisPhotons",),
        "j": ("AnalysisJets",),
    }
    events: ClassVar = {
        "run": "EventInfoAuxDyn.runNumber",
        "event": "EventInfoAuxDyn.eventNumber",
    }


class Adc2021(EventFormat):
    """The data challenge ADC2021: 19 particles of pt, eta, phi and class for each event.

    In the published files jets beyond |eta| of 4 have lost pt and eta, but not phi and class: what
    has no pt is not there, whatever else is said of it.
    """

    name, tree, default_collection = "ADC2021", "Particles", "Particles"
    events: ClassVar = {"event": "EvtId", "process": "process", "weight": "weight"}

    _CLASSES: ClassVar = {"met": 1, "e": 2, "mu": 3, "j": 4}

    def branches_of(self, kind: ObjectKind) -> tuple[str, ...]:
        """Return the one data set that holds all."""
        return (self.collection,) if kind.name in self._CLASSES else ()

    def objects(self, kind: ObjectKind, columns: Columns) -> Any:
        """Return the particles of a class."""
        import awkward as ak

        particles = np.asarray(columns[self.collection])
        if particles.ndim != 3 or particles.shape[2] != 4:
            raise ValueError(
                f"{self.collection} has shape {particles.shape}, expected particles of pt, eta, "
                "phi and class for each event: (events, particles, 4)"
            )
        pt, eta, phi, which = np.moveaxis(particles, 2, 0)
        found = ak.from_regular(ak.zip({"pt": pt, "eta": eta, "phi": phi}))
        return found[ak.from_regular(ak.Array(which == self._CLASSES[kind.name]))]


class DarkMachines(EventFormat):
    """The data challenge of DarkMachines (PhenoML): lines of objects, in MeV."""

    name, tree, default_collection = "DarkMachines", "lines", "objects"
    events: ClassVar = {"event": "eventID", "process": "processID", "weight": "weight"}

    _TYPES: ClassVar = {
        "e": ("e-", "e+"),
        "mu": ("m-", "m+"),
        "g": ("g",),
        "j": ("j", "b"),
    }

    def branches_of(self, kind: ObjectKind) -> tuple[str, ...]:
        """Return the fields of a line that say it."""
        if kind is MET:
            return "MET", "METphi"
        return (
            tuple(f"object_{q}" for q in ("type", *QUANTITIES)) if kind.name in self._TYPES else ()
        )

    def objects(self, kind: ObjectKind, columns: Columns) -> Any:
        """Return the objects of a kind."""
        import awkward as ak

        if kind is MET:
            pt, phi = (ak.unflatten(columns[name], 1) for name in self.branches_of(kind))
            return ak.zip({"pt": GEV_PER_MEV * pt, "eta": 0 * pt, "phi": phi})
        found = ak.zip({q: columns[f"object_{q}"] for q in QUANTITIES})
        found["pt"] = GEV_PER_MEV * found.pt
        which = columns["object_type"]
        return found[reduce(or_, (which == name for name in self._TYPES[kind.name]))]
