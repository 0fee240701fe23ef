"""Autoencoders: float and quantized, their training, and the specification they leave behind."""
