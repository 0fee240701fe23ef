"""Jets, as the experiments' files keep them."""

import re
from collections.abc import Collection
from typing import Any, ClassVar

import numpy as np

from aefpga.data.formats.format import Columns, Format
from aefpga.schema import JETS

# What each class of particles is called in AOD's m_specific and, but for the first letter, in
# scouting.
_CAMEL = {
    "charged_hadron": "ChargedHadron",
    "neutral_hadron": "NeutralHadron",
    "photon": "Photon",
    "electron": "Electron",
    "muon": "Muon",
    "hf_hadron": "HFHadron",
    "hf_em": "HFEM",
}
_TOTALS = {
    "charged_em_energy": "ChargedEmEnergy",
    "charged_mu_energy": "ChargedMuEnergy",
    "neutral_em_energy": "NeutralEmEnergy",
    "charged_multiplicity": "ChargedMultiplicity",
    "neutral_multiplicity": "NeutralMultiplicity",
}


def _lower(match: re.Match[str]) -> str:
    return match[0].lower()


def _stems(branches: Collection[str], suffix: str) -> list[str]:
    """Return, sorted, what comes before `suffix` in the branches that end with it."""
    return sorted(b.removesuffix(suffix) for b in branches if b.endswith(suffix))


class Aod(Format):
    """CMS AOD: `reco::PFJet` objects, split into one branch a member."""

    name, tree = "CMS AOD", "Events"
    default_collection = "recoPFJets_ak5PFJets__RECO"

    # Members of `reco::PFJet`, below `recoPFJets_….obj.`.
    _MEMBERS: ClassVar = {
        **{name: f"{name}_" for name in ("pt", "eta", "phi", "mass")},
        **{f"vertex_{axis}": f"vertex_.fCoordinates.f{axis.upper()}" for axis in "xyz"},
        "area": "mJetArea",
        "pileup_energy": "mPileupEnergy",
        **{f"{name}_energy": f"m_specific.m{camel}Energy" for name, camel in _CAMEL.items()},
        **{
            f"{name}_multiplicity": f"m_specific.m{camel}Multiplicity"
            for name, camel in _CAMEL.items()
        },
        **{name: f"m_specific.m{camel}" for name, camel in _TOTALS.items()},
    }

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return for each variable the format could give the branches that it needs."""
        return {
            name: (f"{self.collection}.obj.{member}",) for name, member in self._MEMBERS.items()
        }

    @classmethod
    def collections(cls, branches: Collection[str]) -> list[str]:
        """Return the jet collections of this format that a tree with these branches holds.

        Muons, missing energy and more have a `pt_` too: only jets have an area. Particle-flow jets
        come first.
        """
        particle_flow = set(_stems(branches, ".obj.m_specific.mChargedHadronEnergy"))
        jets = [s for s in _stems(branches, ".obj.mJetArea") if f"{s}.obj.pt_" in branches]
        return sorted(jets, key=lambda stem: stem not in particle_flow)


class Scouting(Format):
    """CMS scouting NanoAOD: trigger-level particle-flow jets, one branch a variable."""

    name, tree, default_collection = "CMS scouting", "Events", "ScoutingPFJet"

    _DIRECT: ClassVar = {
        **{name: name for name in ("pt", "eta", "phi")},
        "mass": "m",
        "area": "jetArea",
        **{
            f"{name}_{quantity.lower()}": re.sub("^[A-Z](?=[a-z])", _lower, camel) + quantity
            for quantity in ("Energy", "Multiplicity")
            for name, camel in _CAMEL.items()
        },
    }

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return for each variable the format could give the branches that it needs."""
        direct = {name: (f"{self.collection}_{b}",) for name, b in self._DIRECT.items()}
        sums = {name: tuple(direct[t][0] for t in terms) for name, terms in JETS.sums.items()}
        return {**direct, **sums}

    @classmethod
    def collections(cls, branches: Collection[str]) -> list[str]:
        """Return the jet collections of this format that a tree with these branches holds."""
        return _stems(branches, "_chargedHadronEnergy")


class Nano(Format):
    """CMS NanoAOD: energies are fractions of the raw jet's, before jet-energy corrections.

    The raw four-momentum is (1 - rawFactor) times the stored one. The neutral fractions include
    the forward calorimeter's: it is subtracted where the file keeps it apart (hfHEF and hfEmEF, in
    version 15), else the neutral energy of jets beyond |eta| = 3 is taken to be the forward
    calorimeter's. Multiplicities: electrons and muons as linked to the jet, and, since version 15,
    the two totals; those of the other classes are not kept.
    """

    name, tree, default_collection = "CMS NanoAOD", "Events", "Jet"

    _FRACTIONS: ClassVar = {
        "charged_hadron_energy": "chHEF",
        "neutral_hadron_energy": "neHEF",
        "photon_energy": "neEmEF",
        "electron_energy": "chEmEF",
        "muon_energy": "muEF",
        "hf_hadron_energy": "hfHEF",
        "hf_em_energy": "hfEmEF",
        "charged_em_energy": "chEmEF",
        "charged_mu_energy": "muEF",
        "neutral_em_energy": "neEmEF",
    }
    _DIRECT: ClassVar = {
        **{name: name for name in ("pt", "eta", "phi", "mass", "area")},
        "electron_multiplicity": "nElectrons",
        "muon_multiplicity": "nMuons",
        "charged_multiplicity": "chMultiplicity",
        "neutral_multiplicity": "neMultiplicity",
    }
    # Variables that share a neutral fraction with the forward calorimeter: all of it, and the
    # branch of the forward part.
    _SHARED: ClassVar = {
        "neutral_hadron_energy": ("neHEF", "hfHEF"),
        "hf_hadron_energy": ("neHEF", "hfHEF"),
        "photon_energy": ("neEmEF", "hfEmEF"),
        "hf_em_energy": ("neEmEF", "hfEmEF"),
    }

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return for each variable the format could give the branches that it needs."""
        found: dict[str, tuple[str, ...]] = {
            name: (self._branch(b),) for name, b in self._DIRECT.items()
        }
        kinematics = [self._branch(b) for b in ("pt", "eta", "mass", "rawFactor")]
        for name, fraction in self._FRACTIONS.items():
            whole, forward = map(self._branch, self._SHARED.get(name, (fraction, fraction)))
            apart = [forward] if forward in self.branches else []
            found[name] = (whole, *apart, *kinematics)
        found["charged_hadron_multiplicity"] = tuple(
            self._branch(b) for b in ("chMultiplicity", "nElectrons", "nMuons")
        )
        return found

    def compute(self, variable: str, columns: Columns) -> Any:
        """Return one variable; energies are rebuilt from the raw jet and its fractions."""

        def column(branch: str) -> Any:
            return 1.0 * columns[self._branch(branch)]

        if variable == "charged_hadron_multiplicity":
            rest = column("chMultiplicity") - column("nElectrons") - column("nMuons")
            return rest * (rest > 0)
        if variable not in self._FRACTIONS:
            return super().compute(variable, columns)
        raw = 1 - column("rawFactor")
        energy = raw * np.sqrt((column("pt") * np.cosh(column("eta"))) ** 2 + column("mass") ** 2)
        if variable not in self._SHARED:
            return column(self._FRACTIONS[variable]) * energy
        whole, stored = self._SHARED[variable]
        fraction, is_forward = column(whole), abs(column("eta")) > 3.0
        apart = self._branch(stored) in columns
        forward = column(stored) if apart else fraction * is_forward
        return (forward if variable.startswith("hf_") else fraction - forward) * energy

    def _branch(self, name: str) -> str:
        return f"{self.collection}_{name}"

    @classmethod
    def collections(cls, branches: Collection[str]) -> list[str]:
        """Return the collections that have a raw factor, as corrected jets do.

        In a file that has none, such as one with few columns left, those called jets that have a
        four-momentum.
        """
        corrected = [s for s in _stems(branches, "_rawFactor") if f"{s}_pt" in branches]
        return corrected or [
            s
            for s in _stems(branches, "_mass")
            if "Jet" in s and all(f"{s}_{b}" in branches for b in ("pt", "eta", "phi"))
        ]


class Physlite(Format):
    """ATLAS DAOD_PHYSLITE: the four-momentum, in MeV."""

    name, tree, default_collection = "ATLAS PHYSLITE", "CollectionTree", "AnalysisJets"

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Return for each variable the format could give the branches that it needs."""
        names = {"pt": "pt", "eta": "eta", "phi": "phi", "mass": "m"}
        return {name: (f"{self.collection}AuxDyn.{b}",) for name, b in names.items()}

    def compute(self, variable: str, columns: Columns) -> Any:
        """Return one variable, MeV turned into GeV."""
        value = super().compute(variable, columns)
        return value * 1e-3 if variable in ("pt", "mass") else value

    @classmethod
    def collections(cls, branches: Collection[str]) -> list[str]:
        """Return the jet collections of this format that a tree with these branches holds."""
        stems = _stems(branches, "AuxDyn.pt")
        return [s for s in stems if "Jet" in s and f"{s}AuxDyn.m" in branches]
