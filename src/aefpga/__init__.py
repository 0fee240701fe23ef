"""Quantized jet autoencoders for FPGA triggers: trained, proven word for word, synthesized."""

__version__ = "0.1.0"
