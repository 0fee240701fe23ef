"""What a record is: variables, their kinds, and the relations among them. Jets are one schema."""

from aefpga.schema.jets import JETS
from aefpga.schema.registry import find_schema, register
from aefpga.schema.schema import Cut, FourMomentum, ParticleClass, Schema
from aefpga.schema.variable import KINDS, Kind, Variable

__all__ = [
    "JETS",
    "KINDS",
    "Cut",
    "FourMomentum",
    "Kind",
    "ParticleClass",
    "Schema",
    "Variable",
    "find_schema",
    "register",
]
