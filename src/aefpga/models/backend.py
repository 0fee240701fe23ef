"""The one door to TensorFlow: legacy Keras, quiet, and a clear error where it is not installed."""

import os
from functools import cache
from typing import Any

from aefpga.errors import ToolError


@cache
def tensorflow() -> Any:
    """Import TensorFlow with Keras 2, on which QKeras depends, and return the module.

    Raises
    ------
    ToolError
        If the `train` extra is not installed.
    """
    # Both are read once, when TensorFlow is imported.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import qkeras  # noqa: F401
        import tensorflow as tf
    except ImportError as error:
        raise ToolError(
            f"training needs TensorFlow and QKeras ({error}); install them with "
            "`pip install 'aefpga[train]'`"
        ) from error
    return tf
