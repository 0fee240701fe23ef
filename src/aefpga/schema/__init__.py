"""What a record is: its variables and the relations among them. Jets are one, events another."""

from aefpga.schema.events import EVENTS
from aefpga.schema.jets import JETS
from aefpga.schema.registry import find_schema, register
from aefpga.schema.schema import Cut, FourMomentum, ParticleClass, PhysicsObject, Schema
from aefpga.schema.variable import KINDS, Kind, Variable

__all__ = [
    "EVENTS",
    "JETS",
    "KINDS",
    "Cut",
    "FourMomentum",
    "Kind",
    "ParticleClass",
    "PhysicsObject",
    "Schema",
    "Variable",
    "find_schema",
    "register",
]
