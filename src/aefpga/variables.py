"""The catalogue of jet variables: name, unit, kind, and where each file format keeps them."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from aefpga.errors import UsageError

Kind = Literal["momentum", "angle", "position", "area", "energy", "multiplicity"]


@dataclass(frozen=True)
class Variable:
    """One jet variable.

    Parameters
    ----------
    name, unit, kind, description : str
        Its name in this toolkit, physical unit, kind, and meaning.
    aod : str
        Member of `reco::PFJet` in CMS AOD files, below `recoPFJets_….obj.`.
    scouting : str or None
        Branch in CMS scouting NanoAOD, after the collection's name; None where it has none.
    nano : str or None
        Branch in CMS NanoAOD, after the collection's name; energies are fractions there.
    physlite : str or None
        Branch in ATLAS PHYSLITE, after the collection's name and ``AuxDyn.``; momenta in MeV.
    """

    name: str
    unit: str
    kind: Kind
    description: str
    aod: str
    scouting: str | None
    nano: str | None = None
    physlite: str | None = None


def _particle_classes() -> Iterable[Variable]:
    classes = (
        # name, in AOD's m_specific, in scouting, in words, NanoAOD's energy and multiplicity
        ("charged_hadron", "ChargedHadron", "chargedHadron", "charged hadrons", "chHEF", None),
        ("neutral_hadron", "NeutralHadron", "neutralHadron", "neutral hadrons", "neHEF", None),
        ("photon", "Photon", "photon", "photons", "neEmEF", None),
        ("electron", "Electron", "electron", "electrons", "chEmEF", "nElectrons"),
        ("muon", "Muon", "muon", "muons", "muEF", "nMuons"),
        ("hf_hadron", "HFHadron", "HFHadron", "forward-calorimeter hadrons", "hfHEF", None),
        ("hf_em", "HFEM", "HFEM", "forward-calorimeter photons and electrons", "hfEmEF", None),
    )
    for name, aod, scouting, words, fraction, _ in classes:
        yield Variable(
            f"{name}_energy",
            "GeV",
            "energy",
            f"energy of {words}",
            f"m_specific.m{aod}Energy",
            f"{scouting}Energy",
            fraction,
        )
    for name, aod, scouting, words, _, number in classes:
        yield Variable(
            f"{name}_multiplicity",
            "",
            "multiplicity",
            f"number of {words}",
            f"m_specific.m{aod}Multiplicity",
            f"{scouting}Multiplicity",
            number,
        )


CATALOGUE: tuple[Variable, ...] = (
    Variable("pt", "GeV", "momentum", "transverse momentum", "pt_", "pt", "pt", "pt"),
    Variable("eta", "", "angle", "pseudorapidity", "eta_", "eta", "eta", "eta"),
    Variable("phi", "rad", "angle", "azimuth, -pi to pi", "phi_", "phi", "phi", "phi"),
    Variable("mass", "GeV", "momentum", "invariant mass", "mass_", "m", "mass", "m"),
    Variable("vertex_x", "cm", "position", "vertex, x", "vertex_.fCoordinates.fX", None),
    Variable("vertex_y", "cm", "position", "vertex, y", "vertex_.fCoordinates.fY", None),
    Variable("vertex_z", "cm", "position", "vertex, z", "vertex_.fCoordinates.fZ", None),
    Variable("area", "", "area", "catchment area in (eta, phi)", "mJetArea", "jetArea", "area"),
    Variable("pileup_energy", "GeV", "energy", "energy from pileup", "mPileupEnergy", None),
    *_particle_classes(),
    Variable(
        "charged_em_energy",
        "GeV",
        "energy",
        "charged electromagnetic energy = electron energy",
        "m_specific.mChargedEmEnergy",
        None,
        "chEmEF",
    ),
    Variable(
        "charged_mu_energy",
        "GeV",
        "energy",
        "charged muon energy = muon energy",
        "m_specific.mChargedMuEnergy",
        None,
        "muEF",
    ),
    Variable(
        "neutral_em_energy",
        "GeV",
        "energy",
        "neutral electromagnetic energy = photon + HF EM energy",
        "m_specific.mNeutralEmEnergy",
        None,
        "neEmEF",
    ),
    Variable(
        "charged_multiplicity",
        "",
        "multiplicity",
        "number of charged hadrons, electrons and muons",
        "m_specific.mChargedMultiplicity",
        None,
        "chMultiplicity",
    ),
    Variable(
        "neutral_multiplicity",
        "",
        "multiplicity",
        "number of neutral hadrons, photons and HF particles",
        "m_specific.mNeutralMultiplicity",
        None,
        "neMultiplicity",
    ),
)

NAMES = tuple(v.name for v in CATALOGUE)

# The classes of particles whose energies add up to the jet's.
PARTICLE_CLASSES = (
    "charged_hadron",
    "neutral_hadron",
    "photon",
    "electron",
    "muon",
    "hf_hadron",
    "hf_em",
)

# Sums of other variables, exact in CMS data: formats that lack the sum still give its terms.
SUMS: dict[str, tuple[str, ...]] = {
    "charged_em_energy": ("electron_energy",),
    "charged_mu_energy": ("muon_energy",),
    "neutral_em_energy": ("photon_energy", "hf_em_energy"),
    "charged_multiplicity": (
        "charged_hadron_multiplicity",
        "electron_multiplicity",
        "muon_multiplicity",
    ),
    "neutral_multiplicity": (
        "neutral_hadron_multiplicity",
        "photon_multiplicity",
        "hf_hadron_multiplicity",
        "hf_em_multiplicity",
    ),
}


def _without(names: Iterable[str], *dropped: str) -> tuple[str, ...]:
    return tuple(name for name in names if name not in dropped)


_24 = _without(NAMES, "vertex_x", "vertex_y", "vertex_z", "pileup_energy")

VARIABLE_SETS: dict[str, tuple[str, ...]] = {
    "28": NAMES,
    # All but the one that is always zero.
    "27": _without(NAMES, "pileup_energy"),
    "24": _24,
    # Without those that are zero in 99.5 % of jets.
    "19": _without(
        _24,
        "charged_em_energy",
        "charged_mu_energy",
        "muon_energy",
        "muon_multiplicity",
        "electron_energy",
    ),
    "4": ("pt", "eta", "phi", "mass"),
}

_BY_NAME = {v.name: v for v in CATALOGUE}


def variable(name: str) -> Variable:
    """Return one variable of the catalogue.

    Raises
    ------
    UsageError
        If there is no such variable; the nearest names are given.
    """
    if name not in _BY_NAME:
        near = difflib.get_close_matches(name, NAMES, n=3) or NAMES
        raise UsageError(f"unknown jet variable {name}; did you mean {', '.join(near)}?")
    return _BY_NAME[name]


def variable_set(name: str) -> tuple[Variable, ...]:
    """Return the variables of a set by its name: 28, 27, 24, 19 or 4.

    Raises
    ------
    UsageError
        If there is no such set.
    """
    if name not in VARIABLE_SETS:
        raise UsageError(f"unknown variable set {name}; the sets are {', '.join(VARIABLE_SETS)}")
    return tuple(_BY_NAME[n] for n in VARIABLE_SETS[name])
