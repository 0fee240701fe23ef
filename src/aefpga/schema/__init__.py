"""What a record is: its variables and the relations among them. Jets are one, events another."""

from aefpga.schema.cells import CELLS, IMAGES, REGIONS
from aefpga.schema.events import EVENTS
from aefpga.schema.image import Image, Layout
from aefpga.schema.jets import JETS
from aefpga.schema.registry import STANDARD, find_schema, named, register
from aefpga.schema.schema import Cut, FourMomentum, ParticleClass, PhysicsObject, Schema
from aefpga.schema.variable import KINDS, Kind, Variable

__all__ = [
    "CELLS",
    "EVENTS",
    "IMAGES",
    "JETS",
    "KINDS",
    "REGIONS",
    "STANDARD",
    "Cut",
    "FourMomentum",
    "Image",
    "Kind",
    "Layout",
    "ParticleClass",
    "PhysicsObject",
    "Schema",
    "Variable",
    "find_schema",
    "named",
    "register",
]
