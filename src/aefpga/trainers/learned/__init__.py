"""Training with learned widths: each weight and each neuron has the bits that it is worth."""
