"""The one door to TensorFlow, with a clear error where it is not installed.

`aefpga/__init__.py` asks for legacy Keras before anything can import it.
"""

from functools import cache
from typing import Any

from aefpga.errors import ToolError
from aefpga.quiet import quiet


@cache
def tensorflow() -> Any:
    """Import TensorFlow with Keras 2, on which QKeras depends, and return the module.

    Raises
    ------
    ToolError
        If the `train` extra is not installed.
    """
    try:
        with quiet():
            import qkeras  # noqa: F401
            import tensorflow as tf
    except ImportError as error:
        raise ToolError(
            f"training needs TensorFlow and QKeras ({error}); install them with "
            "`pip install 'aefpga[train]'`"
        ) from error
    # It advises against models that are used once, as ours are.
    tf.get_logger().setLevel("ERROR")
    return tf
