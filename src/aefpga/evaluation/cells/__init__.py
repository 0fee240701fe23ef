"""Cells judged as what they are: energy at places; and what plain choices make of them."""
