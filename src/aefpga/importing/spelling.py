"""Fixed-point types as text, in the spelling of AMD's `ap_fixed` or hls4ml's `fixed`."""

import re

from aefpga.fixedpoint import FixedType
from aefpga.fixedpoint.types import Overflow, Rounding

_TYPE = re.compile(r"(?:ap_)?(u?)(fixed|int)<([^<>]*)>")
_ROUNDINGS: dict[str, Rounding] = {"TRN": "TRN", "RND": "RND", "RND_CONV": "RND_CONV"}
_OVERFLOWS: dict[str, Overflow] = {"WRAP": "WRAP", "SAT": "SAT"}


def read_type(text: str) -> FixedType:
    """Return the type that a text names.

    As in C++, what is not said of rounding and overflow is truncation and wrapping.

    Raises
    ------
    ValueError
        If it is none, or one that no specification can hold.

    Examples
    --------
    >>> str(read_type("ap_fixed<8, 6, AP_RND_CONV, AP_SAT>"))
    'fixed<8,6,RND_CONV,SAT>'
    >>> str(read_type("ap_uint<4>"))
    'ufixed<4,4,TRN,WRAP>'
    """
    match = _TYPE.fullmatch(text.replace(" ", ""))
    if match is None:
        raise ValueError(f"{text!r:.60} is no type such as ap_fixed<8,6,AP_RND_CONV,AP_SAT>")
    unsigned, kind, inside = match.groups()
    parts: list[str] = inside.split(",")
    if kind == "int":
        parts.insert(1, parts[0])
    numbers, modes = parts[:2], [mode.removeprefix("AP_") for mode in parts[2:]]
    if modes[2:] not in ([], ["0"]) or (kind == "int" and modes):
        raise ValueError(f"{text}: only types without saturation bits can be represented")
    rounding, overflow = (*modes[:2], *("TRN", "WRAP")[len(modes[:2]) :])
    if rounding not in _ROUNDINGS:
        raise ValueError(
            f"{text} rounds as {rounding}; {', '.join(_ROUNDINGS)} can be represented exactly"
        )
    if overflow not in _OVERFLOWS:
        raise ValueError(
            f"{text} overflows as {overflow}; {', '.join(_OVERFLOWS)} can be represented exactly"
        )
    try:
        width, integer = map(int, numbers)
    except ValueError:
        raise ValueError(f"{text}: expected a width and a number of integer bits") from None
    return FixedType(not unsigned, width, integer, _ROUNDINGS[rounding], _OVERFLOWS[overflow])
