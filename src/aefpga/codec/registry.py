"""The codecs that are known by name."""

from aefpga.codec.autoencoding import Autoencoding
from aefpga.codec.protocol import Codec
from aefpga.codec.scalar import Scalar
from aefpga.codec.zeros import Zeros
from aefpga.errors import UsageError

_KNOWN: dict[str, type[Codec]] = {codec.name: codec for codec in (Autoencoding, Scalar, Zeros)}


def register(codec: type[Codec]) -> type[Codec]:
    """Make a codec known under its name, to settings and files; a decorator of its class."""
    _KNOWN[codec.name] = codec
    return codec


def find_codec(name: str) -> type[Codec]:
    """Return a codec's class by its name.

    Raises
    ------
    UsageError
        If there is no such codec.
    """
    if name not in _KNOWN:
        raise UsageError(f"unknown codec {name}; known are {', '.join(_KNOWN)}")
    return _KNOWN[name]
