"""Decoding: latent words back to jets, without TensorFlow."""
