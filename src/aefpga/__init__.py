"""Quantized jet autoencoders for FPGA triggers: trained, proven word for word, synthesized."""

import os

__version__ = "0.1.0"

# Both are read once, when TensorFlow is imported, and hls4ml may import it before our own code.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
