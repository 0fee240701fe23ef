"""The one door to TensorFlow, with a clear error where it is not installed."""

import os
import warnings
from functools import cache
from typing import Any

from aefpga.errors import ToolError
from aefpga.legacy_keras import VARIABLE, YES, ask_for_legacy_keras
from aefpga.quiet import quiet


@cache
def tensorflow() -> Any:
    """Import TensorFlow with Keras 2, on which QKeras depends, and return the module.

    Raises
    ------
    ToolError
        If the `train` extra is not installed, or TensorFlow has another Keras in this process.
    """
    ask_for_legacy_keras()
    if os.environ[VARIABLE] not in YES:
        raise ToolError(
            f"QKeras needs Keras 2, but the environment says {VARIABLE}={os.environ[VARIABLE]}; "
            "unset it, or set it to 1"
        )
    try:
        with quiet():
            import tensorflow as tf

            # Importing QKeras with another Keras may fail, or change which one it is.
            is_legacy = _has_legacy_keras(tf)
            if is_legacy:
                import qkeras  # noqa: F401

                is_legacy = _has_legacy_keras(tf)
    except ImportError as error:
        raise ToolError(
            f"training needs TensorFlow and QKeras ({error}); install them with "
            "`pip install 'aefpga[train]'`"
        ) from error
    if not is_legacy:
        raise ToolError(
            f"QKeras needs Keras 2, but TensorFlow was imported before, with another Keras; set "
            f"{VARIABLE}=1 before that"
        )
    # It advises against models that are used once, as ours are.
    tf.get_logger().setLevel("ERROR")
    # And against layers of QKeras that start alike: their weights are set before they train.
    warnings.filterwarnings("ignore", "The initializer .* is unseeded", UserWarning)
    return tf


def _has_legacy_keras(tf: Any) -> bool:
    return bool(tf.keras.layers.Layer.__module__.startswith("tf_keras"))
