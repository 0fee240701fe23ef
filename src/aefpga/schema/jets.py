"""Jets: their variables, and the relations among them."""

from collections.abc import Iterable, Iterator
from math import pi

from aefpga.schema.schema import Cut, FourMomentum, ParticleClass, Schema
from aefpga.schema.variable import (
    ANGLE,
    AREA,
    ENERGY,
    MOMENTUM,
    MULTIPLICITY,
    POSITION,
    Kind,
    Variable,
)

# The classes of particles whose energies add up to the jet's, and how plots write them.
PARTICLES = {
    "charged_hadron": ("charged hadrons", r"h^\pm"),
    "neutral_hadron": ("neutral hadrons", "h^0"),
    "photon": ("photons", r"\gamma"),
    "electron": ("electrons", "e"),
    "muon": ("muons", r"\mu"),
    "hf_hadron": ("forward-calorimeter hadrons", r"\mathrm{HF\ had}"),
    "hf_em": ("forward-calorimeter photons and electrons", r"\mathrm{HF\ em}"),
}
# A charged jet's energy follows best from the rest: it comes last, rare particles come first.
_RARE = ("electron", "muon", "hf_em")
_RARE_FIRST = (*_RARE, "hf_hadron", "neutral_hadron", "photon", "charged_hadron")


def _variable(
    name: str, unit: str, kind: Kind, description: str, symbol: str, period: float | None = None
) -> Variable:
    return Variable(
        name=name,
        unit=unit,
        kind=kind,
        description=description,
        symbol=f"${symbol}$",
        period=period,
        is_optional=kind in (POSITION, MULTIPLICITY) or name == "pileup_energy",
        of_event=kind == POSITION,
    )


def _variables() -> Iterator[Variable]:
    yield _variable("pt", "GeV", MOMENTUM, "transverse momentum", "p_T")
    yield _variable("eta", "", ANGLE, "pseudorapidity", r"\eta")
    yield _variable("phi", "rad", ANGLE, "azimuth, -pi to pi", r"\phi", 2 * pi)
    yield _variable("mass", "GeV", MOMENTUM, "invariant mass", "m")
    for axis in "xyz":
        yield _variable(
            f"vertex_{axis}", "cm", POSITION, f"vertex, {axis}", f"{axis}_\\mathrm{{PV}}"
        )
    yield _variable("area", "", AREA, "catchment area in (eta, phi)", "A")
    yield _variable("pileup_energy", "GeV", ENERGY, "energy from pileup", r"E_\mathrm{PU}")
    for name, (words, symbol) in PARTICLES.items():
        yield _variable(f"{name}_energy", "GeV", ENERGY, f"energy of {words}", f"E_{{{symbol}}}")
    for name, (words, symbol) in PARTICLES.items():
        description = f"number of {words}"
        yield _variable(f"{name}_multiplicity", "", MULTIPLICITY, description, f"N_{{{symbol}}}")
    for name, description, symbol in (
        ("charged_em", "charged electromagnetic energy = electron energy", r"\mathrm{ch.\ em}"),
        ("charged_mu", "charged muon energy = muon energy", r"\mathrm{ch.}\ \mu"),
        ("neutral_em", "neutral electromagnetic energy = photon + HF EM energy",
         r"\mathrm{neutral\ em}"),
    ):  # fmt: skip
        yield _variable(f"{name}_energy", "GeV", ENERGY, description, f"E_{{{symbol}}}")
    for name, description in (
        ("charged", "number of charged hadrons, electrons and muons"),
        ("neutral", "number of neutral hadrons, photons and HF particles"),
    ):
        symbol = f"N_\\mathrm{{{name}}}"
        yield _variable(f"{name}_multiplicity", "", MULTIPLICITY, description, symbol)


_ALL = tuple(_variables())


def _without(names: Iterable[str], *dropped: str) -> tuple[str, ...]:
    return tuple(name for name in names if name not in dropped)


_28 = tuple(v.name for v in _ALL)
_24 = _without(_28, "vertex_x", "vertex_y", "vertex_z", "pileup_energy")

JETS = Schema(
    name="jets",
    variables=_ALL,
    # Exact in CMS data: formats that lack the sum still give its terms.
    sums={
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
    },
    classes=tuple(
        ParticleClass(energy=f"{name}_energy", count=f"{name}_multiplicity", is_rare=name in _RARE)
        for name in _RARE_FIRST
    ),
    momentum=FourMomentum(pt="pt", eta="eta", phi="phi", mass="mass"),
    cuts=(Cut(variable="pt", below=8000.0), Cut(variable="mass", below=800.0)),
    sets={
        "28": _28,
        # All but the one that is always zero.
        "27": _without(_28, "pileup_energy"),
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
    },
    usual="24",
    headline=(
        "pt",
        "mass",
        "eta",
        "phi",
        "charged_hadron_energy",
        "neutral_hadron_energy",
        "photon_energy",
        "hf_em_energy",
    ),
)
