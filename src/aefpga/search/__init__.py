"""Searching for encoders that no other beats: the space, the trials, and the front of them."""
