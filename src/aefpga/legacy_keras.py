"""Keras 2, which QKeras builds on; TensorFlow chooses by the environment when it is imported.

A trainer is not the only one to import TensorFlow: hls4ml does when it writes a project. Whoever
may be the first asks here before.
"""

import os

VARIABLE = "TF_USE_LEGACY_KERAS"
# What TensorFlow takes for yes.
YES = ("1", "true", "True")


def ask_for_legacy_keras() -> None:
    """Ask for Keras 2 and no chatter, unless the user's environment says something else."""
    os.environ.setdefault(VARIABLE, YES[0])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
