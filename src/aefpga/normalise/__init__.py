"""Normalisers: physical units to the numbers a network learns, and back."""

from aefpga.normalise.normaliser import Normaliser, load_normaliser, save_normaliser

__all__ = ["Normaliser", "load_normaliser", "save_normaliser"]
