"""Encoders that others made, read into specifications: exactly, or not at all."""
