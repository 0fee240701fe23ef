"""Tables of integers to streams of bytes and back: learned probabilities, and a coder of ranges.

Integers alone decide what is written, so that every machine reads it.
"""
