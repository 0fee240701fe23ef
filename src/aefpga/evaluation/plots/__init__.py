"""Plots of an evaluation: each function draws one picture, as PNG and as PDF."""
