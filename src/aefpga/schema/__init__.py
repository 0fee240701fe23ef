"""What a record is: its variables and the relations among them. Jets are one, events another."""

from aefpga.schema.events import EVENTS
from aefpga.schema.jets import JETS
from aefpga.schema.registry import STANDARD, find_schema, named, register
from aefpga.schema.schema import Cut, FourMomentum, ParticleClass, PhysicsObject, Schema
from aefpga.schema.variable import KINDS, Kind, Variable

__all__ = [
    "EVENTS",
    "JETS",
    "KINDS",
    "STANDARD",
    "Cut",
    "FourMomentum",
    "Kind",
    "ParticleClass",
    "PhysicsObject",
    "Schema",
    "Variable",
    "find_schema",
    "named",
    "register",
]
