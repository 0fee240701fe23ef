"""Training with QKeras: float and quantized networks, and the specification they leave behind."""
